//! The model of the `mix` coder: what each decision is coded with. One text serves both directions.

use lab_entropy::history::{Cell, Cells, Place, Row};
use lab_entropy::logistic::{squash, stretch};
use lab_entropy::mix::{Mixer, Refinement};
use lab_entropy::range::{Bit, BitCoder};

use super::context::{Text, Tokens, hash};
use super::live::{Branch, Live, Question};

/// Contexts whose cells are in the table.
const CONTEXTS: usize = 6;

/// The first contexts are short: what follows on them is too much for two lines.
const SHORT: usize = 2;

/// Inputs of the mixers: the contexts, the cell of the branch, the uses to come.
const INPUTS: usize = CONTEXTS + 2;

/// The largest table: 2^22 cells, 16 MiB.
const TABLE_BITS: u32 = 22;

/// Contexts of class and width are coded with plain adaptive bits, which slow down up to this.
const LIMIT: u32 = 60;

// How fast things adapt, in the terms of `lab_entropy`.
const CELL_LIMIT: u32 = 20;
const MIXER_RATE: (i32, i32) = (16, 20);
const REFINEMENT_RATE: u32 = 6;
const WEIGHT: i16 = 4000;

/// The sets of the first mixer that decide on NEW, and those of the second; below them are those of the branches.
const NEW_BY_KINDS: usize = 64;
const NEW_BY_LAST: usize = 768;

/// The bit contexts of the refinement.
const REFINED_BITS: u32 = 15;

/// Names of decisions that are no bit of a byte, among the numbers that stand for those (1 to 255).
const LONGER: u32 = 0;
const NEW: u32 = 256;
const NUMBER: u32 = 257;

/// What decides beside the contexts.
struct Sets {
    mixers: [usize; 2],
    refinement: usize,
}

/// The adaptive state.
pub struct Model {
    table: Cells,
    mixers: [Mixer<INPUTS>; 2],
    refinement: Refinement,
    /// By the kinds of the last tokens and the position in the definition.
    new: Vec<Cell>,
    class: Vec<Bit>,
    width: Vec<Bit>,
    width_bits: Vec<Bit>,
    /// Hashes of the contexts at the byte at hand, their rows at its first half, and those at its part at hand.
    hashes: [u32; CONTEXTS],
    first_rows: [Row; CONTEXTS],
    rows: [Row; CONTEXTS],
}

impl Model {
    /// The model for a segment of `len` bytes.
    pub fn new(len: usize) -> Self {
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

    /// At another byte, in its first half.
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
        let inside = u32::from(text.len > 0);
        for ((out, context), i) in self.hashes.iter_mut().zip(contexts).zip(0..) {
            *out = hash(context, 2 * i + inside);
        }
        for (row, &h) in self.first_rows.iter_mut().zip(&self.hashes) {
            *row = self.table.row(spread(h));
        }
        self.rows = self.first_rows;
    }

    /// At another part of the byte than its first half: mostly in the line beside, which need not be waited for.
    #[inline]
    fn at_part(&mut self, part: u32) {
        for i in 0..CONTEXTS {
            let h = spread(self.hashes[i] ^ part);
            self.rows[i] = if i < SHORT { self.table.row(h) } else { Cells::beside(self.first_rows[i], h) };
        }
    }

    /// Codes a bit. `number` is that of the contexts' cells in their rows, `own` a cell of the decision's own,
    /// `weighed` what the uses to come say.
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
        for i in 0..CONTEXTS {
            (places[i], cells[i]) = self.table.find(self.rows[i], number);
            known += usize::from(cells[i].seen() > 0);
        }
        for (input, cell) in inputs.iter_mut().zip(cells) {
            *input = cell.prediction();
        }
        let chosen = [sets.mixers[0] * 8 + known, sets.mixers[1]];
        let [a, b] = &mut self.mixers;
        let x = (a.mix(&inputs, chosen[0]) + b.mix(&inputs, chosen[1])) >> 1;
        let refined = self.refinement.refine(x, sets.refinement);
        let one = (u32::from(squash(x)) + u32::from(refined)) >> 1;
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

    /// Whether the token is NEW. What follows must be told next.
    pub fn new_flag(&mut self, coder: &mut impl BitCoder, text: &Text, tokens: &Tokens, new: bool) -> bool {
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

    /// The symbol of a token that is not NEW: `symbol`, or the one that is decoded. `output` is the text so far, which
    /// ends as `text` says.
    #[inline]
    pub fn symbol(
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
                // Below its set bit, the upper half, then again a set bit and what is known of the lower one.
                Question::Bit(bits) => {
                    let more = bits.ilog2() - 4;
                    (bits >> more, 1 << more | bits & ((1 << more) - 1))
                }
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

    /// The class that a new rule begins with, inside a definition of the class `outer`, or 0: five bits.
    pub fn class(&mut self, coder: &mut impl BitCoder, outer: u8, class: u8) -> u8 {
        let mut node = 1;
        for i in (0..5).rev() {
            let cell = &mut self.class[usize::from(outer) << 5 | node];
            node = node << 1 | usize::from(plain(coder, cell, class >> i & 1 != 0));
        }
        (node & 31) as u8
    }

    /// The number of tokens that define a new rule of a class, 2 to 2^32 - 1.
    pub fn width(&mut self, coder: &mut impl BitCoder, class: u8, width: u32) -> u32 {
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

/// Mixes the bits of a hash once more.
#[inline]
fn spread(hash: u32) -> u32 {
    let hash = hash.wrapping_mul(0x9E37_79B1);
    (hash ^ hash >> 15).wrapping_mul(0x85EB_CA6B)
}

/// What the uses to come on either side predict.
#[inline]
fn weighed([clear, set]: [u32; 2]) -> i16 {
    let (set, all) = (u64::from(set), u64::from(clear) + u64::from(set));
    stretch((((set << 16) + all / 2) / all).min(65_535) as u16)
}

/// The refinement's context of a decision `what` behind the byte `last`.
#[inline]
fn refined(last: u32, what: u32) -> usize {
    (hash(last, what) >> (32 - REFINED_BITS)) as usize
}

#[inline]
fn sets(branch: &Branch, question: Question, text: &Text) -> Sets {
    let last = (text.last & 0xFF) as u32;
    let inside = usize::from(text.len > 0);
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
        _ => 256 << inside | (what & 255) as usize,
    };
    Sets { mixers: [size << 2 | longer << 1 | inside, second], refinement: refined(last, what) }
}
