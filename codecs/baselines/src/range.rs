//! `range`: an adaptive binary range coder over the bits of each byte, in contexts of up to two bytes.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Memory, Param, Params, Resources, Result, Worker};
use lab_entropy::range::{Bit, Decoder, Encoder};

use crate::parts::{codec, reserve, used_up};

const ORDER: Param = Param::int("order", 0, 2, 1, "bytes of context");

/// Count at which the adaptation of a probability stops slowing down.
const LIMIT: u32 = 60;
/// Bytes between two tests of the cancellation flag.
const PIECE: usize = 16 << 10;

static INFO: Info =
    Info::new("range", "adaptive binary range coder, each bit in the context of the bits and bytes before")
        .params(&[ORDER])
        .memory(|params, segment| {
            let both = memory(params.int(&ORDER) as u32, segment);
            Memory::new(both, both)
        });

/// The registry entry.
pub const RANGE: Entry = Entry::codec(&INFO, build);

fn contexts(order: u32) -> usize {
    1 << (8 * order)
}

/// Memory of the pages that a segment may need. It counts twice, since a growing vector is copied.
fn memory(order: u32, segment: u64) -> u64 {
    let contexts = contexts(order) as u64;
    contexts * 4 + contexts.min(segment) * 3 * size_of::<Page>() as u64
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let order = params.int(&ORDER) as u32;
    Ok(codec(move || Range { order, index: Vec::new(), pages: Vec::new(), used: Vec::new() }))
}

/// The bits of one byte: node 1 is the highest bit, nodes `2n` and `2n + 1` follow node `n` by its bit.
type Page = [Bit; 256];

/// Pages are allocated when their context first occurs, since most contexts never do.
struct Range {
    order: u32,
    /// The number of each context's page plus 1; 0 without a page.
    index: Vec<u32>,
    pages: Vec<Page>,
    /// The context of each page.
    used: Vec<u32>,
}

impl Range {
    fn reset(&mut self) {
        // Reset only the contexts that the last segment used.
        self.used.drain(..).for_each(|context| self.index[context as usize] = 0);
        self.index.resize(contexts(self.order), 0);
        self.pages.clear();
    }

    /// The page of a context: the bytes `before`, the last one in the lowest bits.
    #[inline]
    fn page(&mut self, before: u32) -> &mut Page {
        let context = before as usize & (self.index.len() - 1);
        if self.index[context] == 0 {
            self.pages.push([Bit::default(); 256]);
            self.used.push(context as u32);
            self.index[context] = self.pages.len() as u32;
        }
        &mut self.pages[self.index[context] as usize - 1]
    }
}

impl Worker for Range {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if input.is_empty() {
            return Ok(());
        }
        cx.limits().check_memory(memory(self.order, input.len() as u64), "range of this order")?;
        self.reset();
        reserve(out, input.len() / 2)?;
        let mut encoder = Encoder::new(std::mem::take(out));
        let mut before = 0_u32;
        for piece in input.chunks(PIECE) {
            cx.check()?;
            for byte in piece {
                let page = self.page(before);
                let mut node = 1;
                for place in (0..8).rev() {
                    let bit = byte >> place & 1 != 0;
                    encoder.bit(bit, page[node].one());
                    page[node].update(bit, LIMIT);
                    node = 2 * node + usize::from(bit);
                }
                before = before << 8 | u32::from(*byte);
            }
            cx.observer().advance(piece.len() as u64);
        }
        *out = encoder.finish();
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if raw_len == 0 {
            return used_up(input.len());
        }
        cx.limits().check_memory(memory(self.order, raw_len as u64), "range of this order")?;
        self.reset();
        reserve(out, raw_len)?;
        let mut decoder = Decoder::new(input);
        let mut before = 0_u32;
        for at in (0..raw_len).step_by(PIECE) {
            cx.check()?;
            decoder.check()?;
            for _ in at..raw_len.min(at + PIECE) {
                let page = self.page(before);
                let mut node = 1;
                for _ in 0..8 {
                    // The mask never changes the node. It proves to the compiler that the index is within the
                    // page.
                    let bit = decoder.bit(page[node & 255].one());
                    page[node & 255].update(bit, LIMIT);
                    node = 2 * node + usize::from(bit);
                }
                before = before << 8 | (node as u32 & 255);
                out.push(node as u8);
            }
        }
        decoder.finish()
    }
}
