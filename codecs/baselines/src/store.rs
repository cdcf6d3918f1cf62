//! `store`: an unchanged copy, the baseline of every measurement.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Params, Resources, Result, Worker};

static INFO: Info = Info::new("store", "the bytes as they are").range_decode().identity();

/// The registry entry.
pub const STORE: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(Arc::new(Store))
}

struct Store;

impl Codec for Store {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Store)
    }
}

fn check_len(input: &[u8], raw_len: usize) -> Result<()> {
    if input.len() != raw_len {
        return Err(Error::corrupt(format!("{} stored bytes where {raw_len} are expected", input.len())));
    }
    Ok(())
}

impl Worker for Store {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        out.extend_from_slice(input);
        cx.observer().advance(input.len() as u64);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, _: &Context) -> Result<()> {
        check_len(input, raw_len)?;
        out.extend_from_slice(input);
        Ok(())
    }

    fn decode_range(
        &mut self,
        input: &[u8],
        raw_len: usize,
        range: std::ops::Range<usize>,
        out: &mut Vec<u8>,
        _: &Context,
    ) -> Result<()> {
        check_len(input, raw_len)?;
        let wanted = input.get(range.clone()).ok_or_else(|| {
            Error::usage(format!("range {}..{} is outside 0..{raw_len}", range.start, range.end))
        })?;
        out.extend_from_slice(wanted);
        Ok(())
    }
}
