//! The scenes and their palettes.

use super::scene::Outline::{All, Arch, Bar, Disc, HalfDisc, Hills, Rays, Ring, StripedDisc};
use super::scene::{Layer, Outline, Rgb};

/// A scene in a palette.
#[derive(Debug)]
pub struct Style {
    /// Its name on the command line.
    pub name: &'static str,
    /// The lowest layer first.
    pub layers: &'static [Layer],
    /// The colours of the layers.
    pub palette: &'static [Rgb],
}

/// The styles, by number.
pub static STYLES: [Style; 8] = [
    Style { name: "sunset", layers: &MOUNTAINS, palette: &DUSK },
    Style { name: "morning", layers: &MOUNTAINS, palette: &DAWN },
    Style { name: "bauhaus", layers: &BAUHAUS, palette: &CREAM },
    Style { name: "bauhaus-night", layers: &BAUHAUS, palette: &MIDNIGHT },
    Style { name: "waves", layers: &WAVES, palette: &INDIGO },
    Style { name: "waves-jade", layers: &WAVES, palette: &JADE },
    Style { name: "deco", layers: &DECO, palette: &GOLD },
    Style { name: "deco-rose", layers: &DECO, palette: &ROSE },
];

/// A layer that blends from its first colour at height `y0` to its second at `y1`.
const fn down(outline: Outline, y0: f64, y1: f64, colours: [usize; 2]) -> Layer {
    Layer { outline, axis: [(0.0, y0), (0.0, y1)], colours }
}

/// A layer of one colour.
const fn plain(outline: Outline, colour: usize) -> Layer {
    down(outline, 0.0, 1.0, [colour, colour])
}

/// A sun behind ranges of hills.
static MOUNTAINS: [Layer; 8] = [
    down(All, 0.0, 0.34, [0, 1]),
    down(Hills(0.28, [(0.0, 1.0, 0.0), (0.0, 1.0, 0.0)]), 0.28, 0.66, [1, 2]),
    down(Disc(0.3, 0.44, 0.27), 0.17, 0.62, [3, 4]),
    down(StripedDisc(0.3, 0.44, 0.27, 0.47, 0.022), 0.4, 0.7, [4, 2]),
    down(Hills(0.60, [(0.06, 0.8, 0.55), (0.025, 2.1, 0.2)]), 0.55, 0.9, [5, 6]),
    down(Hills(0.70, [(0.07, 0.6, 0.1), (0.02, 1.7, 0.6)]), 0.65, 1.0, [6, 7]),
    down(Hills(0.82, [(0.06, 0.7, 0.75), (0.02, 1.9, 0.1)]), 0.75, 1.0, [7, 8]),
    down(Hills(0.93, [(0.05, 0.5, 0.3), (0.015, 2.3, 0.4)]), 0.88, 1.0, [8, 9]),
];

static DUSK: [Rgb; 10] = [
    [38, 34, 88],
    [112, 52, 118],
    [214, 104, 108],
    [238, 196, 110],
    [226, 138, 96],
    [122, 62, 112],
    [84, 54, 108],
    [54, 48, 96],
    [34, 44, 80],
    [22, 34, 58],
];

static DAWN: [Rgb; 10] = [
    [96, 152, 168],
    [158, 196, 186],
    [226, 208, 172],
    [232, 190, 140],
    [222, 160, 126],
    [120, 164, 158],
    [84, 138, 142],
    [54, 110, 122],
    [38, 84, 102],
    [28, 60, 80],
];

/// Discs, arches and bars.
static BAUHAUS: [Layer; 14] = [
    plain(All, 0),
    plain(Bar((-0.30, -0.1), (0.75, 0.75), 0.20), 2),
    plain(Bar((0.03, -0.1), (1.05, 0.72), 0.035), 4),
    plain(Disc(-0.32, 0.51, 0.36), 1),
    plain(HalfDisc(-0.32, 0.51, 0.19, (-1.0, 0.0)), 4),
    plain(HalfDisc(-0.32, 0.51, 0.19, (1.0, 0.0)), 5),
    plain(Disc(0.64, 0.21, 0.14), 1),
    plain(Bar((-0.80, 0.07), (-0.80, 0.93), 0.06), 4),
    plain(Bar((-0.725, 0.07), (-0.725, 0.62), 0.03), 3),
    plain(Disc(0.47, 1.0, 0.44), 3),
    plain(Disc(0.47, 1.0, 0.32), 0),
    plain(Disc(0.47, 1.0, 0.22), 2),
    plain(Disc(0.47, 1.0, 0.12), 4),
    plain(Ring(-0.62, 0.16, 0.06, 0.03), 3),
];

static CREAM: [Rgb; 6] =
    [[234, 224, 200], [206, 84, 64], [222, 176, 72], [54, 124, 132], [36, 44, 76], [238, 200, 170]];

static MIDNIGHT: [Rgb; 6] =
    [[30, 38, 62], [204, 106, 90], [206, 164, 88], [88, 152, 142], [224, 214, 194], [112, 66, 96]];

/// A moon over overlapping fans of waves.
static WAVES: [Layer; 3] =
    [plain(All, 0), plain(Disc(-0.4, 0.3, 0.19), 3), plain(Arch(0.0, 1.0, 0.3, 0.1), 2)];

static INDIGO: [Rgb; 4] = [[226, 214, 190], [40, 60, 110], [80, 120, 160], [206, 96, 80]];
static JADE: [Rgb; 4] = [[20, 44, 56], [40, 110, 110], [120, 180, 160], [236, 216, 170]];

/// Rays and arches around a rising sun.
static DECO: [Layer; 3] = [plain(All, 0), plain(Rays(0.0, 1.0, 32.0, 0.2), 1), plain(Disc(0.0, 1.0, 0.3), 2)];

static GOLD: [Rgb; 4] = [[24, 36, 48], [46, 66, 78], [214, 176, 104], [240, 220, 170]];
static ROSE: [Rgb; 4] = [[240, 226, 216], [228, 196, 188], [186, 92, 98], [80, 50, 70]];
