//! Works on a segment through its grammar, without expanding it: ranges of the text, searches, statistics,
//! costs.
//!
//! Time grows with the number of tokens, which must be read in order, and not with the length of the text.

mod cost;
mod search;
mod statistics;
mod table;

use std::borrow::Cow;
use std::ops::Range;

pub use lab_codec::costs::{Costs, Defined, Kind, Token};
use lab_codec::{Context, Result, check_range};

pub use self::cost::costs;
pub use self::search::{Pattern, Search};
pub use self::statistics::{Rule, Statistics, beginning};
use self::table::Builder;
pub use self::table::Table;
use crate::segment::{Coder, Stored, read};
use crate::tokens::packed;

/// A parsed segment.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// Raw bytes.
    Bytes(Cow<'a, [u8]>),
    /// Its grammar.
    Grammar(Table),
}

impl<'a> Parsed<'a> {
    /// Reads an encoded segment of `raw_len` bytes.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode).
    pub fn new(input: &'a [u8], raw_len: usize, cx: &Context) -> Result<Self> {
        Self::up_to(input, raw_len, raw_len, cx)
    }

    /// As [`new`](Self::new), but reads only the tokens of the first `wanted` bytes.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode); damage after the part that is read goes unnoticed.
    pub fn up_to(input: &'a [u8], raw_len: usize, wanted: usize, cx: &Context) -> Result<Self> {
        Ok(match Stored::open(input, raw_len)? {
            Stored::Bytes(bytes) => Self::Bytes(bytes.into()),
            Stored::Tokens(coder, tokens) => {
                Self::Grammar(read((coder, tokens), raw_len, wanted, Builder::default(), cx)?.finish())
            }
        })
    }

    /// A copy that does not borrow the encoded bytes.
    pub fn into_owned(self) -> Parsed<'static> {
        match self {
            Self::Bytes(bytes) => Parsed::Bytes(bytes.into_owned().into()),
            Self::Grammar(table) => Parsed::Grammar(table),
        }
    }

    /// Appends the bytes `range` of the text to `out`; `range` must lie within it.
    ///
    /// # Errors
    /// Cancellation.
    pub fn expand(&self, range: Range<usize>, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        match self {
            Self::Bytes(bytes) => out.extend_from_slice(&bytes[range]),
            Self::Grammar(table) => table.expand(range, out, cx)?,
        }
        Ok(())
    }
}

/// Appends the bytes `range` of a segment to `out`. Time and memory are proportional to the grammar read up
/// to `range.end`, plus `range.len()`. [`Coder::Packed`] reads only its list of groups and the symbols in the
/// range.
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
    match Stored::open(input, raw_len)? {
        Stored::Tokens(Coder::Packed, symbols) => packed::range(symbols, raw_len, range, out, cx),
        _ => Parsed::up_to(input, raw_len, range.end, cx)?.expand(range, out, cx),
    }
}
