//! `mtf`: move to front. Each byte becomes its rank in a list of byte values, the most recent first.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Params, Resources, Result, Worker};

use crate::parts::{PIECE, codec, exactly, reserve};

static INFO: Info =
    Info::new("mtf", "move to front: a byte's rank by how recently it occurred, for behind bwt");

/// The registry entry.
pub const MTF: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(codec(|| Mtf))
}

struct Mtf;

/// The list of byte values, the most recent first.
struct Recent([u8; 256]);

impl Recent {
    fn new() -> Self {
        Self(std::array::from_fn(|i| i as u8))
    }

    #[inline]
    fn rank(&mut self, byte: u8) -> u8 {
        // Shift values back by one until the wanted one is found: search and move in one pass.
        let mut moved = byte;
        for (rank, slot) in self.0.iter_mut().enumerate() {
            std::mem::swap(slot, &mut moved);
            if moved == byte {
                return rank as u8;
            }
        }
        unreachable!("the list holds every byte value")
    }

    #[inline]
    fn byte(&mut self, rank: u8) -> u8 {
        let rank = usize::from(rank);
        let byte = self.0[rank];
        self.0.copy_within(..rank, 1);
        self.0[0] = byte;
        byte
    }
}

fn map(input: &[u8], out: &mut Vec<u8>, cx: &Context, mut step: impl FnMut(u8) -> u8) -> Result<()> {
    reserve(out, input.len())?;
    for piece in input.chunks(PIECE) {
        cx.check()?;
        out.extend(piece.iter().map(|byte| step(*byte)));
        cx.observer().advance(piece.len() as u64);
    }
    Ok(())
}

impl Worker for Mtf {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let mut recent = Recent::new();
        map(input, out, cx, |byte| recent.rank(byte))
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        exactly(input.len(), raw_len)?;
        let mut recent = Recent::new();
        map(input, out, cx, |rank| recent.byte(rank))
    }
}
