//! The bands: two stripes of black and white cells of 4x4 samples that hold marks and the header, twice.
//!
//! A band's row of cells begins and ends with [`MARK`] cells of a fixed pattern; between them lies the header as a
//! Reed-Solomon word of 56 bytes, 28 of them parity. The marks tell where the picture lies and how bright
//! black and white are. A quarter of the word's bytes may be wrong; where neither copy can be read, the sum of both
//! is tried.

use super::header::{FrameHeader, HEADER_BYTES};
use super::reed_solomon::ReedSolomon;
use crate::splitmix::splitmix64;

/// Samples of a cell in both directions.
pub const CELL: usize = 4;

/// Cells of a mark.
pub const MARK: usize = 16;

/// Bytes of the header's word.
const WORD: usize = 2 * HEADER_BYTES;

/// Cells of the header's word.
const CELLS: usize = 8 * WORD;

/// The seed of the fixed patterns: `lab band` in ASCII, big-endian.
const SEED: u64 = 0x6C61_6220_6261_6E64;

/// Where the two bands lie, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    /// Cells in a row.
    pub columns: usize,
    /// Rows of cells of one band.
    pub rows: usize,
    /// The first row of either band.
    pub first: [usize; 2],
}

impl Bands {
    /// Bands in a picture of `columns` by `rows` cells, `margin` cells from its upper and lower edge; `None`
    /// where they do not fit.
    pub fn new(columns: usize, rows: usize, margin: usize) -> Option<Self> {
        let height = CELLS.div_ceil(columns.checked_sub(2 * MARK).filter(|&c| c > 0)?);
        let second = rows.checked_sub(margin + height)?;
        (second >= margin + height).then_some(Self { columns, rows: height, first: [margin, second] })
    }

    /// Bands one above the other at the lower edge; `None` where they do not fit.
    pub fn at_bottom(columns: usize, rows: usize) -> Option<Self> {
        let Self { rows: height, .. } = Self::new(columns, rows, 0)?;
        Some(Self { columns, rows: height, first: [rows - 2 * height, rows - height] })
    }

    /// Whether `row` belongs to a band.
    pub fn contains(&self, row: usize) -> bool {
        self.first.iter().any(|&first| (first..first + self.rows).contains(&row))
    }

    /// Cells of both bands.
    pub fn cells(&self) -> usize {
        2 * self.rows * self.columns
    }

    /// The cells of band `band`: whether they are white. Row by row.
    pub fn write(&self, header: &FrameHeader, band: usize) -> Vec<bool> {
        let word = header_word(header);
        let mut cells = Vec::with_capacity(self.rows * self.columns);
        for row in 0..self.rows {
            for column in 0..self.columns {
                cells.push(match self.role(band, row, column) {
                    Role::Mark(white) => white,
                    Role::Header(bit) => word[bit / 8] >> (bit % 8) & 1 == 1,
                });
            }
        }
        cells
    }

    /// Whether the cells of `column` are marks.
    pub fn is_mark(&self, column: usize) -> bool {
        !(MARK..self.columns - MARK).contains(&column)
    }

    /// What the cell at `row` and `column` of a band is for.
    fn role(&self, band: usize, row: usize, column: usize) -> Role {
        let width = self.columns - 2 * MARK;
        if !self.is_mark(column) {
            // The second copy is turned by half, so that an upright scratch meets different bytes.
            Role::Header((row * width + column - MARK + band * CELLS / 2) % CELLS)
        } else {
            let place = if column < MARK { column } else { column - width };
            Role::Mark(splitmix64(SEED, (band * self.rows + row) as u64 + 1) >> place & 1 == 1)
        }
    }

    /// Reads the header from the brightness of the cells of both bands, each row by row.
    pub fn read(&self, brightness: [&[f32]; 2]) -> Option<(FrameHeader, Levels)> {
        let levels = self.levels(brightness)?;
        let mut soft = [[0.0; CELLS]; 2];
        for (band, soft) in soft.iter_mut().enumerate() {
            for (i, &value) in brightness[band].iter().enumerate() {
                if let Role::Header(bit) = self.role(band, i / self.columns, i % self.columns) {
                    soft[bit] += value - levels.middle();
                }
            }
        }
        let sum: [f32; CELLS] = std::array::from_fn(|i| soft[0][i] + soft[1][i]);
        [&soft[0], &soft[1], &sum].into_iter().find_map(parse_word).map(|header| (header, levels))
    }

    /// How bright black and white are, from the marks; `None` where the marks cannot be told apart.
    pub fn levels(&self, brightness: [&[f32]; 2]) -> Option<Levels> {
        let (mut sums, mut squares, mut counts) = ([0.0; 2], 0.0, [0.0; 2]);
        for (band, values) in brightness.into_iter().enumerate() {
            for (i, &value) in values.iter().enumerate() {
                if let Role::Mark(white) = self.role(band, i / self.columns, i % self.columns) {
                    sums[usize::from(white)] += value;
                    squares += value * value;
                    counts[usize::from(white)] += 1.0;
                }
            }
        }
        let [black, white] = [sums[0] / counts[0], sums[1] / counts[1]];
        let within = squares - sums[0] * black - sums[1] * white;
        let spread = (within.max(0.0) / (counts[0] + counts[1])).sqrt();
        (white - black > 8.0 && white - black > spread).then_some(Levels { black, white, spread })
    }
}

/// How bright the marks are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// Mean of the black cells.
    pub black: f32,
    /// Mean of the white cells.
    pub white: f32,
    /// Standard deviation of the cells from their mean.
    pub spread: f32,
}

impl Levels {
    /// Halfway between black and white.
    pub fn middle(&self) -> f32 {
        (self.black + self.white) / 2.0
    }
}

enum Role {
    Mark(bool),
    Header(usize),
}

/// Byte `i` of the sequence that whitens the header's word.
fn whitening(i: usize) -> u8 {
    splitmix64(!SEED, i as u64 / 8 + 1).to_le_bytes()[i % 8]
}

fn header_word(header: &FrameHeader) -> [u8; WORD] {
    let mut word = [0; WORD];
    let (message, parity) = word.split_at_mut(HEADER_BYTES);
    message.copy_from_slice(&header.to_bytes());
    ReedSolomon::new(WORD - HEADER_BYTES).encode(message.iter().copied(), parity);
    for (i, byte) in word.iter_mut().enumerate() {
        *byte ^= whitening(i);
    }
    word
}

fn parse_word(soft: &[f32; CELLS]) -> Option<FrameHeader> {
    let mut word = [0; WORD];
    for (bit, &value) in soft.iter().enumerate() {
        word[bit / 8] |= u8::from(value > 0.0) << (bit % 8);
    }
    for (i, byte) in word.iter_mut().enumerate() {
        *byte ^= whitening(i);
    }
    ReedSolomon::new(WORD - HEADER_BYTES).decode(&mut word, &[])?;
    FrameHeader::parse(word.first_chunk()?)
}
