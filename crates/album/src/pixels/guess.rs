//! Guessing whole pixels: what followed the same neighbours before, the picture before, the pixels left and above.

use lab_entropy::logistic::{squash, stretch};
use lab_entropy::mix::{Mixer, ONE};
use lab_entropy::range::{Bit, BitCoder};

/// A pixel: up to four samples of 16 bits.
pub type Pixel = u64;

/// Contexts that have a say.
const INPUTS: usize = 8;
/// Values of a context.
const SIZE: usize = 1 << 16;
/// Entries of a table of memories, as a power of two.
const MEMORIES: u32 = 18;
/// The most guesses for a pixel.
pub const GUESSES: usize = 5;

/// What followed a context the last time, and how often in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Memory {
    pixel: Pixel,
    check: u16,
    sure: u8,
}

/// The neighbours of a pixel, in the picture and in the one before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around {
    /// Left.
    pub w: Pixel,
    /// Above.
    pub n: Pixel,
    /// Above left.
    pub nw: Pixel,
    /// Above right.
    pub ne: Pixel,
    /// Two to the left.
    pub ww: Pixel,
    /// Two above.
    pub nn: Pixel,
    /// The same place in the picture before, right of it, below it, left and above: zeros without such a picture.
    pub before: [Pixel; 5],
}

/// Guesses pixels and codes whether that was right.
pub struct Guesses {
    inter: bool,
    near: Vec<Memory>,
    far: Vec<Memory>,
    tables: [Vec<Bit>; INPUTS],
    mixer: Mixer<INPUTS>,
    /// Which guess was right for the pixels of the row above, and from the current place on of the row before that;
    /// [`GUESSES`] stands for none.
    hits: Vec<u8>,
    above_left: u8,
    left: u8,
    /// Where the tables are to learn what the pixel was.
    hashes: [u64; 2],
}

fn hash(values: &[u64]) -> u64 {
    let mixed = values
        .iter()
        .fold(0_u64, |hash, value| (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
    mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

impl Guesses {
    /// For pictures of this width.
    pub fn new(width: usize, inter: bool) -> Self {
        Self {
            inter,
            near: vec![Memory::default(); 1 << MEMORIES],
            far: vec![Memory::default(); 1 << MEMORIES],
            tables: std::array::from_fn(|_| vec![Bit::default(); SIZE]),
            mixer: Mixer::new(GUESSES * 1024, ONE / 4),
            hits: vec![0; width + 2],
            above_left: 0,
            left: 0,
            hashes: [0; 2],
        }
    }

    /// Codes whether `pixel` is one of those guessed, or ignores it; the pixel, if it was.
    pub fn code(
        &mut self,
        coder: &mut impl BitCoder,
        pixel: Pixel,
        x: usize,
        around: &Around,
    ) -> Option<Pixel> {
        let a = around;
        let near_hash = hash(&[a.w, a.n, a.ne, a.before[0]]);
        let far_hash = hash(&[a.w, a.n, a.nw, a.ne, a.ww, a.nn, a.before[0], a.before[1], a.before[2]]);
        self.hashes = [near_hash, far_hash];
        let place = |hash: u64| (hash >> (64 - MEMORIES)) as usize;
        let (near_at, far_at) = (place(near_hash), place(far_hash));
        let known =
            |memory: Memory, hash: u64| (memory.sure > 0 && memory.check == hash as u16).then_some(memory);
        let near = known(self.near[near_at], near_hash);
        let far = known(self.far[far_at], far_hash);
        let list = [
            far.map(|memory| memory.pixel),
            near.map(|memory| memory.pixel),
            self.inter.then_some(a.before[0]),
            Some(a.w),
            Some(a.n),
        ];
        // How the guesses relate, and what came of those nearby.
        let [above, above_right] = [self.hits[x], self.hits[(x + 1).min(self.hits.len() - 1)]];
        let equal = |p: Option<Pixel>, q: Pixel| usize::from(p == Some(q));
        let relation = usize::from(far.is_none())
            | usize::from(near.is_none()) << 1
            | equal(list[0], a.w) << 2
            | equal(list[1], a.w) << 3
            | usize::from(self.inter && a.before[0] == a.w) << 4
            | usize::from(a.w == a.n) << 5
            | usize::from(a.n == a.nw) << 6
            | usize::from(a.n == a.ne) << 7
            | usize::from(a.w == a.nw) << 8
            | equal(list[0], list[1].unwrap_or(1)) << 9;
        let inter_relation = usize::from(a.before[0] == a.before[3])
            | usize::from(a.before[0] == a.before[4]) << 1
            | usize::from(a.before[3] == a.w) << 2
            | usize::from(a.before[4] == a.n) << 3
            | usize::from(a.before[0] == a.before[1]) << 4
            | usize::from(a.before[0] == a.before[2]) << 5;
        let history = usize::from(self.left)
            | usize::from(above) << 3
            | usize::from(above_right) << 6
            | usize::from(self.above_left) << 9;
        let sure = usize::from(far.map_or(0, |memory| memory.sure.min(15)))
            | usize::from(near.map_or(0, |memory| memory.sure.min(15))) << 4;
        let mut hit = None;
        for number in 0..GUESSES {
            let Some(guess) = list[number] else { continue };
            if list[..number].contains(&Some(guess)) {
                continue;
            }
            let contexts = [
                relation,
                history,
                sure | (relation & 3) << 8,
                (relation & 0x3FC) << 3 | usize::from(self.left) | (sure & 3) << 13,
                inter_relation | usize::from(self.left) << 6 | usize::from(above) << 9,
                (hash(&[guess, a.w]) >> 53) as usize | 1 << 12,
                (hash(&[guess, a.before[0]]) >> 53) as usize,
                inter_relation | (relation & 0x1F0) << 3,
            ];
            let places = contexts.map(|context| (context * GUESSES + number) % SIZE);
            let mut inputs = [0; INPUTS];
            for ((input, table), place) in inputs.iter_mut().zip(&self.tables).zip(places) {
                *input = stretch(table[place].one() as u16);
            }
            let set = (history & 63) | (sure & 3) << 6 | usize::from(sure & 15 > 3) << 8;
            let one = squash(self.mixer.mix(&inputs, number * 1024 + set));
            let right = coder.code(pixel == guess, one.into());
            self.mixer.update(&inputs, right, 6, 20);
            for (table, place) in self.tables.iter_mut().zip(places) {
                table[place].update(right, 250);
            }
            if right {
                hit = Some((number as u8, guess));
                break;
            }
        }
        let number = hit.map_or(GUESSES as u8, |(number, _)| number);
        self.above_left = above;
        self.hits[x] = number;
        self.left = number;
        hit.map(|(_, guess)| guess)
    }

    /// Remembers what the pixel was that [`code`](Self::code) was called for.
    pub fn learn(&mut self, pixel: Pixel) {
        for (table, hash) in [&mut self.near, &mut self.far].into_iter().zip(self.hashes) {
            let memory = &mut table[(hash >> (64 - MEMORIES)) as usize];
            if memory.check == hash as u16 && memory.pixel == pixel && memory.sure > 0 {
                memory.sure = memory.sure.saturating_add(1);
            } else if memory.check == hash as u16 && memory.sure > 3 {
                memory.sure /= 4;
            } else {
                *memory = Memory { pixel, check: hash as u16, sure: 1 };
            }
        }
    }
}
