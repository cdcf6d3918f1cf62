//! The art modem: payload in small shapes that together form a large picture.
//!
//! A scene of plain outlines gives every sample its ground colour. Each tile of 16x16 samples carries one of
//! sixteen shapes in one of four accents: six bits. The decoder knows the scene, so the scene costs no bits.
//! An accent is the ground, lighter or darker by a fixed amount and shifted in one of four chroma directions:
//! from afar all tiles look alike, and the scene stands out.
//!
//! The detector picks for each tile the nearest of its 64 possible pictures, the maximum-likelihood choice
//! under white noise.

pub mod scene;
pub mod scenes;
pub mod shapes;

use std::borrow::Cow;
use std::sync::OnceLock;

use lab_media::{Frame, Shape};
use rayon::prelude::*;

use self::scene::Fields;
use self::scenes::STYLES;
use self::shapes::{FULL, Mask, SHAPES, TILE, mask};
use super::band::{Bands, CELL};
use super::grid::{self, Native};
use super::plane::Plane;
use super::resample::resample;
use super::words::Codewords;
use super::{Demodulated, FrameHeader, Grid, Modem, Refusal, shape};

/// Number of accents.
pub const ACCENTS: usize = 4;

/// The offset of each accent in Cb and Cr. Its four directions are 90 degrees apart, so that a change of
/// saturation in a copy keeps their order.
pub const TINTS: [[i16; 2]; ACCENTS] = [[19, -5], [5, 19], [-19, 5], [-5, -19]];

/// Bits of a tile: four for the shape, then two for the accent.
const TILE_BITS: usize = 6;

/// Luma of black and white cells of the bands.
const CELL_LUMA: [u8; 2] = [40, 140];

/// Width and height of a tile in chroma samples.
const CHROMA_TILE: usize = TILE / 2;

/// A modem with payload in shapes.
#[derive(Debug)]
pub struct ArtModem {
    profile: u8,
    native: Native,
    codewords: Codewords,
    /// Tiles in a row and rows of tiles.
    tiles: (usize, usize),
    masks: Vec<Mask>,
    /// Scenes by style, drawn on first use: each takes about ten megabytes.
    scenes: Vec<OnceLock<Scene>>,
}

/// What the detector precomputes for a style.
#[derive(Debug)]
struct Scene {
    fields: Fields,
    /// For each tile and shape, the sum of the squares of mask times lift.
    energy: Vec<[i64; SHAPES]>,
}

/// Luma and chroma samples of one tile, minus the ground.
struct Tile {
    luma: [i16; TILE * TILE],
    chroma: [[i16; CHROMA_TILE * CHROMA_TILE]; 2],
}

impl ArtModem {
    /// A modem for pictures of `width` by `height` samples; `None` where they are too small, or not multiples
    /// of the tile's width and the cell's height.
    pub fn new(profile: u8, parity: usize, width: usize, height: usize) -> Option<Self> {
        if !width.is_multiple_of(TILE) || !height.is_multiple_of(CELL) {
            return None;
        }
        let bands = Bands::at_bottom(width / CELL, height / CELL)?;
        let tiles = (width / TILE, bands.first[0] * CELL / TILE);
        let codewords = Codewords::new(tiles.0 * tiles.1 * TILE_BITS / 8, parity)?;
        Some(Self {
            profile,
            native: Native { width, height, bands, period: TILE },
            codewords,
            tiles,
            masks: (0..SHAPES).map(mask).collect(),
            scenes: STYLES.iter().map(|_| OnceLock::new()).collect(),
        })
    }

    fn scene(&self, style: u8) -> &Scene {
        let style = usize::from(style) % STYLES.len();
        self.scenes[style].get_or_init(|| {
            let Native { width, height, .. } = self.native;
            let fields = Fields::new(STYLES[style].layers, STYLES[style].palette, width, height);
            let mut energy = vec![[0; SHAPES]; self.tiles.0 * self.tiles.1];
            energy.par_iter_mut().enumerate().for_each(|(tile, energy)| {
                let lift = self.tile_of(tile, &fields.lift, width);
                for (energy, mask) in energy.iter_mut().zip(&self.masks) {
                    let change = mask.luma.iter().zip(&lift).map(|(&m, &l)| i64::from(m * i16::from(l)));
                    *energy = change.map(|c| c * c).sum();
                }
            });
            Scene { fields, energy }
        })
    }

    /// Copies the samples of a tile out of a luma plane.
    fn tile_of<T: Copy + Default>(&self, tile: usize, plane: &[T], width: usize) -> [T; TILE * TILE] {
        let (x, y) = (tile % self.tiles.0 * TILE, tile / self.tiles.0 * TILE);
        let mut samples = [T::default(); TILE * TILE];
        for (row, samples) in samples.chunks_exact_mut(TILE).enumerate() {
            samples.copy_from_slice(&plane[(y + row) * width + x..][..TILE]);
        }
        samples
    }

    /// Whether a tile lies partly outside the copy; `inside` covers all cells.
    fn is_outside(&self, inside: &[bool], tile: usize) -> bool {
        const SIDE: usize = TILE / CELL;
        let cells = self.native.width / CELL;
        let first = tile / self.tiles.0 * SIDE * cells + tile % self.tiles.0 * SIDE;
        (0..SIDE).any(|row| inside[first + row * cells..][..SIDE].contains(&false))
    }

    /// The symbol whose picture is nearest to the tile, and its confidence: the distance to the second
    /// nearest, from 1 up.
    fn nearest(&self, tile: &Tile, lift: &[i8; TILE * TILE], energy: &[i64; SHAPES]) -> (u8, u8) {
        // Squared distance, times FULL^2: |r - m d|^2 = |r|^2 - 2 <r, m d> + |m d|^2. The first term is equal
        // for all symbols, so the largest score 2 <r, m d> - |m d|^2 wins. A luma difference times lift fits
        // an i16: it is at most 304 x 36. x 36.
        let luma: [i16; TILE * TILE] = std::array::from_fn(|i| tile.luma[i] * i16::from(lift[i]));
        let tinted: [[i16; CHROMA_TILE * CHROMA_TILE]; ACCENTS] =
            TINTS.map(|[cb, cr]| std::array::from_fn(|i| tile.chroma[0][i] * cb + tile.chroma[1][i] * cr));
        let weight = 2 * i64::from(FULL);
        let (mut best, mut second) = ((i64::MIN, 0), i64::MIN);
        for (s, mask) in self.masks.iter().enumerate() {
            let inner = dot(&mask.luma, &luma);
            let covered: i64 = mask.chroma.iter().map(|&m| i64::from(m) * i64::from(m)).sum();
            for (a, tinted) in tinted.iter().enumerate() {
                let [cb, cr] = TINTS[a].map(i64::from);
                let score =
                    weight * (inner + dot(&mask.chroma, tinted)) - energy[s] - covered * (cb * cb + cr * cr);
                if score > best.0 {
                    second = best.0;
                    best = (score, s | a << 4);
                } else {
                    second = second.max(score);
                }
            }
        }
        // One step of confidence is a lead of 512 squared sample differences.
        let lead = (best.0 - second) / i64::from(FULL * FULL) / 512;
        (best.1 as u8, lead.clamp(1, 255) as u8)
    }
}

/// The inner product. Sums fit an i32: at most 256 terms of 64 x 304 x 36 each, below 2^28.
fn dot<const N: usize>(a: &[i16; N], b: &[i16; N]) -> i64 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>().into()
}

/// `change` times the covered share `part / FULL`, rounded to the nearest integer.
#[inline]
fn share(part: i16, change: i16) -> i16 {
    (part * change + FULL / 2) >> 6
}

impl Modem for ArtModem {
    fn shape(&self) -> Shape {
        shape(self.native.width, self.native.height)
    }

    fn codewords(&self) -> &Codewords {
        &self.codewords
    }

    fn render(&self, header: &FrameHeader, payload: &[u8], out: &mut Frame) {
        let Native { width, bands, .. } = self.native;
        out.reshape(self.shape());
        let header = FrameHeader {
            profile: self.profile,
            style: (usize::from(header.style) % STYLES.len()) as u8,
            parity: self.codewords.parity() as u8,
            length: payload.len() as u32,
            ..*header
        };
        let fields = &self.scene(header.style).fields;
        let mut coded = self.codewords.encode(header.frame, payload);
        // A symbol may straddle two bytes; the last one reads one byte past the end.
        coded.push(0);
        let symbol = |tile: usize| {
            let bit = tile * TILE_BITS;
            let pair = u16::from_le_bytes([coded[bit / 8], coded[bit / 8 + 1]]) >> (bit % 8) & 63;
            (&self.masks[usize::from(pair & 15)], TINTS[usize::from(pair >> 4)])
        };
        let cells = [0, 1].map(|band| bands.write(&header, band));
        let (columns, rows) = self.tiles;
        out.plane_mut(0).par_chunks_mut(width).enumerate().for_each(|(y, out)| {
            let (luma, lift) = (&fields.luma[y * width..][..width], &fields.lift[y * width..][..width]);
            out.copy_from_slice(luma);
            let cell_row = y / CELL;
            if y < rows * TILE {
                for column in 0..columns {
                    let (mask, _) = symbol(y / TILE * columns + column);
                    let (mask, x) = (&mask.luma[y % TILE * TILE..][..TILE], column * TILE);
                    for (i, out) in out[x..x + TILE].iter_mut().enumerate() {
                        *out = (i16::from(luma[x + i]) + share(mask[i], lift[x + i].into())) as u8;
                    }
                }
            } else if bands.contains(cell_row) {
                let band = usize::from(cell_row >= bands.first[1]);
                let cells = &cells[band][(cell_row - bands.first[band]) * bands.columns..][..bands.columns];
                for (out, &white) in out.as_chunks_mut::<CELL>().0.iter_mut().zip(cells) {
                    *out = [CELL_LUMA[usize::from(white)]; CELL];
                }
            }
        });
        for (plane, ground) in fields.chroma.iter().enumerate() {
            out.plane_mut(plane + 1).par_chunks_mut(width / 2).enumerate().for_each(|(y, out)| {
                let ground = &ground[y * width / 2..][..width / 2];
                out.copy_from_slice(ground);
                if y < rows * CHROMA_TILE {
                    for column in 0..columns {
                        let (mask, tint) = symbol(y / CHROMA_TILE * columns + column);
                        let (mask, x) = (
                            &mask.chroma[y % CHROMA_TILE * CHROMA_TILE..][..CHROMA_TILE],
                            column * CHROMA_TILE,
                        );
                        for (i, out) in out[x..x + CHROMA_TILE].iter_mut().enumerate() {
                            *out = (i16::from(ground[x + i]) + share(mask[i], tint[plane])) as u8;
                        }
                    }
                } else if bands.contains(2 * y / CELL) {
                    out.fill(128);
                }
            });
        }
    }

    fn demodulate(&self, picture: &Frame, grid: Option<Grid>) -> Result<Demodulated, Refusal> {
        let found = grid::find(Plane::of(picture, 0)?, &self.native, grid)?;
        let (header, grid) = (found.header, found.grid);
        if header.profile != self.profile {
            return Err(Refusal::Profile(header.profile));
        }
        let Native { width, height, .. } = self.native;
        let scene = self.scene(header.style);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let native = matches!(found.luma, Cow::Borrowed(_));
        let shape = Plane::of(picture, 0).map(|luma| (luma.width, luma.height))?;
        // A copy may have chroma at full resolution: its step follows from the ratio to luma, not from 4:2:0.
        let scale = |chroma: usize, luma: usize| chroma as f64 / luma as f64;
        let plane = |number: usize| -> Result<Cow<'_, [u8]>, Refusal> {
            let plane = Plane::of(picture, number)?;
            let step = (
                grid.x.step * 2.0 * scale(plane.width, shape.0),
                grid.y.step * 2.0 * scale(plane.height, shape.1),
            );
            if native && plane.width == half_width && plane.height == half_height {
                return Ok(Cow::Borrowed(plane.samples));
            }
            let origin =
                (grid.x.start / grid.x.step * step.0 / 2.0, grid.y.start / grid.y.step * step.1 / 2.0);
            Ok(Cow::Owned(resample(plane.samples, plane.width, origin, step, (half_width, half_height))))
        };
        let chroma = [plane(1)?, plane(2)?];
        // A copy may have another brightness or contrast: map its black and white to the original's.
        let gain = f32::from(CELL_LUMA[1] - CELL_LUMA[0]) / (found.levels.white - found.levels.black);
        let levels: [i16; 256] = std::array::from_fn(|sample| {
            ((sample as f32 - found.levels.black) * gain + f32::from(CELL_LUMA[0])).round() as i16
        });
        // Small deviations are left alone: a mapping with rounding would only add noise.
        let is_unchanged =
            (gain - 1.0).abs() < 0.02 && (found.levels.black - f32::from(CELL_LUMA[0])).abs() < 2.0;
        let level = |sample: u8| {
            if is_unchanged { i16::from(sample) } else { levels[usize::from(sample)].clamp(-64, 320) }
        };

        let columns = self.tiles.0;
        let mut symbols = vec![(0, 0); columns * self.tiles.1];
        symbols.par_chunks_mut(columns).enumerate().for_each(|(row, symbols)| {
            for (column, symbol) in symbols.iter_mut().enumerate() {
                let number = row * columns + column;
                let received = self.tile_of(number, &found.luma, width);
                let ground = self.tile_of(number, &scene.fields.luma, width);
                let lift = self.tile_of(number, &scene.fields.lift, width);
                let luma = std::array::from_fn(|i| level(received[i]) - i16::from(ground[i]));
                let chroma = [0, 1].map(|plane| {
                    std::array::from_fn(|i| {
                        let at = (row * CHROMA_TILE + i / CHROMA_TILE) * half_width
                            + column * CHROMA_TILE
                            + i % CHROMA_TILE;
                        i16::from(chroma[plane][at]) - i16::from(scene.fields.chroma[plane][at])
                    })
                });
                *symbol = self.nearest(&Tile { luma, chroma }, &lift, &scene.energy[number]);
            }
        });
        let mut coded = vec![0; self.codewords.coded() + 1];
        for (tile, &(symbol, _)) in symbols.iter().enumerate() {
            let bit = tile * TILE_BITS;
            let [low, high] = (u16::from(symbol) << (bit % 8)).to_le_bytes();
            coded[bit / 8] |= low;
            if let Some(next) = coded.get_mut(bit / 8 + 1) {
                *next |= high;
            }
        }
        coded.truncate(self.codewords.coded());
        // A coded byte is as good as the worst of the two or three tiles that hold its bits.
        let outside = |tile: usize| found.inside.as_ref().is_some_and(|inside| self.is_outside(inside, tile));
        let confidence = (0..coded.len()).map(|byte| {
            let tiles = 8 * byte / TILE_BITS..=(8 * byte + 7) / TILE_BITS;
            tiles.map(|tile| if outside(tile) { 0 } else { symbols[tile].1 }).min().unwrap_or(0)
        });
        let confidence = confidence.collect();
        Ok(Demodulated { header, coded, confidence, grid })
    }
}
