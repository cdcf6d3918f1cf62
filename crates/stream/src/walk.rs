//! Visits the segments of a stream in order, decoded down to the first codec's output, on several threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use lab_codec::{Context, Result};

use crate::container::{Reader, SegmentHeader, Stored};
use crate::ordered::ordered;
use crate::pipeline::Pipeline;

/// Undoes all stages but the first of each segment, applies `read` on `threads` threads, and passes each
/// result to `visit` in order until it stops. A bypassed segment is passed as its content. The observer
/// counts bytes of content.
///
/// # Errors
/// Corrupt bytes, limits, errors of `read` and `visit`.
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
