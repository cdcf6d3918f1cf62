//! Works on a segment as its grammar tells it, without expanding it: parts of the text, searches, statistics, costs.
//!
//! The cost grows with the tokens, which must be read one after the other, and not with the text.

mod cost;
mod search;
mod statistics;
mod table;

use std::borrow::Cow;
use std::ops::Range;

pub use lab_codec::costs::{Costs, Defined, Kind, Token};
use lab_codec::{Context, Result};

pub use self::cost::costs;
pub use self::search::{Pattern, Search};
pub use self::statistics::{Rule, Statistics, beginning};
use self::table::Builder;
pub use self::table::Table;
use crate::segment::{Stored, read};

/// A segment whose tokens have been read.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// It was stored as it is.
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

    /// The same, but only as far as it takes to know the first `wanted` bytes of the text.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode); damage behind what is read is not noticed.
    pub fn up_to(input: &'a [u8], raw_len: usize, wanted: usize, cx: &Context) -> Result<Self> {
        Ok(match Stored::open(input, raw_len)? {
            Stored::Bytes(bytes) => Self::Bytes(bytes.into()),
            Stored::Tokens(coder, tokens) => {
                Self::Grammar(read((coder, tokens), raw_len, wanted, Builder::default(), cx)?.finish())
            }
        })
    }

    /// The same, without a hold on the encoded bytes.
    pub fn into_owned(self) -> Parsed<'static> {
        match self {
            Self::Bytes(bytes) => Parsed::Bytes(bytes.into_owned().into()),
            Self::Grammar(table) => Parsed::Grammar(table),
        }
    }

    /// Appends the bytes `range` of the text, which is within it, to `out`.
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
