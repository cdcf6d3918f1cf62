//! Codes one pixel in the context of its neighbours. The same code encodes, decodes, and adapts models
//! without coding.

use lab_entropy::model::Bit;
use lab_entropy::rans::{Decoder, Encoder};

use crate::error::Result;

/// Adaptation limits of the probabilities: flat pixels, blocks and candidates, channels. A higher limit
/// adapts more slowly.
const FLAT_LIMIT: u8 = 127;
pub(super) const HIT_LIMIT: u8 = 60;
const CHANNEL_LIMIT: u8 = 30;

/// A pixel with its first channel in the lowest byte.
pub(super) type Pixel = u32;

/// Encodes, decodes or learns bits.
pub(super) trait Coder {
    /// Encodes `bit` and returns it, or returns the decoded bit and ignores `bit`.
    fn bit(&mut self, model: &mut Bit, limit: u8, bit: bool) -> bool;
    /// Fails if the decoded bytes are corrupt or truncated.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl Coder for Encoder {
    #[inline]
    fn bit(&mut self, model: &mut Bit, limit: u8, bit: bool) -> bool {
        model.encode(bit, limit, self);
        bit
    }
}

impl Coder for Decoder<'_> {
    #[inline]
    fn bit(&mut self, model: &mut Bit, limit: u8, _: bool) -> bool {
        model.decode(limit, self)
    }

    fn check(&self) -> Result<()> {
        Ok(Decoder::check(self)?)
    }
}

/// Adapts models to pixels that encoder and decoder both know.
pub(super) struct Learner;

impl Coder for Learner {
    #[inline]
    fn bit(&mut self, model: &mut Bit, limit: u8, bit: bool) -> bool {
        model.learn(bit, limit);
        bit
    }
}

/// A colour that followed a context of neighbours, with a confidence: 0 if unseen, up to 7.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    pixel: Pixel,
    trust: u8,
}

impl Seen {
    #[inline]
    fn update(&mut self, pixel: Pixel) {
        if self.trust > 0 && self.pixel == pixel {
            self.trust = (self.trust + 1).min(7);
        } else if self.trust > 2 {
            self.trust = 1;
        } else {
            *self = Self { pixel, trust: 1 };
        }
    }
}

/// Bits of a table's index.
const TABLE_BITS: u32 = 16;
const TABLES: usize = 4;
/// Candidates in order: the tables', the reference, top, left, topright, topleft.
const CANDIDATES: usize = TABLES + 5;

/// Models of a byte's bits, the highest first. The index is a 1 followed by the bits before.
type Tree = [Bit; 256];

/// The models of a band.
pub(super) struct Models {
    tables: [Vec<Seen>; TABLES],
    /// Whether a pixel equals its four equal neighbours. Context: no reference, equal reference, different
    /// reference.
    flat: [Bit; 3],
    /// Whether a candidate is the pixel. Context: its index, its confidence, the equal later candidates,
    /// whether the last two pixels were candidates, and the parity of column and row.
    hits: Vec<Bit>,
    /// The second channel (green), or the only one. Context: parity, and its highest 3 bits at top and left.
    second: Vec<Tree>,
    /// The first channel in the context of the second.
    first: Vec<Tree>,
    /// The third channel in the context of the second and the highest 2 bits of the first.
    third: Vec<Tree>,
    fourth: Vec<Tree>,
}

impl Models {
    pub(super) fn new(channels: usize) -> Self {
        let trees = |count: usize, channel| {
            if channels > channel { vec![[Bit::default(); 256]; count] } else { Vec::new() }
        };
        Self {
            tables: std::array::from_fn(|_| vec![Seen::default(); 1 << TABLE_BITS]),
            flat: [Bit::default(); 3],
            hits: vec![Bit::default(); CANDIDATES << 12],
            second: trees(256, 0),
            first: trees(256, 1),
            third: trees(1024, 2),
            fourth: trees(1, 3),
        }
    }
}

/// The neighbours of a pixel. If one is missing: top replaces left, left replaces top, 0 replaces both; top
/// replaces topleft and topright.
#[derive(Clone, Copy)]
pub(super) struct Around {
    pub left: Pixel,
    top: Pixel,
    topleft: Pixel,
    topright: Pixel,
}

impl Around {
    #[inline]
    pub(super) fn of(pixels: &[Pixel], width: usize, x: usize, y: usize) -> Self {
        let at = y * width + x;
        let left = (x > 0).then(|| pixels[at - 1]);
        let above = (y > 0).then(|| pixels[at - width]);
        let left = left.or(above).unwrap_or(0);
        let top = above.unwrap_or(left);
        let topleft = if x > 0 && y > 0 { pixels[at - width - 1] } else { top };
        let topright = if y > 0 && x + 1 < width { pixels[at - width + 1] } else { top };
        Self { left, top, topleft, topright }
    }

    #[inline]
    pub(super) fn is_flat(self) -> bool {
        self.left == self.top && self.top == self.topleft && self.topleft == self.topright
    }

    /// Indices into the tables: hashes of four, three, two and one neighbours, with the parity.
    #[inline]
    fn places(self, even: usize) -> [usize; TABLES] {
        let Self { left, top, topleft, topright } = self;
        let place = |table: usize, pixels: [Pixel; 4]| {
            const FACTORS: [u32; 4] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F];
            let start = ((8 * table + even) as u32).wrapping_mul(0x1656_67B1);
            let sum = pixels
                .iter()
                .zip(FACTORS)
                .fold(start, |sum, (pixel, factor)| sum.wrapping_add(pixel.wrapping_mul(factor)));
            ((sum ^ sum >> 15).wrapping_mul(0x2C1B_3C6D) >> (32 - TABLE_BITS)) as usize
        };
        [
            place(0, [left, topleft, top, topright]),
            place(1, [left, topleft, top, 0]),
            place(2, [top, topright, 0, 0]),
            place(3, [left, 0, 0, 0]),
        ]
    }
}

/// The state of coding a band.
pub(super) struct Band<'a, C> {
    pub coder: &'a mut C,
    models: &'a mut Models,
    channels: usize,
    /// A bit for each of the last two pixels, set if no candidate matched.
    missed: usize,
}

impl<'a, C: Coder> Band<'a, C> {
    /// The state before the first pixel.
    pub(super) fn new(coder: &'a mut C, models: &'a mut Models, channels: usize) -> Self {
        Self { coder, models, channels, missed: 0 }
    }

    /// Codes a pixel; `old` is the reference's pixel at the same position.
    #[inline]
    pub(super) fn pixel(
        &mut self,
        around: Around,
        old: Option<Pixel>,
        (x, y): (usize, usize),
        pixel: Pixel,
    ) -> Pixel {
        let flat = around.is_flat();
        if flat {
            let model = match old {
                None => 0,
                Some(old) if old == around.left => 1,
                Some(_) => 2,
            };
            if self.coder.bit(&mut self.models.flat[model], FLAT_LIMIT, pixel == around.left) {
                self.missed = 0;
                return around.left;
            }
        }
        let even = x & 1 | (y & 1) << 1;
        let places = around.places(even);
        let Around { left, top, topleft, topright } = around;
        let mut candidates = [0; CANDIDATES];
        let mut trusts = [1; CANDIDATES];
        for i in 0..TABLES {
            Seen { pixel: candidates[i], trust: trusts[i] } = self.models.tables[i][places[i]];
        }
        candidates[TABLES..].copy_from_slice(&[old.unwrap_or(top), top, left, topright, topleft]);
        let found = self.candidate(&candidates, &trusts, flat.then_some(left), even, pixel);
        self.missed = (self.missed << 1 | usize::from(found.is_none())) & 3;
        let pixel = match found {
            Some(pixel) => pixel,
            None => self.channels(around, even, pixel),
        };
        for (table, place) in self.models.tables.iter_mut().zip(places) {
            table[place].update(pixel);
        }
        pixel
    }

    /// The first candidate equal to `pixel`, if any. The flat test has already excluded `never`.
    #[inline]
    fn candidate(
        &mut self,
        candidates: &[Pixel; CANDIDATES],
        trusts: &[u8; CANDIDATES],
        never: Option<Pixel>,
        even: usize,
        pixel: Pixel,
    ) -> Option<Pixel> {
        let mut missed = self.missed;
        for (i, (&candidate, &trust)) in candidates.iter().zip(trusts).enumerate() {
            let alike = |j: usize| trusts[j] > 0 && candidates[j] == candidate;
            if trust == 0 || never == Some(candidate) || (0..i).any(alike) {
                continue;
            }
            let later = (i + 1..7).filter(|j| alike(*j)).fold(0, |set, j| set | 1 << (j - 1));
            let context = ((i << 2 | usize::from(trust.min(3))) << 6 | later) << 4 | missed << 2 | even;
            if self.coder.bit(&mut self.models.hits[context], HIT_LIMIT, candidate == pixel) {
                return Some(candidate);
            }
            missed = 0;
        }
        None
    }

    /// Codes the channels of a pixel one by one. The second (green) is first, as the context of the others.
    fn channels(&mut self, around: Around, even: usize, pixel: Pixel) -> Pixel {
        let [first, second, third, fourth] = pixel.to_le_bytes();
        let middle = if self.channels > 1 { 8 } else { 0 };
        let high = |pixel: Pixel| (pixel >> (middle + 5) & 7) as usize;
        let context = even << 6 | high(around.top) << 3 | high(around.left);
        let models = &mut *self.models;
        if self.channels == 1 {
            return u32::from(byte(self.coder, &mut models.second[context], first));
        }
        let second = byte(self.coder, &mut models.second[context], second);
        let first = byte(self.coder, &mut models.first[usize::from(second)], first);
        let context = usize::from(second) << 2 | usize::from(first >> 6);
        let third = byte(self.coder, &mut models.third[context], third);
        let fourth = match models.fourth.first_mut() {
            Some(tree) => byte(self.coder, tree, fourth),
            None => 0,
        };
        Pixel::from_le_bytes([first, second, third, fourth])
    }
}

fn byte(coder: &mut impl Coder, tree: &mut Tree, value: u8) -> u8 {
    let mut place = 1;
    for i in (0..8).rev() {
        place = place << 1 | usize::from(coder.bit(&mut tree[place], CHANNEL_LIMIT, value >> i & 1 == 1));
    }
    place as u8
}
