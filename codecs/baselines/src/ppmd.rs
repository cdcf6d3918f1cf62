//! `ppmd`: PPMd variant H (PPMd7) with the range coder of 7-Zip, as in `7z -m0=PPMd`; without an end mark.

use std::io::{Read, Write};
use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};
use ppmd_rust::{Ppmd7Decoder, Ppmd7Encoder};

use crate::parts::{codec, room, used_up};

const ORDER: Param = Param::int("order", 2, 64, 6, "bytes of context");
const MEMORY: Param =
    Param::size("memory", 2 << 10, 1 << 30, 16 << 20, "for the model, which starts anew when it is full")
        .or_called(&["mem"]);

/// Bytes between two tests of the cancellation flag.
const PIECE: usize = 64 << 10;
/// Memory of the library beside the model's own.
const TABLES: u64 = 64 << 10;

static INFO: Info = Info::new("ppmd", "PPMd var. H: prediction by partial matching, range coding")
    .params(&[ORDER, MEMORY])
    .memory(|params, segment| {
        let need = Ppmd::read(params).need(segment);
        Memory::new(need, need)
    });

/// The registry entry.
pub const PPMD: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let settings = Ppmd::read(params);
    Ok(codec(move || settings))
}

#[derive(Debug, Clone, Copy)]
struct Ppmd {
    order: u32,
    memory: u32,
}

impl Ppmd {
    fn read(params: &Params) -> Self {
        // The declared ranges fit both types.
        Self { order: params.int(&ORDER) as u32, memory: params.size(&MEMORY) as u32 }
    }

    /// The model's memory for a segment. The library zeroes all of it each time, so a short segment gets only
    /// what it can fill: a byte adds at most about two units of 12 bytes to each of its contexts.
    fn model(self, segment: u64) -> u32 {
        let filled = segment.saturating_mul(24 * (u64::from(self.order) + 1)).saturating_add(64 << 10);
        self.memory.min(u32::try_from(filled).unwrap_or(u32::MAX))
    }

    fn need(self, segment: u64) -> u64 {
        u64::from(self.model(segment)) + TABLES
    }
}

fn failed(e: ppmd_rust::Error) -> Error {
    match e {
        ppmd_rust::Error::IoError(_) => Error::truncated("the PPMd stream ends early"),
        ppmd_rust::Error::MemoryAllocation => Error::limit("ppmd: no memory for the model"),
        e => Error::corrupt(format!("ppmd: {e}")),
    }
}

impl Worker for Ppmd {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory(self.need(input.len() as u64), "the PPMd model")?;
        let model = self.model(input.len() as u64);
        let mut encoder = Ppmd7Encoder::new(out, self.order, model).map_err(failed)?;
        for piece in input.chunks(PIECE) {
            cx.check()?;
            encoder.write_all(piece)?;
            cx.observer().advance(piece.len() as u64);
        }
        encoder.finish(false)?;
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory(self.need(raw_len as u64), "the PPMd model")?;
        let model = self.model(raw_len as u64);
        let mut decoder = Ppmd7Decoder::new(input, self.order, model).map_err(failed)?;
        for piece in room(out, raw_len)?.chunks_mut(PIECE) {
            cx.check()?;
            decoder.read_exact(piece).map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => Error::truncated("the PPMd stream ends early"),
                _ => Error::corrupt(format!("ppmd: {e}")),
            })?;
        }
        used_up(decoder.into_inner().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_memory_for_short_segments_changes_no_byte() {
        let mut state = 1_u32;
        let mut random = |values: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) % values) as u8
        };
        for (order, values) in [(2, 256), (6, 256), (64, 256), (2, 7), (6, 7), (16, 2), (64, 3)] {
            for length in [1, 300, 5000, 60_000] {
                let input: Vec<u8> = (0..length).map(|_| random(values)).collect();
                let codec = Ppmd { order, memory: 256 << 20 };
                let (mut short, mut full) = (Vec::new(), Vec::new());
                { codec }.encode(&input, &mut short, &Context::default()).unwrap();
                let mut encoder = Ppmd7Encoder::new(&mut full, order, codec.memory).unwrap();
                encoder.write_all(&input).unwrap();
                encoder.finish(false).unwrap();
                assert!(short == full, "order {order}, {length} of {values} values");
            }
        }
    }
}
