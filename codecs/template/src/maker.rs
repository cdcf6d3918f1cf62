//! Grammar codecs: one per grammar builder; everything else is shared.

use std::ops::Range;
use std::sync::Arc;

use lab_codec::{Codec, Context, Memory, Params, Result, Worker};

use crate::grammar::Grammar;
use crate::partial;
use crate::segment::{self, Coder};
use crate::select;

/// A builder of grammars.
pub(crate) trait Maker: Copy + Send + Sync + 'static {
    /// Its name in messages.
    const NAME: &str;

    /// Bytes of memory for a segment of `len` bytes.
    fn memory(len: u64) -> u64;

    /// Builds the grammar of a segment, and reports progress for each of its bytes.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) where the segment is too long; cancellation.
    fn grammar(self, input: &[u8], cx: &Context) -> Result<Grammar>;
}

/// Memory of a codec with this builder.
pub(crate) fn memory<M: Maker>(params: &Params, len: u64) -> Memory {
    need::<M>(Coder::of(params), select::is_measured(params), len)
}

fn need<M: Maker>(coder: Coder, measured: bool, len: u64) -> Memory {
    let Memory { encode, decode, .. } = coder.memory(len, M::memory(len));
    // Trials of rule selection decode while the grammar is still in memory.
    Memory::new(encode + if measured { decode } else { 0 }, decode)
}

/// The codec with this builder and the coder that the parameters select.
pub(crate) fn codec<M: Maker>(maker: M, params: &Params) -> Arc<dyn Codec> {
    Arc::new(GrammarCodec { maker, coder: Coder::of(params), measured: select::is_measured(params) })
}

#[derive(Debug, Clone, Copy)]
struct GrammarCodec<M> {
    maker: M,
    coder: Coder,
    measured: bool,
}

impl<M: Maker> Codec for GrammarCodec<M> {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }
}

impl<M: Maker> Worker for GrammarCodec<M> {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if input.is_empty() {
            return Ok(());
        }
        let len = input.len() as u64;
        let need = need::<M>(self.coder, self.measured, len).encode;
        cx.limits().check_memory(need, &format!("{} on a segment of this size", M::NAME))?;
        let grammar = self.maker.grammar(input, cx)?;
        let encode = if self.measured { select::encode } else { segment::encode };
        encode(input, &grammar, self.coder, out, cx)
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        segment::decode(input, raw_len, out, cx)
    }

    fn decode_range(
        &mut self,
        input: &[u8],
        raw_len: usize,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        partial::decode_range(input, raw_len, range, out, cx)
    }
}
