//! The encoded segment of every grammar codec: a method byte, then tokens, or the raw bytes. The codecs
//! differ only in how they build the grammar, so one decoder reads them all.

use lab_codec::{Context, Error, Memory, Param, Params, Result};
use lab_entropy::meter::Meter;

use crate::grammar::utility::{Prices, Selection, Utility};
use crate::grammar::{Grammar, MAX_LEN};
use crate::tokens::bytes::{Bytes, WithText};
use crate::tokens::expand::{Expansion, Sink};
use crate::tokens::{mix, packed, rans, raw};

/// The parameter that selects the token coder.
pub const CODER: Param = Param::choice(
    "coder",
    &["rans", "raw", "mix", "packed"],
    0,
    "rans: adaptive models, fast; mix: mixed contexts, smallest and slow (repair:coder=mix); packed: larger, decodes \
     fast and any range at once; raw: plain bytes for a zstd or xz that follows (repair:coder=raw,zstd:19)",
);

/// The token coders, with their method bytes; 0 marks raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coder {
    /// [`rans`].
    Rans = 1,
    /// [`raw`].
    Raw = 2,
    /// [`mix`].
    Mix = 3,
    /// [`packed`].
    Packed = 4,
}

const STORED: u8 = 0;

impl Coder {
    /// The value of [`CODER`].
    pub fn of(params: &Params) -> Self {
        match params.choice(&CODER) {
            0 => Self::Rans,
            1 => Self::Raw,
            2 => Self::Mix,
            _ => Self::Packed,
        }
    }

    pub(crate) fn selection(self) -> Selection {
        match self {
            Self::Rans | Self::Raw => Selection::Priced(Prices::default()),
            Self::Mix => Selection::Priced(Prices::MIXED),
            Self::Packed => Selection::Counted,
        }
    }

    /// Memory of a worker for a segment of `len` bytes, beside its input and output, where building the
    /// grammar takes `grammar` bytes.
    pub fn memory(self, len: u64, grammar: u64) -> Memory {
        // Beside the grammar, `mix` holds 16 MiB of context cells, a tree over all symbols, and the text.
        match self {
            Self::Mix => Memory::new(grammar + (64 << 20), len * 2 + (64 << 20)),
            _ => Memory::new(grammar + (8 << 20), len / 2 + (8 << 20)),
        }
    }
}

/// Appends the encoded segment with this `grammar` to `out`: its tokens, or the raw bytes where tokens would
/// be longer.
///
/// # Errors
/// Cancellation.
pub fn encode(input: &[u8], grammar: &Grammar, coder: Coder, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    let utility = Utility::of(grammar, coder.selection());
    report(grammar, &utility, cx);
    encode_rules(input, grammar, &utility, coder, out, cx)
}

/// Reports the size of a grammar to the observer.
pub(crate) fn report(grammar: &Grammar, utility: &Utility, cx: &Context) {
    cx.observer().metric("rules", grammar.rules.len() as f64);
    cx.observer().metric("named rules", utility.named as f64);
    cx.observer().metric("start sequence", grammar.start.len() as f64);
}

/// As [`encode`], with the named rules given.
pub(crate) fn encode_rules(
    input: &[u8],
    grammar: &Grammar,
    utility: &Utility,
    coder: Coder,
    out: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    let start = out.len();
    out.push(coder as u8);
    *out = match coder {
        Coder::Rans => rans::encode(grammar, utility, std::mem::take(out), cx)?,
        Coder::Raw => raw::encode(grammar, utility, std::mem::take(out), cx)?,
        Coder::Mix => mix::encode(input, grammar, utility, std::mem::take(out), cx)?,
        Coder::Packed => packed::encode(grammar, utility, std::mem::take(out), cx)?,
    };
    if out.len() - start > input.len() {
        out.truncate(start);
        out.push(STORED);
        out.extend_from_slice(input);
    }
    Ok(())
}

/// An encoded segment, split by its method byte.
#[derive(Debug, Clone, Copy)]
pub enum Stored<'a> {
    /// The bytes of the segment.
    Bytes(&'a [u8]),
    /// Its tokens.
    Tokens(Coder, &'a [u8]),
}

impl<'a> Stored<'a> {
    /// Reads the method byte.
    ///
    /// # Errors
    /// An unknown method, or an impossible length.
    pub fn open(input: &'a [u8], raw_len: usize) -> Result<Self> {
        let Some((&method, rest)) = input.split_first() else {
            return if raw_len == 0 {
                Ok(Self::Bytes(&[]))
            } else {
                Err(Error::truncated("an empty segment"))
            };
        };
        if raw_len == 0 || raw_len > MAX_LEN {
            return Err(Error::corrupt(format!("a grammar for {raw_len} bytes; it takes 1 to {MAX_LEN}")));
        }
        match method {
            STORED if rest.len() == raw_len => Ok(Self::Bytes(rest)),
            STORED => Err(Error::corrupt(format!("{} bytes stored for {raw_len}", rest.len()))),
            1 => Ok(Self::Tokens(Coder::Rans, rest)),
            2 => Ok(Self::Tokens(Coder::Raw, rest)),
            3 => Ok(Self::Tokens(Coder::Mix, rest)),
            4 => Ok(Self::Tokens(Coder::Packed, rest)),
            _ => {
                Err(Error::unsupported(format!("method {method} of a grammar; a newer version may read it")))
            }
        }
    }
}

/// Passes the tokens to `sink` until they cover the first `wanted` bytes of the text, and returns the sink.
///
/// # Errors
/// Corrupt or truncated tokens; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn read<S: Sink>(
    (coder, tokens): (Coder, &[u8]),
    raw_len: usize,
    wanted: usize,
    sink: S,
    cx: &Context,
) -> Result<S> {
    match coder {
        Coder::Rans => rans::decode(tokens, (), Expansion::new(sink, raw_len).up_to(wanted), cx),
        Coder::Raw => raw::decode(tokens, (), Expansion::new(sink, raw_len).up_to(wanted), cx),
        Coder::Mix => {
            // Its contexts are in the text, so the text must be expanded.
            cx.limits().check_memory(raw_len as u64, "the text that the mix coder's contexts need")?;
            let mut text = Vec::new();
            let output = Expansion::new(WithText::new(&mut text, raw_len, sink), raw_len).up_to(wanted);
            mix::decode(tokens, raw_len, (), output, cx).map(WithText::into_sink)
        }
        Coder::Packed => packed::decode(tokens, raw_len, (), Expansion::new(sink, raw_len).up_to(wanted), cx),
    }
}

/// Passes the tokens to `sink`, and the cost of each to `meter` before it; appends the `raw_len` bytes of the
/// text to `text`. Returns the sink.
///
/// # Errors
/// As [`decode`].
pub fn read_metered<S: Sink>(
    (coder, tokens): (Coder, &[u8]),
    raw_len: usize,
    meter: impl Meter,
    sink: S,
    text: &mut Vec<u8>,
    cx: &Context,
) -> Result<S> {
    let sink = WithText::new(text, raw_len, sink);
    match coder {
        Coder::Rans => rans::decode(tokens, meter, Expansion::new(sink, raw_len), cx),
        Coder::Raw => raw::decode(tokens, meter, Expansion::new(sink, raw_len), cx),
        Coder::Mix => mix::decode(tokens, raw_len, meter, Expansion::new(sink, raw_len), cx),
        Coder::Packed => packed::decode(tokens, raw_len, meter, Expansion::new(sink, raw_len), cx),
    }
    .map(WithText::into_sink)
}

/// Appends the `raw_len` bytes of a segment to `out`.
///
/// # Errors
/// As [`Worker::decode`](lab_codec::Worker::decode).
pub fn decode(input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    match Stored::open(input, raw_len)? {
        Stored::Bytes(bytes) => out.extend_from_slice(bytes),
        Stored::Tokens(coder, tokens) => {
            let text = Bytes::new(out, raw_len);
            match coder {
                Coder::Rans => rans::decode(tokens, (), Expansion::new(text, raw_len), cx)?,
                Coder::Raw => raw::decode(tokens, (), Expansion::new(text, raw_len), cx)?,
                Coder::Mix => mix::decode(tokens, raw_len, (), Expansion::new(text, raw_len), cx)?,
                Coder::Packed => packed::decode(tokens, raw_len, (), Expansion::new(text, raw_len), cx)?,
            }
            .finish();
        }
    }
    Ok(())
}
