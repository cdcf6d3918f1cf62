//! The model of the `mix` coder: the probability of each decision. One definition serves both directions.

use lab_entropy::history::{Cell, Cells, Place, Row};
use lab_entropy::logistic::{squash, stretch};
use lab_entropy::mix::{Mixer, Refinement};
use lab_entropy::range::{Bit, BitCoder};

use super::context::{Text, Tokens, hash};
use super::live::{Branch, Live, Question};

/// Contexts with cells in the table: orders 2, 3 and 5, the word, the word and the previous one, and the
/// token's prefix after the previous symbol. Each gains 0.2 to 0.9 % on dickens
/// (docs/decisions/repair-mix.md); orders 1, 4 and 6 gained less than 0.3 %.
const CONTEXTS: usize = 6;

/// The first contexts are short and have many successors: their second nibble gets a line of its own. The
/// other contexts find it in the neighbouring line, 0.4 % larger and a quarter faster.
const SHORT: usize = 2;

/// Inputs of the mixers: the contexts, the branch's own cell, and the expected uses.
const INPUTS: usize = CONTEXTS + 2;

/// Maximum size of the table: 2^22 cells of 4 bytes, 16 MiB. A quarter of it costs 1.8 % on 2 MB of dickens
/// and 0.9 % on xml.
const TABLE_BITS: u32 = 22;

/// Adaptation limit of the plain bits for class and width: these decisions are few and stationary.
const LIMIT: u32 = 60;

// Adaptation rates, in the terms of `lab_entropy`; they are part of the format.
/// Observations after which a cell's rate stops falling, at 1/21.5 of the distance.
const CELL_LIMIT: u32 = 20;
/// Learning rate of the mixers, and the extra at first that lets a set leave its start weights quickly.
const MIXER_RATE: (i32, i32) = (16, 20);
/// The refinement moves by 1/64 of the distance.
const REFINEMENT_RATE: u32 = 6;
/// Start weight of every input, about a quarter: the sum of eight inputs is then twice their mean.
const WEIGHT: i16 = 4000;

/// Weight sets of each mixer: those of branches come first, those of NEW flags from here on.
const NEW_BY_KINDS: usize = 64;
const NEW_BY_LAST: usize = 768;

/// Contexts of the refinement: 2^15.
const REFINED_BITS: u32 = 15;

/// Numbers of the decisions other than bits of a byte, which have 1 to 255.
const LONGER: u32 = 0;
const NEW: u32 = 256;
const NUMBER: u32 = 257;

/// The weight sets and the refinement context of a decision.
struct Sets {
    mixers: [usize; 2],
    refinement: usize,
}

/// The adaptive state.
pub(super) struct Model {
    table: Cells,
    mixers: [Mixer<INPUTS>; 2],
    refinement: Refinement,
    /// By the kinds of the last tokens and the position in the definition: 20 positions, 64 combinations of
    /// kinds.
    new: Vec<Cell>,
    class: Vec<Bit>,
    width: Vec<Bit>,
    width_bits: Vec<Bit>,
    /// Hashes of the contexts at the current byte, their rows at its first nibble, and those at its current
    /// part.
    hashes: [u32; CONTEXTS],
    first_rows: [Row; CONTEXTS],
    rows: [Row; CONTEXTS],
}

impl Model {
    /// The model for a segment of `len` bytes.
    pub(super) fn new(len: usize) -> Self {
        // About four cells for each byte of text; more would only cost cache misses in a short segment.
        let bits = (len as u64 * 4).next_power_of_two().ilog2().clamp(14, TABLE_BITS);
        Self {
            table: Cells::new(bits),
            mixers: [Mixer::new((NEW_BY_KINDS + 64) * 8, WEIGHT), Mixer::new(NEW_BY_LAST + 256, WEIGHT)],
            refinement: Refinement::new(1 << REFINED_BITS),
            new: vec![Cell::default(); 20 * 64],
            class: vec![Bit::default(); 32 * 32],
            width: vec![Bit::default(); 16 * 32],
            width_bits: vec![Bit::default(); 32 * 32],
            hashes: [0; CONTEXTS],
            first_rows: [Row::default(); CONTEXTS],
            rows: [Row::default(); CONTEXTS],
        }
    }

    /// Moves to a new byte, at its first nibble. `symbol` is the previous token's.
    #[inline]
    fn at(&mut self, text: &Text, symbol: u32) {
        let contexts = [
            text.order(2),
            text.order(3),
            text.order(5),
            text.word,
            hash(text.word, text.word_before),
            hash(text.prefix, symbol),
        ];
        // Starts of tokens and bytes inside of them have different successors. The parity and the context's
        // number keep all twelve apart in the shared table.
        let inside = u32::from(text.len > 0);
        for ((out, context), i) in self.hashes.iter_mut().zip(contexts).zip(0..) {
            *out = hash(context, 2 * i + inside);
        }
        for (row, &h) in self.first_rows.iter_mut().zip(&self.hashes) {
            *row = self.table.row(spread(h));
        }
        self.rows = self.first_rows;
    }

    /// Moves to another part of the byte: its second nibble, or the symbol's number. Most contexts find that
    /// in the neighbouring line, which arrives together with the first.
    #[inline]
    fn at_part(&mut self, part: u32) {
        for i in 0..CONTEXTS {
            let h = spread(self.hashes[i] ^ part);
            self.rows[i] = if i < SHORT { self.table.row(h) } else { Cells::beside(self.first_rows[i], h) };
        }
    }

    /// Codes a bit. `number` selects the contexts' cells in their rows, `own` is the decision's own cell,
    /// `weighed` the prediction from the expected uses.
    #[inline]
    fn decide(
        &mut self,
        coder: &mut impl BitCoder,
        number: u32,
        own: &mut Cell,
        weighed: i16,
        sets: &Sets,
        bit: bool,
    ) -> bool {
        self.refinement.touch(sets.refinement);
        let mut places = [Place::default(); CONTEXTS];
        let mut cells = [*own; CONTEXTS + 1];
        let mut inputs = [weighed; INPUTS];
        let mut known = 0;
        // The number of contexts with history selects the first mixer's weights: a known long context
        // deserves more trust. Worth 0.7 % on dickens.
        for i in 0..CONTEXTS {
            (places[i], cells[i]) = self.table.find(self.rows[i], number);
            known += usize::from(cells[i].seen() > 0);
        }
        for (input, cell) in inputs.iter_mut().zip(cells) {
            *input = cell.prediction();
        }
        let chosen = [sets.mixers[0] * 8 + known, sets.mixers[1]];
        let [a, b] = &mut self.mixers;
        // Averaging in the logistic domain, then averaging the refined and the unrefined probability, as in
        // lpaq.
        let x = (a.mix(&inputs, chosen[0]) + b.mix(&inputs, chosen[1])) >> 1;
        let refined = self.refinement.refine(x, sets.refinement);
        let one = (u32::from(squash(x)) + u32::from(refined)) >> 1;
        // A probability of 0 or 1 would make the other bit impossible to code; this floor costs at most 11
        // bits per surprise.
        let bit = coder.code(bit, one.clamp(32, 65_504));
        for mixer in &mut self.mixers {
            mixer.update(&inputs, bit, MIXER_RATE.0, MIXER_RATE.1);
        }
        self.refinement.update(bit, REFINEMENT_RATE);
        for (place, mut cell) in places.into_iter().zip(cells) {
            cell.update(bit, CELL_LIMIT);
            self.table.put(place, cell);
        }
        own.update(bit, CELL_LIMIT);
        bit
    }

    /// Codes whether the token is NEW. A class and width, or a symbol, must follow.
    pub(super) fn new_flag(
        &mut self,
        coder: &mut impl BitCoder,
        text: &Text,
        tokens: &Tokens,
        new: bool,
    ) -> bool {
        self.at(text, tokens.symbol);
        let kinds = tokens.kinds as usize;
        let own = tokens.position() << 6 | kinds;
        let mut cell = self.new[own];
        let last = (text.last & 0xFF) as u32;
        let sets = Sets {
            mixers: [NEW_BY_KINDS + kinds, NEW_BY_LAST + last as usize],
            refinement: refined(last, NEW),
        };
        let new = self.decide(coder, 0, &mut cell, 0, &sets, new);
        self.new[own] = cell;
        new
    }

    /// Codes the symbol of a token other than NEW: `symbol` when encoding, None when decoding. `output` is
    /// the text so far, which ends as `text` says.
    #[inline]
    pub(super) fn symbol(
        &mut self,
        coder: &mut impl BitCoder,
        live: &mut Live,
        output: &[u8],
        mut text: Text,
        before: u32,
        symbol: Option<u32>,
    ) -> u32 {
        let key = symbol.map(|number| live.key(output, number));
        let mut part_at = 0;
        let mut at = live.start();
        loop {
            let (here, branch) = match live.next(at) {
                Ok(found) => found,
                Err(symbol) => return symbol,
            };
            if text.len < branch.len {
                live.spell(output, &branch, text.len, |byte| text.push(byte));
                self.at(&text, before);
                part_at = 0;
            }
            let question = branch.question();
            let (part, number) = match question {
                Question::Longer => (0, 0),
                Question::Bit(bits @ 0..16) => (0, bits),
                // Second nibble: the first one with its leading 1 selects the row (16 to 31), the bits of the
                // second one the cell.
                Question::Bit(bits) => {
                    let more = bits.ilog2() - 4;
                    (bits >> more, 1 << more | bits & ((1 << more) - 1))
                }
                // Rows 1 and 2 for the two halves of a number; rows 16 to 31 belong to nibbles.
                Question::Number(bit) => (1 + (bit >> 4), bit & 15),
            };
            if part_at != part {
                part_at = part;
                self.at_part(part);
            }
            let mut cell = branch.cell;
            let sets = sets(&branch, question, &text);
            let bit = key.as_ref().is_some_and(|key| key.side(&branch));
            let bit = self.decide(coder, number, &mut cell, weighed(branch.weights), &sets, bit);
            live.learn(here, cell);
            at = live.follow(here, bit);
        }
    }

    /// Codes the class of a new rule, five bits, in the context of the class of the definition around it,
    /// or 0.
    pub(super) fn class(&mut self, coder: &mut impl BitCoder, outer: u8, class: u8) -> u8 {
        let mut node = 1;
        for i in (0..5).rev() {
            let cell = &mut self.class[usize::from(outer) << 5 | node];
            node = node << 1 | usize::from(plain(coder, cell, class >> i & 1 != 0));
        }
        (node & 31) as u8
    }

    /// Codes the number of tokens that define a new rule of a class, 2 to 2^32 - 1: its length in unary, then
    /// its bits, as an Elias gamma code with adaptive bits. Classes from 15 on share contexts.
    pub(super) fn width(&mut self, coder: &mut impl BitCoder, class: u8, width: u32) -> u32 {
        let value = width.saturating_sub(1).max(1);
        let by_class = usize::from(class.min(15)) << 5;
        let mut bits = 0;
        while bits < 31 && plain(coder, &mut self.width[by_class | bits], value.ilog2() > bits as u32) {
            bits += 1;
        }
        let mut rest = 1;
        for i in (0..bits).rev() {
            let cell = &mut self.width_bits[bits << 5 | i];
            rest = rest << 1 | u32::from(plain(coder, cell, value >> i & 1 != 0));
        }
        rest.saturating_add(1)
    }
}

fn plain(coder: &mut impl BitCoder, cell: &mut Bit, bit: bool) -> bool {
    let bit = coder.code(bit, cell.one());
    cell.update(bit, LIMIT);
    bit
}

/// Mixes the bits of a hash once more, so that row and check bits come from all of them.
#[inline]
fn spread(hash: u32) -> u32 {
    let hash = hash.wrapping_mul(0x9E37_79B1);
    (hash ^ hash >> 15).wrapping_mul(0x85EB_CA6B)
}

/// The prediction from the expected uses on either side, in the logistic domain.
#[inline]
fn weighed([clear, set]: [u32; 2]) -> i16 {
    let (set, all) = (u64::from(set), u64::from(clear) + u64::from(set));
    // Both sides have uses left, but rounding can reach 2^16.
    stretch((((set << 16) + all / 2) / all).min(65_535) as u16)
}

/// The refinement's context: the decision `what` after the byte `last`.
#[inline]
fn refined(last: u32, what: u32) -> usize {
    (hash(last, what) >> (32 - REFINED_BITS)) as usize
}

#[inline]
fn sets(branch: &Branch, question: Question, text: &Text) -> Sets {
    let last = (text.last & 0xFF) as u32;
    let inside = usize::from(text.len > 0);
    // Total weight by octave: the more uses below a branch, the better they predict.
    let all = u64::from(branch.weights[0]) + u64::from(branch.weights[1]);
    let size = all.ilog2().min(15) as usize;
    let what = match question {
        Question::Longer => LONGER,
        Question::Bit(bits) => bits,
        Question::Number(bit) => NUMBER + bit,
    };
    let longer = usize::from(question == Question::Longer);
    let second = match question {
        Question::Longer => last as usize,
        // A leading 1 above the decision's number keeps token starts (256 to 511) apart from later bytes (512
        // to 767).
        _ => 256 << inside | (what & 255) as usize,
    };
    Sets { mixers: [size << 2 | longer << 1 | inside, second], refinement: refined(last, what) }
}
