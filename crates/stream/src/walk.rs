//! The segments of a stream as its first codec made them: decoded down to that by several threads, visited in order.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use lab_codec::{Context, Result};

use crate::container::{Reader, SegmentHeader, Stored};
use crate::ordered::ordered;
use crate::pipeline::Pipeline;

/// Undoes all stages but the first of each segment, has `read` make something of the bytes in `threads` threads, and
/// shows that to `visit` in order until it stops. The bytes of a bypassed segment are its content. The observer hears of
/// the content's bytes.
///
/// # Errors
/// Corrupt bytes, limits, those of `read` and `visit`.
pub fn walk<T: Send>(
    reader: &Reader,
    pipeline: &Pipeline,
    threads: usize,
    cx: &Context,
    read: impl Fn(&SegmentHeader, Vec<u8>) -> Result<T> + Sync,
    mut visit: impl FnMut(T) -> Result<ControlFlow<()>> + Send,
) -> Result<()> {
    let stopped = AtomicBool::new(false);
    let mut numbers = 0..reader.index().entries.len();
    ordered(
        threads,
        || {
            cx.check()?;
            let next = numbers.next().filter(|_| !stopped.load(Ordering::Relaxed));
            next.map(|number| reader.segment(number)).transpose()
        },
        || pipeline.worker(),
        |worker, stored: Stored| {
            let header = stored.header.clone();
            let bytes = worker.decode_to_first(stored, cx)?;
            let read = read(&header, bytes).map_err(|e| e.at(format!("segment {}", header.number)))?;
            Ok((read, header.raw_len))
        },
        |(read, raw_len)| {
            if !stopped.load(Ordering::Relaxed) && visit(read)?.is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
            cx.observer().advance(raw_len);
            Ok(())
        },
    )
}
