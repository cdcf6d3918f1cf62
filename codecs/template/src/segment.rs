//! A segment as every grammar codec stores it: a byte for the method, then tokens, or the bytes as they are.
//! The codecs differ in how they make the grammar, and in nothing else: one decoder reads them all.

use std::ops::Range;

use lab_codec::{Context, Error, Param, Params, Result, check_range};

use crate::grammar::utility::Utility;
use crate::grammar::{Grammar, MAX_LEN};
use crate::partial::Parsed;
use crate::tokens::bytes::Bytes;
use crate::tokens::expand::{Expansion, Sink};
use crate::tokens::{rans, raw};

/// The parameter that chooses how tokens are coded.
pub const CODER: Param = Param::choice(
    "coder",
    &["rans", "raw"],
    0,
    "rans: adaptive models, entropy coded; raw: plain bytes for a zstd or xz that follows",
);

/// How tokens are coded. The numbers are those that begin a segment; 0 stands for bytes as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coder {
    /// [`rans`].
    Rans = 1,
    /// [`raw`].
    Raw = 2,
}

const STORED: u8 = 0;

impl Coder {
    /// The value of [`CODER`].
    pub fn of(params: &Params) -> Self {
        if params.choice(&CODER) == 0 { Self::Rans } else { Self::Raw }
    }
}

/// What a decoder takes for a segment of `len` bytes, beside its input and output.
pub fn decoder_memory(len: u64) -> u64 {
    len / 2 + (8 << 20)
}

/// Appends a segment to `out`, of which `grammar` is the grammar: its tokens, or the segment itself where they
/// would be longer.
///
/// # Errors
/// Cancellation.
pub fn encode(input: &[u8], grammar: &Grammar, coder: Coder, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    let utility = Utility::of(grammar);
    cx.observer().metric("rules", grammar.rules.len() as f64);
    cx.observer().metric("named rules", utility.named as f64);
    cx.observer().metric("start sequence", grammar.start.len() as f64);
    let start = out.len();
    out.push(coder as u8);
    *out = match coder {
        Coder::Rans => rans::encode(grammar, &utility, std::mem::take(out), cx)?,
        Coder::Raw => raw::encode(grammar, &utility, std::mem::take(out), cx)?,
    };
    if out.len() - start > input.len() {
        out.truncate(start);
        out.push(STORED);
        out.extend_from_slice(input);
    }
    Ok(())
}

/// What the first byte of a segment says of the rest.
#[derive(Debug, Clone, Copy)]
pub enum Stored<'a> {
    /// The bytes of the segment.
    Bytes(&'a [u8]),
    /// Its tokens.
    Tokens(Coder, &'a [u8]),
}

impl<'a> Stored<'a> {
    /// Looks at the first byte.
    ///
    /// # Errors
    /// An unknown method, a length that cannot be.
    pub fn open(input: &'a [u8], raw_len: usize) -> Result<Self> {
        let Some((&method, rest)) = input.split_first() else {
            return if raw_len == 0 {
                Ok(Self::Bytes(&[]))
            } else {
                Err(Error::truncated("an empty segment"))
            };
        };
        if raw_len == 0 || raw_len > MAX_LEN {
            return Err(Error::corrupt(format!("a grammar for {raw_len} bytes")));
        }
        match method {
            STORED if rest.len() == raw_len => Ok(Self::Bytes(rest)),
            STORED => Err(Error::corrupt(format!("{} bytes stored for {raw_len}", rest.len()))),
            1 => Ok(Self::Tokens(Coder::Rans, rest)),
            2 => Ok(Self::Tokens(Coder::Raw, rest)),
            _ => {
                Err(Error::unsupported(format!("method {method} of a grammar; a newer version may read it")))
            }
        }
    }
}

/// Tells `output` what tokens say, as far as it asks for, and returns its sink.
///
/// # Errors
/// Whatever is wrong with them; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn read<S: Sink>(coder: Coder, tokens: &[u8], output: Expansion<S, u8>, cx: &Context) -> Result<S> {
    match coder {
        Coder::Rans => rans::decode(tokens, output, cx),
        Coder::Raw => raw::decode(tokens, output, cx),
    }
}

/// Appends the `raw_len` bytes of a segment to `out`.
///
/// # Errors
/// As [`Worker::decode`](lab_codec::Worker::decode).
pub fn decode(input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    match Stored::open(input, raw_len)? {
        Stored::Bytes(bytes) => out.extend_from_slice(bytes),
        Stored::Tokens(coder, tokens) => {
            read(coder, tokens, Expansion::new(Bytes::new(out, raw_len), raw_len), cx)?.finish();
        }
    }
    Ok(())
}

/// Appends the bytes `range` of a segment to `out`. It takes time and memory as the grammar up to there is
/// large, and as the range is long. What follows the range is not read.
///
/// # Errors
/// As [`Worker::decode_range`](lab_codec::Worker::decode_range).
pub fn decode_range(
    input: &[u8],
    raw_len: usize,
    range: Range<usize>,
    out: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    check_range(&range, raw_len)?;
    Parsed::up_to(input, raw_len, range.end, cx)?.expand(range, out, cx)
}
