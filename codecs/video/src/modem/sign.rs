//! Payload in the signs of cosine coefficients: each 4x4 block of luma samples holds one bit in each of its lowest
//! coefficients.
//!
//! With the quantiser's step about as large as the amplitude, an encoder codes levels of +-1, about 1.1 bits for
//! each bit of payload. Chroma is grey.

use lab_media::{Frame, Shape};
use rayon::prelude::*;

use super::band::{Bands, CELL};
use super::grid::{self, Native};
use super::plane::Plane;
use super::words::Words;
use super::{Demodulated, FrameHeader, Grid, Modem, Refusal, shape};

/// Samples of a block in both directions.
const BLOCK: usize = 4;

/// The coefficients from low to high, column and row frequency: the zigzag scan of H.264 (8.5.6).
pub const ZIGZAG: [(usize, usize); 10] =
    [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (2, 0), (3, 0), (2, 1), (1, 2), (0, 3)];

/// Rows of blocks above the upper and below the lower band: what may be cut off without loss of the header.
const MARGIN: usize = 4;

/// What makes one sign modem different from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Number of the profile.
    pub profile: u8,
    /// Bits of a block, 1 to 10.
    pub coefficients: usize,
    /// Size of the coefficients, in sample steps of the orthonormal transform.
    pub amplitude: f64,
    /// Size of the constant coefficient of the cells of the bands.
    pub band_amplitude: f64,
    /// Parity bytes of a Reed-Solomon word.
    pub parity: usize,
}

/// The modem.
#[derive(Debug)]
pub struct SignModem {
    native: Native,
    parameters: Parameters,
    words: Words,
    /// The samples of a block, for each combination of signs.
    patterns: Vec<[[u8; BLOCK]; BLOCK]>,
    /// The samples of a black and of a white cell.
    cells: [u8; 2],
}

/// Value `x` of basis function `frequency` of the orthonormal DCT-II of four values.
fn cosine(frequency: usize, x: usize) -> f64 {
    let angle = std::f64::consts::PI * (2 * x + 1) as f64 * frequency as f64 / 8.0;
    if frequency == 0 { 0.5 } else { 0.5f64.sqrt() * angle.cos() }
}

/// `value` as a sample.
fn sample(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

impl SignModem {
    /// A modem for pictures of `width` by `height` samples; `None` where they are too small for a frame, or not
    /// multiples of 4.
    pub fn new(parameters: Parameters, width: usize, height: usize) -> Option<Self> {
        if !width.is_multiple_of(BLOCK) || !height.is_multiple_of(BLOCK) {
            return None;
        }
        let bands = Bands::new(width / CELL, height / CELL, MARGIN)?;
        let native = Native { width, height, bands, period: BLOCK };
        let blocks = (width / BLOCK) * (height / BLOCK) - bands.cells();
        let words = Words::new(blocks * parameters.coefficients / 8, parameters.parity)?;
        let patterns = (0..1 << parameters.coefficients).map(|signs: usize| {
            let value = |y, x| {
                (0..parameters.coefficients)
                    .map(|k| {
                        let wave = cosine(ZIGZAG[k].0, x) * cosine(ZIGZAG[k].1, y);
                        if signs >> k & 1 == 1 { wave } else { -wave }
                    })
                    .sum::<f64>()
            };
            std::array::from_fn(|y| {
                std::array::from_fn(|x| sample(128.0 + parameters.amplitude * value(y, x)))
            })
        });
        let cell = parameters.band_amplitude / 4.0;
        Some(Self {
            native,
            parameters,
            words,
            patterns: patterns.collect(),
            cells: [sample(128.0 - cell), sample(128.0 + cell)],
        })
    }

    /// The rows of blocks that hold payload, with the number of the first block's first bit.
    fn data_rows(&self) -> impl Iterator<Item = usize> {
        (0..self.native.height / BLOCK).filter(|&row| !self.native.bands.contains(row))
    }

    /// Bits of a row of blocks.
    fn row_bits(&self) -> usize {
        self.native.width / BLOCK * self.parameters.coefficients
    }

    /// The coefficients of all blocks that hold payload, in the order of the bits; `middle` is the brightness of
    /// no signal. `luma` has the native size.
    fn coefficients(&self, luma: &[u8], middle: f32) -> Vec<f32> {
        let rows: Vec<usize> = self.data_rows().collect();
        let mut values = vec![0.0; rows.len() * self.row_bits()];
        let stripe = BLOCK * self.native.width;
        values.par_chunks_mut(self.row_bits()).zip(rows).for_each(|(values, row)| {
            let samples = &luma[row * stripe..][..stripe];
            match self.parameters.coefficients {
                1 => project::<1, 1>(samples, self.native.width, middle, values),
                3 => project::<3, 4>(samples, self.native.width, middle, values),
                10 => project::<10, 12>(samples, self.native.width, middle, values),
                _ => project_any(samples, self.native.width, middle, self.parameters.coefficients, values),
            }
        });
        values
    }

    /// Takes the confidence of the coded bytes that have a bit outside the copy.
    fn erase(&self, inside: &[bool], confidence: &mut [u8]) {
        let k = self.parameters.coefficients;
        let columns = self.native.width / BLOCK;
        let inside: Vec<bool> =
            self.data_rows().flat_map(|row| &inside[row * columns..][..columns]).copied().collect();
        for (byte, confidence) in confidence.iter_mut().enumerate() {
            if inside[8 * byte / k..=(8 * byte + 7) / k].contains(&false) {
                *confidence = 0;
            }
        }
    }
}

/// The lowest `K` coefficients of the blocks in four rows of samples. `LANES >= K` is what vectors hold.
fn project<const K: usize, const LANES: usize>(
    samples: &[u8],
    width: usize,
    middle: f32,
    values: &mut [f32],
) {
    let basis: [[f32; LANES]; 16] = std::array::from_fn(|i| {
        std::array::from_fn(|k| match ZIGZAG.get(k) {
            Some(&(u, v)) if k < K => (cosine(u, i % 4) * cosine(v, i / 4)) as f32,
            _ => 0.0,
        })
    });
    for (block, values) in values.as_chunks_mut::<K>().0.iter_mut().enumerate() {
        let mut sums = [0.0; LANES];
        sums[0] = -4.0 * middle;
        for y in 0..BLOCK {
            let row = &samples[y * width + block * BLOCK..][..BLOCK];
            for x in 0..BLOCK {
                let sample = f32::from(row[x]);
                for k in 0..LANES {
                    sums[k] += sample * basis[y * BLOCK + x][k];
                }
            }
        }
        values.copy_from_slice(&sums[..K]);
    }
}

/// As [`project`], for any number of coefficients.
fn project_any(samples: &[u8], width: usize, middle: f32, k: usize, values: &mut [f32]) {
    let mut all = vec![0.0; values.len() / k * ZIGZAG.len()];
    project::<10, 12>(samples, width, middle, &mut all);
    for (values, all) in values.chunks_mut(k).zip(all.chunks(ZIGZAG.len())) {
        values.copy_from_slice(&all[..k]);
    }
}

impl Modem for SignModem {
    fn shape(&self) -> Shape {
        shape(self.native.width, self.native.height)
    }

    fn words(&self) -> &Words {
        &self.words
    }

    fn render(&self, header: &FrameHeader, payload: &[u8], out: &mut Frame) {
        let Native { width, height, bands, .. } = self.native;
        out.reshape(self.shape());
        let header = FrameHeader {
            profile: self.parameters.profile,
            parity: self.words.parity() as u8,
            length: payload.len() as u32,
            ..*header
        };
        let mut coded = self.words.encode(header.frame, payload);
        // Bits that fill up the last byte, and room to read eight bytes at once.
        coded.extend([0; 16]);
        let cells = [0, 1].map(|band| bands.write(&header, band));
        let mut first_bit = 0;
        let first_bits: Vec<usize> = (0..height / BLOCK)
            .map(|row| {
                let first = first_bit;
                first_bit += if bands.contains(row) { 0 } else { self.row_bits() };
                first
            })
            .collect();

        let k = self.parameters.coefficients;
        let mask = (1 << k) - 1;
        out.plane_mut(0).par_chunks_mut(BLOCK * width).zip(first_bits).enumerate().for_each(
            |(row, (stripe, mut bit))| {
                let band = (0..2).find(|&b| (bands.first[b]..bands.first[b] + bands.rows).contains(&row));
                let [a, b, c, d] = rows_of(stripe, width);
                let places = a.as_chunks_mut::<BLOCK>().0.iter_mut().zip(b.as_chunks_mut::<BLOCK>().0);
                let places = places.zip(c.as_chunks_mut::<BLOCK>().0).zip(d.as_chunks_mut::<BLOCK>().0);
                for (column, (((a, b), c), d)) in places.enumerate() {
                    let pattern = match band {
                        Some(band) => {
                            let cell = (row - bands.first[band]) * bands.columns + column;
                            [[self.cells[usize::from(cells[band][cell])]; BLOCK]; BLOCK]
                        }
                        None => {
                            let word = u32::from_le_bytes([
                                coded[bit / 8],
                                coded[bit / 8 + 1],
                                coded[bit / 8 + 2],
                                0,
                            ]);
                            let signs = (word >> (bit % 8)) as usize & mask;
                            bit += k;
                            self.patterns[signs]
                        }
                    };
                    [*a, *b, *c, *d] = pattern;
                }
            },
        );
        out.fill(1, 128);
        out.fill(2, 128);
    }

    fn demodulate(&self, picture: &Frame, grid: Option<Grid>) -> Result<Demodulated, Refusal> {
        let found = grid::find(Plane::of(picture, 0)?, &self.native, grid)?;
        let (header, grid) = (found.header, found.grid);
        if header.profile != self.parameters.profile {
            return Err(Refusal::Profile(header.profile));
        }
        let values = self.coefficients(&found.luma, found.levels.middle());
        let mut coded = vec![0; self.words.coded()];
        let mut confidence = vec![0; coded.len()];
        let scale = 128.0 / self.parameters.amplitude as f32;
        for ((byte, confidence), values) in coded.iter_mut().zip(&mut confidence).zip(values.chunks(8)) {
            let mut least = f32::INFINITY;
            for (bit, &value) in values.iter().enumerate() {
                *byte |= u8::from(value > 0.0) << bit;
                least = least.min(value.abs());
            }
            *confidence = (least * scale).clamp(1.0, 255.0) as u8;
        }
        if let Some(inside) = &found.inside {
            self.erase(inside, &mut confidence);
        }
        Ok(Demodulated { header, coded, confidence, grid })
    }
}

/// The rows of a stripe of four rows of samples; a stripe at the lower edge may have fewer.
fn rows_of(stripe: &mut [u8], width: usize) -> [&mut [u8]; BLOCK] {
    let mut rows = stripe.chunks_mut(width);
    std::array::from_fn(|_| rows.next().unwrap_or_default())
}
