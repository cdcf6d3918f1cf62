//! The sign modem: each 4x4 block of luma samples holds one bit in the sign of each of its lowest cosine
//! coefficients.
//!
//! With a quantiser step about as large as the amplitude, an encoder codes levels of +-1, which cost about
//! 1.1 bits for each bit of payload (experiments/video-channels). Chroma is grey and costs nothing.

use lab_media::{Frame, Shape};
use rayon::prelude::*;

use super::band::{Bands, CELL};
use super::grid::{self, Native};
use super::plane::Plane;
use super::words::Codewords;
use super::{Demodulated, FrameHeader, Grid, Modem, Refusal, shape};

/// Width and height of a block in samples: the size of H.264's smallest transform.
const BLOCK: usize = 4;

/// The coefficients from low to high, as (horizontal, vertical) frequency: the zigzag scan of H.264 (8.5.6).
pub const ZIGZAG: [(usize, usize); 10] =
    [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (2, 0), (3, 0), (2, 1), (1, 2), (0, 3)];

/// Rows of blocks above the upper and below the lower band: cropping up to 16 samples leaves the header
/// readable.
const MARGIN_ROWS: usize = 4;

/// Parameters of a sign modem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// The profile's number.
    pub profile: u8,
    /// Coefficients, and so bits, of a block: 1 to 10.
    pub coefficients: usize,
    /// Magnitude of each coefficient of the orthonormal transform, in sample levels.
    pub amplitude: f64,
    /// Magnitude of the constant coefficient of the bands' cells. Beyond the first coded level it costs up to
    /// 2 % of the video and gains nothing (experiments/video-channels).
    pub band_amplitude: f64,
    /// Parity bytes of a Reed-Solomon codeword.
    pub parity: usize,
}

/// A modem with payload in coefficient signs.
#[derive(Debug)]
pub struct SignModem {
    native: Native,
    parameters: Parameters,
    codewords: Codewords,
    /// The samples of a block, for each combination of signs.
    patterns: Vec<[[u8; BLOCK]; BLOCK]>,
    /// The samples of a black and of a white cell.
    cells: [u8; 2],
}

/// Sample `x` of basis function `frequency` of the orthonormal 4-point DCT-II.
fn cosine(frequency: usize, x: usize) -> f64 {
    let angle = std::f64::consts::PI * (2 * x + 1) as f64 * frequency as f64 / 8.0;
    if frequency == 0 { 0.5 } else { 0.5f64.sqrt() * angle.cos() }
}

/// Rounds and clips to a sample.
fn sample(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

impl SignModem {
    /// A modem for pictures of `width` by `height` samples; `None` where they are too small for a frame, or
    /// not multiples of 4.
    pub fn new(parameters: Parameters, width: usize, height: usize) -> Option<Self> {
        if !width.is_multiple_of(BLOCK) || !height.is_multiple_of(BLOCK) {
            return None;
        }
        let bands = Bands::new(width / CELL, height / CELL, MARGIN_ROWS)?;
        let native = Native { width, height, bands, period: BLOCK };
        let blocks = (width / BLOCK) * (height / BLOCK) - bands.cells();
        let codewords = Codewords::new(blocks * parameters.coefficients / 8, parameters.parity)?;
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
        // A constant coefficient of A is a constant block of A / 4: the basis function is 1/4 everywhere.
        let cell = parameters.band_amplitude / 4.0;
        Some(Self {
            native,
            parameters,
            codewords,
            patterns: patterns.collect(),
            cells: [sample(128.0 - cell), sample(128.0 + cell)],
        })
    }

    /// The rows of blocks that hold payload.
    fn data_rows(&self) -> impl Iterator<Item = usize> {
        (0..self.native.height / BLOCK).filter(|&row| !self.native.bands.contains(row))
    }

    /// Bits of a row of blocks.
    fn row_bits(&self) -> usize {
        self.native.width / BLOCK * self.parameters.coefficients
    }

    /// The coefficients of all payload blocks, in the order of the bits. `middle` is the luma of no signal;
    /// `luma` has the native size.
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

    /// Erases the coded bytes with a bit outside the copy: sets their confidence to 0.
    fn erase(&self, inside: &[bool], confidence: &mut [u8]) {
        let k = self.parameters.coefficients;
        let columns = self.native.width / BLOCK;
        let inside: Vec<bool> =
            self.data_rows().flat_map(|row| &inside[row * columns..][..columns]).copied().collect();
        for (byte, confidence) in confidence.iter_mut().enumerate() {
            // Bit b of the coded bytes lies in block b / k: a byte spans the blocks of its first to its last
            // bit.
            if inside[8 * byte / k..=(8 * byte + 7) / k].contains(&false) {
                *confidence = 0;
            }
        }
    }
}

/// Computes the lowest `K` coefficients of the blocks in four rows of samples. `LANES >= K` is a vector's
/// width, so that the inner loop compiles to vector code.
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
        // A constant block of `middle` has the constant coefficient 16 x middle / 4.
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

    fn codewords(&self) -> &Codewords {
        &self.codewords
    }

    fn render(&self, header: &FrameHeader, payload: &[u8], out: &mut Frame) {
        let Native { width, height, bands, .. } = self.native;
        out.reshape(self.shape());
        let header = FrameHeader {
            profile: self.parameters.profile,
            parity: self.codewords.parity() as u8,
            length: payload.len() as u32,
            ..*header
        };
        let mut coded = self.codewords.encode(header.frame, payload);
        // Zero bits fill the last byte, and blocks may read three bytes from the last one on.
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
                            // Ten bits at any bit position lie within three bytes.
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
        let mut coded = vec![0; self.codewords.coded()];
        let mut confidence = vec![0; coded.len()];
        // A coefficient at its nominal amplitude gets confidence 128. A byte is as good as its worst bit, and
        // at least 1: 0 is for erasures.
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

/// Splits a stripe into its four rows of samples.
fn rows_of(stripe: &mut [u8], width: usize) -> [&mut [u8]; BLOCK] {
    let mut rows = stripe.chunks_mut(width);
    std::array::from_fn(|_| rows.next().unwrap_or_default())
}
