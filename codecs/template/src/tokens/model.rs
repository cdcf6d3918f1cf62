//! The statistical model of the `rans` coder. One definition serves both directions: see [`Coder`].

use lab_entropy::meter::Meter;
use lab_entropy::model::{Bit, Nibble, decode_mean, encode_mean};
use lab_entropy::rans::{Decoder, Encoder, MAX_RAW_BITS};

/// Codes a value when encoding; ignores it and returns the decoded one when decoding.
pub(super) trait Coder {
    /// A bit.
    fn bit(&mut self, model: &mut Bit, bit: bool, limit: u8) -> bool;
    /// A symbol below 16.
    fn nibble(&mut self, model: &mut Nibble, symbol: u8, limit: u8) -> u8;
    /// A symbol below 16, with the mean of two models.
    fn mean(&mut self, a: &mut Nibble, b: &mut Nibble, symbol: u8, limits: (u8, u8)) -> u8;
    /// A number of `bits` bits, up to 31.
    fn raw(&mut self, value: u32, bits: u32) -> u32;
}

impl Coder for Encoder {
    #[inline]
    fn bit(&mut self, model: &mut Bit, bit: bool, limit: u8) -> bool {
        model.encode(bit, limit, self);
        bit
    }

    #[inline]
    fn nibble(&mut self, model: &mut Nibble, symbol: u8, limit: u8) -> u8 {
        model.encode(symbol, limit, self);
        symbol
    }

    #[inline]
    fn mean(&mut self, a: &mut Nibble, b: &mut Nibble, symbol: u8, limits: (u8, u8)) -> u8 {
        encode_mean(a, b, symbol, limits, self);
        symbol
    }

    fn raw(&mut self, value: u32, bits: u32) -> u32 {
        let low = bits.min(MAX_RAW_BITS);
        Self::raw(self, value & ((1 << low) - 1), low);
        Self::raw(self, value >> low, bits - low);
        value
    }
}

impl<M: Meter> Coder for Decoder<'_, M> {
    #[inline]
    fn bit(&mut self, model: &mut Bit, _: bool, limit: u8) -> bool {
        model.decode(limit, self)
    }

    #[inline]
    fn nibble(&mut self, model: &mut Nibble, _: u8, limit: u8) -> u8 {
        model.decode(limit, self)
    }

    #[inline]
    fn mean(&mut self, a: &mut Nibble, b: &mut Nibble, _: u8, limits: (u8, u8)) -> u8 {
        decode_mean(a, b, limits, self)
    }

    fn raw(&mut self, _: u32, bits: u32) -> u32 {
        let low = bits.min(MAX_RAW_BITS);
        let value = Self::raw(self, low);
        value | Self::raw(self, bits - low) << low
    }
}

/// Number of classes of rules, by uses to come: 0 for used up, 1 to 14 exactly, then half octaves. 31 because
/// a class is coded as one nibble of 0 to 14 or an escape, and 16 more values in a second nibble.
pub(super) const CLASSES: usize = 31;

/// Lower bounds of the classes from 15 on: steps of about the square root of 2, doubling every second class.
const HALF_OCTAVES: [u32; 16] = [15, 21, 30, 42, 60, 84, 120, 168, 240, 336, 480, 672, 960, 1344, 1920, 2688];

/// The class of a rule with `uses` (at least 1) uses to come.
pub(super) fn class_of(uses: u32) -> u8 {
    if uses < 15 { uses as u8 } else { 14 + HALF_OCTAVES.partition_point(|&least| least <= uses) as u8 }
}

/// The lower bound of a class's uses to come; exact below 15.
pub(super) fn least_uses(class: u8) -> u32 {
    match class {
        0..15 => u32::from(class),
        _ => HALF_OCTAVES[usize::from(class - 15).min(15)],
    }
}

/// The class after one more use: an exact class counts down to 0, used up; the others stay, as their uses are
/// not known.
#[inline]
pub(super) fn class_after_use(class: u8) -> u8 {
    if class < 15 { class - 1 } else { class }
}

/// The context of a token.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    /// The last two bytes of the output, the last one low.
    pub tail: u16,
    /// The previous token: 0 a byte, 1 a use, 2 NEW.
    pub kind: u8,
}

/// Contexts that the last two bytes are hashed to: 2^11, since all 2^16 would take 33 MB of models.
const HASHED: usize = 1 << HASH_BITS;
const HASH_BITS: u32 = 11;

/// The adaptive models. A first byte is two nibbles, each predicted by the mean of its order-1 and hashed
/// order-2 models. A class is predicted by the mean of its models by first byte and by the context before.
pub(super) struct Model {
    new: Vec<Bit>,
    first_high: Vec<Nibble>,
    first_low: Vec<Nibble>,
    second_high: Vec<Nibble>,
    second_low: Vec<Nibble>,
    class: Vec<Nibble>,
    class_before: Vec<Nibble>,
    class_high: Vec<Nibble>,
    uses: Nibble,
    uses_high: Nibble,
    width: Nibble,
    width_bits: Nibble,
}

impl Default for Model {
    fn default() -> Self {
        let many = |n| vec![Nibble::default(); n];
        Self {
            new: vec![Bit::default(); 3 * 256],
            first_high: many(256),
            first_low: many(256 * 16),
            second_high: many(HASHED),
            second_low: many(HASHED * 16),
            class: many(256),
            class_before: many(3 * 256),
            class_high: many(256),
            uses: Nibble::default(),
            uses_high: Nibble::default(),
            width: Nibble::default(),
            width_bits: Nibble::default(),
        }
    }
}

/// Slowest adaptation, in the terms of [`lab_entropy::model`]. The order-1 models see many symbols and settle
/// at 1/64; the hashed order-2 models see few and stay at 1/32. Format constants.
const NEW_LIMIT: u8 = 100;
const BYTE_LIMITS: (u8, u8) = (6, 5);
const CLASS_LIMIT: u8 = 6;
const RULE_LIMIT: u8 = 7;

impl Model {
    /// Codes whether the token is NEW, by the previous token's kind and the last byte.
    #[inline]
    pub(super) fn new_flag(&mut self, coder: &mut impl Coder, before: Before, new: bool) -> bool {
        let context = usize::from(before.kind) << 8 | usize::from(before.tail as u8);
        coder.bit(&mut self.new[context], new, NEW_LIMIT)
    }

    /// Codes the first byte of the token.
    #[inline]
    pub(super) fn first_byte(&mut self, coder: &mut impl Coder, before: Before, byte: u8) -> u8 {
        let last = usize::from(before.tail as u8);
        let hash = (u32::from(before.tail).wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize;
        // The top bits of the product depend on all bits of both bytes, so collisions spread evenly.
        let high =
            coder.mean(&mut self.first_high[last], &mut self.second_high[hash], byte >> 4, BYTE_LIMITS);
        let (one, two) = (last << 4 | usize::from(high), hash << 4 | usize::from(high));
        let low = coder.mean(&mut self.first_low[one], &mut self.second_low[two], byte & 15, BYTE_LIMITS);
        high << 4 | low
    }

    /// Codes the class of a token with the given first byte; 0 for the byte itself.
    #[inline]
    pub(super) fn class(&mut self, coder: &mut impl Coder, before: Before, first: u8, class: u8) -> u8 {
        let group = usize::from(first);
        let context = usize::from(before.kind) << 8 | usize::from(before.tail as u8);
        let low = coder.mean(
            &mut self.class[group],
            &mut self.class_before[context],
            class.min(15),
            (CLASS_LIMIT, CLASS_LIMIT),
        );
        if low < 15 {
            low
        } else {
            15 + coder.nibble(&mut self.class_high[group], class.wrapping_sub(15), CLASS_LIMIT)
        }
    }

    /// Codes the class of a new rule.
    #[inline]
    pub(super) fn uses(&mut self, coder: &mut impl Coder, class: u8) -> u8 {
        let low = coder.nibble(&mut self.uses, class.min(15), RULE_LIMIT);
        if low < 15 {
            low
        } else {
            15 + coder.nibble(&mut self.uses_high, class.wrapping_sub(15), RULE_LIMIT)
        }
    }

    /// Codes the number of tokens that define a new rule, 2 to 2^31. Widths 2 to 16 take one nibble. Longer
    /// ones take their bit length, its lowest bit raw because 31 lengths exceed a nibble, and then their
    /// bits.
    #[inline]
    pub(super) fn width(&mut self, coder: &mut impl Coder, width: u32) -> u32 {
        let low = coder.nibble(&mut self.width, width.wrapping_sub(2).min(15) as u8, RULE_LIMIT);
        if low < 15 {
            return u32::from(low) + 2;
        }
        let rest = width.wrapping_sub(16).max(1); // 1 and up
        let bits = 31 - rest.leading_zeros();
        let half = coder.nibble(&mut self.width_bits, (bits / 2) as u8, RULE_LIMIT);
        let bits = u32::from(half) * 2 + coder.raw(bits % 2, 1);
        (1 << bits | coder.raw(rest & !(1 << bits), bits.min(30))).saturating_add(16)
    }
}
