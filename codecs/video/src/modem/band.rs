//! The bands: two stripes of black and white cells of 4x4 samples. Each holds marks and one copy of the
//! header.
//!
//! A band's row of cells begins and ends with 16 mark cells of a fixed pattern; between them lies the header
//! as a Reed-Solomon codeword of 56 bytes, 28 of them parity. The marks give the position of the picture and
//! the luma of black and white. A codeword corrects 14 wrong bytes, a quarter. Where neither copy decodes,
//! the reader tries the sum of both (soft combining).

use super::header::{FrameHeader, HEADER_BYTES};
use super::reed_solomon::ReedSolomon;
use crate::splitmix::splitmix64;

/// Width and height of a cell in samples.
pub const CELL: usize = 4;

/// Width of a mark in cells.
pub const MARK_CELLS: usize = 16;

/// Bytes of the header's codeword: as many parity bytes as message bytes.
const CODEWORD: usize = 2 * HEADER_BYTES;

/// Cells of the header's codeword, one for each bit.
const CODEWORD_CELLS: usize = 8 * CODEWORD;

/// The seed of the fixed patterns: `lab band` in ASCII, big-endian.
const SEED: u64 = 0x6C61_6220_6261_6E64;

/// Position of the two bands, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    /// Cells in a row.
    pub columns: usize,
    /// Rows of cells of one band.
    pub rows: usize,
    /// The first row of each band.
    pub first: [usize; 2],
}

impl Bands {
    /// Bands in a picture of `columns` by `rows` cells, `margin` cells from its upper and lower edge; `None`
    /// where they do not fit.
    pub fn new(columns: usize, rows: usize, margin: usize) -> Option<Self> {
        let height = CODEWORD_CELLS.div_ceil(columns.checked_sub(2 * MARK_CELLS).filter(|&c| c > 0)?);
        let second = rows.checked_sub(margin + height)?;
        (second >= margin + height).then_some(Self { columns, rows: height, first: [margin, second] })
    }

    /// Bands one above the other at the lower edge of the picture; `None` where they do not fit.
    pub fn at_bottom(columns: usize, rows: usize) -> Option<Self> {
        let Self { rows: height, .. } = Self::new(columns, rows, 0)?;
        Some(Self { columns, rows: height, first: [rows - 2 * height, rows - height] })
    }

    /// Whether `row` belongs to a band.
    pub fn contains(&self, row: usize) -> bool {
        self.first.iter().any(|&first| (first..first + self.rows).contains(&row))
    }

    /// Number of cells in both bands.
    pub fn cells(&self) -> usize {
        2 * self.rows * self.columns
    }

    /// The cells of band `band`, row by row; true is white.
    pub fn write(&self, header: &FrameHeader, band: usize) -> Vec<bool> {
        let codeword = header_codeword(header);
        let mut cells = Vec::with_capacity(self.rows * self.columns);
        for row in 0..self.rows {
            for column in 0..self.columns {
                cells.push(match self.role(band, row, column) {
                    Role::Mark(white) => white,
                    Role::Header(bit) => codeword[bit / 8] >> (bit % 8) & 1 == 1,
                });
            }
        }
        cells
    }

    /// Whether `column` lies in a mark.
    pub fn is_mark(&self, column: usize) -> bool {
        !(MARK_CELLS..self.columns - MARK_CELLS).contains(&column)
    }

    /// The role of the cell at `row` and `column` of a band.
    fn role(&self, band: usize, row: usize, column: usize) -> Role {
        let width = self.columns - 2 * MARK_CELLS;
        if !self.is_mark(column) {
            // The second copy is rotated by half its length, so that a vertical scratch hits different bytes.
            Role::Header((row * width + column - MARK_CELLS + band * CODEWORD_CELLS / 2) % CODEWORD_CELLS)
        } else {
            let bit = if column < MARK_CELLS { column } else { column - width };
            Role::Mark(splitmix64(SEED, (band * self.rows + row) as u64 + 1) >> bit & 1 == 1)
        }
    }

    /// Reads the header from the luma of the cells of both bands, each row by row.
    pub fn read(&self, brightness: [&[f32]; 2]) -> Option<(FrameHeader, Levels)> {
        let levels = self.levels(brightness)?;
        let mut soft = [[0.0; CODEWORD_CELLS]; 2];
        for (band, soft) in soft.iter_mut().enumerate() {
            for (i, &value) in brightness[band].iter().enumerate() {
                if let Role::Header(bit) = self.role(band, i / self.columns, i % self.columns) {
                    soft[bit] += value - levels.middle();
                }
            }
        }
        let sum: [f32; CODEWORD_CELLS] = std::array::from_fn(|i| soft[0][i] + soft[1][i]);
        [&soft[0], &soft[1], &sum].into_iter().find_map(parse_codeword).map(|header| (header, levels))
    }

    /// The luma of black and white, measured at the marks. `None` where they cannot be told apart: below 8
    /// levels, or closer than the spread within each class.
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
        // Variance within the classes, by sum(x^2) - n mean^2 for each of them.
        let within_classes = squares - sums[0] * black - sums[1] * white;
        let spread = (within_classes.max(0.0) / (counts[0] + counts[1])).sqrt();
        (white - black > 8.0 && white - black > spread).then_some(Levels { black, white, spread })
    }
}

/// Luma of the marks.
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

/// Byte `i` of the sequence that whitens the header's codeword, so that a header full of zeros has no plain
/// areas.
fn whitening(i: usize) -> u8 {
    splitmix64(!SEED, i as u64 / 8 + 1).to_le_bytes()[i % 8]
}

fn header_codeword(header: &FrameHeader) -> [u8; CODEWORD] {
    let mut codeword = [0; CODEWORD];
    let (message, parity) = codeword.split_at_mut(HEADER_BYTES);
    message.copy_from_slice(&header.to_bytes());
    ReedSolomon::new(CODEWORD - HEADER_BYTES).encode(message.iter().copied(), parity);
    for (i, byte) in codeword.iter_mut().enumerate() {
        *byte ^= whitening(i);
    }
    codeword
}

fn parse_codeword(soft: &[f32; CODEWORD_CELLS]) -> Option<FrameHeader> {
    let mut codeword = [0; CODEWORD];
    for (bit, &value) in soft.iter().enumerate() {
        codeword[bit / 8] |= u8::from(value > 0.0) << (bit % 8);
    }
    for (i, byte) in codeword.iter_mut().enumerate() {
        *byte ^= whitening(i);
    }
    ReedSolomon::new(CODEWORD - HEADER_BYTES).decode(&mut codeword, &[])?;
    FrameHeader::parse(codeword.first_chunk()?)
}
