//! The `repair` codec: Re-Pair, rule utility, and a token stream.

use std::sync::Arc;

use lab_codec::{
    Capabilities, Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker,
};

use crate::grammar::repair::{MAX_LEN, Stop, repair};
use crate::grammar::utility::{Prices, Utility};
use crate::tokens::{mix, rans, raw};

const MIN_FREQ: Param =
    Param::int("min_freq", 2, 1 << 20, 2, "replace pairs that occur at least this often, without overlaps")
        .or_called(&["min_pair_freq"]);
const CODER: Param = Param::choice(
    "coder",
    &["rans", "raw", "mix"],
    0,
    "rans: adaptive models, fast; mix: mixed contexts, smallest and slow (repair:coder=mix); raw: plain bytes for a \
     zstd or xz that follows (repair:coder=raw,zstd:19)",
);
const MAX_RULES: Param =
    Param::int("max_rules", 0, MAX_LEN as i64, MAX_LEN as i64, "stop after this many replacements");

/// The description of `repair`.
pub static INFO: Info = Info {
    id: "repair",
    summary: "Re-Pair: a grammar from repeatedly replacing the most frequent pair, exact and in linear time",
    params: &[MIN_FREQ, CODER, MAX_RULES],
    formats: &[1],
    memory,
    capabilities: Capabilities { range_decode: false, identity: false, external: false, pipe: false },
    tools: &[],
};

/// Re-Pair as a codec.
pub const REPAIR: Entry = Entry::codec(&INFO, build);

fn memory(params: &Params, segment: u64) -> Memory {
    memory_for(Method::of(params), segment)
}

fn memory_for(coder: Method, segment: u64) -> Memory {
    match coder {
        Method::Mix => Memory { encode: segment * 14 + (64 << 20), decode: segment * 2 + (64 << 20) },
        _ => Memory { encode: segment * 14 + (8 << 20), decode: segment / 2 + (8 << 20) },
    }
}

/// The first byte of an encoded segment: how the rest is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored = 0,
    Rans = 1,
    Raw = 2,
    Mix = 3,
}

impl Method {
    fn of(params: &Params) -> Self {
        match params.choice(&CODER) {
            0 => Self::Rans,
            1 => Self::Raw,
            _ => Self::Mix,
        }
    }

    fn prices(self) -> Prices {
        if self == Self::Mix { Prices::MIXED } else { Prices::default() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Repair {
    stop: Stop,
    coder: Method,
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(Arc::new(Repair {
        stop: Stop { min_freq: params.int(&MIN_FREQ) as u32, max_rules: params.int(&MAX_RULES) as u32 },
        coder: Method::of(params),
    }))
}

impl Codec for Repair {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }
}

impl Worker for Repair {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if input.is_empty() {
            return Ok(());
        }
        let need = memory_for(self.coder, input.len() as u64).encode;
        cx.limits().check_memory(need, "Re-Pair on a segment of this size")?;
        let grammar = repair(input, self.stop, cx)?;
        let utility = Utility::of(&grammar, self.coder.prices());
        cx.observer().metric("rules", grammar.rules.len() as f64);
        cx.observer().metric("named rules", utility.named as f64);
        cx.observer().metric("start sequence", grammar.start.len() as f64);
        let start = out.len();
        out.push(self.coder as u8);
        *out = match self.coder {
            Method::Raw => raw::encode(&grammar, &utility, std::mem::take(out), cx)?,
            Method::Mix => mix::encode(input, &grammar, &utility, std::mem::take(out), cx)?,
            _ => rans::encode(&grammar, &utility, std::mem::take(out), cx)?,
        };
        if out.len() - start > input.len() {
            out.truncate(start);
            out.push(Method::Stored as u8);
            out.extend_from_slice(input);
        }
        cx.observer().advance(grammar.start.len() as u64);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let Some((&method, coded)) = input.split_first() else {
            return if raw_len == 0 { Ok(()) } else { Err(Error::truncated("an empty segment")) };
        };
        if raw_len == 0 || raw_len > MAX_LEN {
            return Err(Error::corrupt(format!("a Re-Pair segment of {raw_len} bytes")));
        }
        match method {
            0 if coded.len() == raw_len => {
                out.extend_from_slice(coded);
                Ok(())
            }
            0 => Err(Error::corrupt(format!("{} bytes stored for {raw_len}", coded.len()))),
            1 => rans::decode(coded, raw_len, out, cx),
            2 => raw::decode(coded, raw_len, out, cx),
            3 => mix::decode(coded, raw_len, out, cx),
            _ => Err(Error::unsupported(format!("method {method} of Re-Pair; a newer version may read it"))),
        }
    }
}
