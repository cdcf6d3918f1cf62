//! One pixel after the other, by what is around it and what was seen there before. One text serves both directions, and the third
//! that only learns.

use lab_entropy::model::Bit;
use lab_entropy::rans::{Decoder, Encoder};

use crate::error::Result;

/// How slowly probabilities adapt in the end: of flat pixels, of blocks and candidates, and of channels.
const FLAT_LIMIT: u8 = 127;
pub const HIT_LIMIT: u8 = 60;
const CHANNEL_LIMIT: u8 = 30;

/// A pixel: its channels from the lowest byte.
pub type Pixel = u32;

/// Codes bits in either direction, or learns them.
pub trait Coder {
    /// Codes a bit, or returns the decoded one and ignores `bit`.
    fn bit(&mut self, model: &mut Bit, limit: u8, bit: bool) -> bool;
    /// Whether all is well so far.
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

/// Adapts models to pixels that both sides know.
pub struct Learner;

impl Coder for Learner {
    #[inline]
    fn bit(&mut self, model: &mut Bit, limit: u8, bit: bool) -> bool {
        model.learn(bit, limit);
        bit
    }
}

/// A colour that followed some neighbours, and how surely: 0 for none, up to 7.
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

/// Bits of the place in a table.
const TABLE_BITS: u32 = 16;
const TABLES: usize = 4;
/// Candidates: those of the tables, the reference, above, left, above to the right, above to the left.
const CANDIDATES: usize = TABLES + 5;

/// A byte by its bits from the highest; the place is that of the bits before, led by a set one.
type Tree = [Bit; 256];

/// What a band has seen.
pub struct Models {
    tables: [Vec<Seen>; TABLES],
    /// Whether a pixel is as all its neighbours: without a reference, with the reference alike, with another reference.
    flat: [Bit; 3],
    /// Whether a candidate is right: by which it is, how surely, which later ones are alike, whether the last two pixels
    /// were found, and evenness.
    hits: Vec<Bit>,
    /// The second channel, by evenness and by the highest bits of that above and to the left.
    second: Vec<Tree>,
    /// The first, by the second; and the third, by the second and the highest bits of the first.
    first: Vec<Tree>,
    third: Vec<Tree>,
    fourth: Vec<Tree>,
}

impl Models {
    pub fn new(channels: usize) -> Self {
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

/// The neighbours of a pixel. At the edges: top for a missing left, left for a missing top, 0 where both are missing;
/// top for the others.
#[derive(Clone, Copy)]
pub struct Around {
    pub left: Pixel,
    top: Pixel,
    topleft: Pixel,
    topright: Pixel,
}

impl Around {
    #[inline]
    pub fn of(pixels: &[Pixel], width: usize, x: usize, y: usize) -> Self {
        let at = y * width + x;
        let (has_left, has_top) = (x > 0, y > 0);
        let left = match (has_left, has_top) {
            (true, _) => pixels[at - 1],
            (false, true) => pixels[at - width],
            (false, false) => 0,
        };
        let top = if has_top { pixels[at - width] } else { left };
        let topleft = if has_left && has_top { pixels[at - width - 1] } else { top };
        let topright = if has_top && x + 1 < width { pixels[at - width + 1] } else { top };
        Self { left, top, topleft, topright }
    }

    #[inline]
    pub fn is_flat(self) -> bool {
        self.left == self.top && self.top == self.topleft && self.topleft == self.topright
    }

    /// The places in the tables.
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

/// One band on its way.
pub struct Band<'a, C> {
    pub coder: &'a mut C,
    models: &'a mut Models,
    channels: usize,
    /// Whether each of the last two pixels was no candidate.
    missed: usize,
}

impl<'a, C: Coder> Band<'a, C> {
    /// A band without pixels so far.
    pub fn new(coder: &'a mut C, models: &'a mut Models, channels: usize) -> Self {
        Self { coder, models, channels, missed: 0 }
    }

    /// Codes a pixel between neighbours; `old` is that of the reference.
    #[inline]
    pub fn pixel(
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

    /// The first candidate that is `pixel`, where one is. `never` is known not to be.
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

    /// The channels of a pixel, one by one.
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
