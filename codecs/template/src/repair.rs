//! The `repair` codec: grammars built by Re-Pair.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Param, Params, Resources, Result};

use crate::grammar::repair::{Stop, repair, repair_in_rounds};
use crate::grammar::{Grammar, MAX_LEN};
use crate::maker::{self, Maker};
use crate::segment::CODER;
use crate::select::SELECTION;

const MIN_FREQ: Param =
    Param::int("min_freq", 2, 1 << 20, 2, "replace pairs that occur at least this often, without overlaps")
        .or_called(&["min_pair_freq"]);
const MAX_RULES: Param =
    Param::int("max_rules", 0, MAX_LEN as i64, MAX_LEN as i64, "stop after this many replacements");
const STRATEGY: Param = Param::choice(
    "strategy",
    &["exact", "batch"],
    0,
    "exact: the most frequent pair each time; batch: all frequent pairs at once, and exact for the rest: up to twice as \
     fast, half the memory, 1 to 3 % larger",
);

static INFO: Info = Info::new(
    "repair",
    "Re-Pair: a grammar from repeatedly replacing the most frequent pair, exact and in linear time",
)
.params(&[MIN_FREQ, CODER, MAX_RULES, STRATEGY, SELECTION])
.memory(maker::memory::<RePair>)
.range_decode();

/// Re-Pair as a codec.
pub const REPAIR: Entry = Entry::codec(&INFO, build);

#[derive(Debug, Clone, Copy)]
struct RePair {
    stop: Stop,
    in_rounds: bool,
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let stop = Stop { min_freq: params.int(&MIN_FREQ) as u32, max_rules: params.int(&MAX_RULES) as u32 };
    Ok(maker::codec(RePair { stop, in_rounds: params.choice(&STRATEGY) == 1 }, params))
}

impl Maker for RePair {
    const NAME: &str = "Re-Pair";

    fn memory(len: u64) -> u64 {
        // Measured peaks are 11.6 to 12.8 bytes for each byte of input (docs/decisions/repair-strategy.md).
        len * 14
    }

    fn grammar(self, input: &[u8], cx: &Context) -> Result<Grammar> {
        let make = if self.in_rounds { repair_in_rounds } else { repair };
        let grammar = make(input, self.stop, cx)?;
        // Replaced symbols were reported during construction; these are the rest.
        cx.observer().advance(grammar.start.len() as u64);
        Ok(grammar)
    }
}
