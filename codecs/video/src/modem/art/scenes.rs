//! The scenes and their palettes.

use super::scene::Outline::{All, Arch, Bar, Disc, Fans, HalfDisc, Hills, Peak, Rays, Ring, StripedDisc};
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

/// The number of the style called `name`.
pub fn by_name(name: &str) -> Option<u8> {
    STYLES.iter().position(|style| style.name == name).map(|number| number as u8)
}

/// The default style for content with this digest.
pub fn by_digest(digest: &[u8; 32]) -> u8 {
    digest[0] % STYLES.len() as u8
}

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
    down(StripedDisc(0.3, 0.44, 0.27, 0.455, 0.03), 0.4, 0.7, [2, 1]),
    down(Hills(0.61, [(0.055, 0.7, 0.50), (0.02, 1.9, 0.15)]), 0.55, 0.9, [5, 6]),
    down(Hills(0.70, [(0.07, 0.6, 0.1), (0.02, 1.7, 0.6)]), 0.65, 1.0, [6, 7]),
    down(Hills(0.82, [(0.06, 0.7, 0.75), (0.02, 1.9, 0.1)]), 0.75, 1.0, [7, 8]),
    down(Hills(0.93, [(0.05, 0.5, 0.3), (0.015, 2.3, 0.4)]), 0.88, 1.0, [8, 9]),
];

static DUSK: [Rgb; 10] = [
    [38, 34, 88],
    [112, 52, 118],
    [188, 92, 104],
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
    plain(Bar((-0.30, -0.1), (0.60, 0.62), 0.20), 2),
    plain(Bar((0.03, -0.1), (0.92, 0.61), 0.035), 4),
    plain(Disc(-0.32, 0.51, 0.36), 1),
    plain(HalfDisc(-0.32, 0.51, 0.19, (-1.0, 0.0)), 4),
    plain(HalfDisc(-0.32, 0.51, 0.19, (1.0, 0.0)), 5),
    plain(Disc(0.66, 0.19, 0.125), 1),
    plain(Bar((-0.80, 0.07), (-0.80, 0.93), 0.06), 4),
    plain(Bar((-0.725, 0.07), (-0.725, 0.62), 0.03), 3),
    plain(Disc(0.47, 1.0, 0.44), 3),
    plain(Disc(0.47, 1.0, 0.32), 0),
    plain(Disc(0.47, 1.0, 0.22), 2),
    plain(Disc(0.47, 1.0, 0.12), 4),
    plain(Ring(-0.62, 0.16, 0.06, 0.03), 3),
];

static CREAM: [Rgb; 6] =
    [[234, 224, 200], [186, 74, 60], [222, 180, 88], [54, 124, 132], [36, 44, 76], [238, 200, 170]];

static MIDNIGHT: [Rgb; 6] =
    [[30, 38, 62], [204, 106, 90], [206, 164, 88], [88, 152, 142], [224, 214, 194], [112, 66, 96]];

/// A mountain with snow between a red sun and a sea of fans.
static WAVES: [Layer; 7] = [
    down(All, 0.0, 0.7, [0, 1]),
    plain(Disc(0.47, 0.29, 0.17), 2),
    down(Peak(-0.22, 0.17, 0.05, 2.0), 0.2, 0.75, [3, 4]),
    plain(Peak(-0.22, 0.17, 0.05, 0.33), 5),
    down(Hills(0.66, [(0.012, 1.3, 0.1), (0.006, 3.1, 0.3)]), 0.6, 0.72, [4, 6]),
    down(Fans(0.86, 0.19, 1.0), 0.66, 1.1, [6, 6]),
    down(Fans(0.86, 0.19, 4.0), 0.66, 1.1, [7, 7]),
];

static INDIGO: [Rgb; 8] = [
    [222, 214, 190],
    [236, 206, 170],
    [186, 74, 62],
    [74, 96, 134],
    [108, 136, 160],
    [236, 230, 216],
    [40, 62, 104],
    [150, 180, 186],
];

static JADE: [Rgb; 8] = [
    [22, 34, 60],
    [44, 54, 90],
    [232, 206, 150],
    [86, 112, 132],
    [58, 92, 110],
    [170, 190, 190],
    [24, 66, 74],
    [96, 160, 140],
];

/// Towers in front of rays and arches.
static DECO: [Layer; 22] = [
    down(All, 0.0, 1.0, [0, 1]),
    down(Rays(0.0, 0.98, 28.0, 0.1), 0.0, 1.0, [2, 1]),
    plain(Arch(0.0, 0.98, 0.76, 0.05), 3),
    plain(Disc(0.0, 0.98, 0.62), 4),
    plain(Arch(0.0, 0.98, 0.52, 0.05), 3),
    plain(Disc(0.0, 0.98, 0.40), 5),
    plain(Bar((-0.77, 0.52), (-0.77, 1.0), 0.10), 6),
    plain(Bar((-0.77, 0.60), (-0.77, 1.0), 0.18), 6),
    plain(Bar((-0.77, 0.70), (-0.77, 1.0), 0.26), 7),
    plain(Bar((0.77, 0.52), (0.77, 1.0), 0.10), 6),
    plain(Bar((0.77, 0.60), (0.77, 1.0), 0.18), 6),
    plain(Bar((0.77, 0.70), (0.77, 1.0), 0.26), 7),
    plain(Bar((-0.52, 0.76), (-0.52, 1.0), 0.10), 6),
    plain(Bar((-0.52, 0.84), (-0.52, 1.0), 0.18), 7),
    plain(Bar((0.52, 0.76), (0.52, 1.0), 0.10), 6),
    plain(Bar((0.52, 0.84), (0.52, 1.0), 0.18), 7),
    plain(Bar((0.0, 0.07), (0.0, 1.0), 0.03), 3),
    plain(Bar((0.0, 0.22), (0.0, 1.0), 0.09), 6),
    plain(Bar((0.0, 0.34), (0.0, 1.0), 0.16), 6),
    plain(Bar((0.0, 0.50), (0.0, 1.0), 0.24), 7),
    plain(Bar((0.0, 0.70), (0.0, 1.0), 0.33), 6),
    plain(Bar((0.0, 0.34), (0.0, 1.0), 0.035), 3),
];

static GOLD: [Rgb; 8] = [
    [24, 40, 58],
    [50, 76, 92],
    [44, 66, 84],
    [222, 186, 116],
    [66, 116, 118],
    [206, 160, 92],
    [22, 32, 46],
    [36, 50, 64],
];

static ROSE: [Rgb; 8] = [
    [238, 222, 206],
    [226, 182, 168],
    [226, 196, 180],
    [120, 64, 84],
    [204, 120, 112],
    [240, 214, 170],
    [64, 48, 78],
    [92, 66, 98],
];

#[cfg(test)]
mod tests {
    use super::super::TINTS;
    use super::super::scene::{lift, ycbcr};
    use super::*;

    #[test]
    fn every_style_has_a_name_of_its_own() {
        for (i, style) in STYLES.iter().enumerate() {
            assert_eq!(by_name(style.name).map(usize::from), Some(i));
        }
        assert_eq!(by_name("none"), None);
        assert_eq!(by_digest(&[0xFF; 32]), 7);
    }

    /// Colours outside the RGB cube would change in a conversion to RGB and back.
    #[test]
    fn grounds_and_accents_are_colours() {
        for style in &STYLES {
            for layer in style.layers {
                for colour in layer.colours {
                    let ground = ycbcr(style.palette[colour]);
                    for [cb, cr] in TINTS.into_iter().chain([[0, 0]]) {
                        let lift = if [cb, cr] == [0, 0] { 0.0 } else { lift(layer, style.palette) };
                        let y = (ground[0] + lift - 16.0) * 255.0 / 219.0;
                        let (cb, cr) = (ground[1] - 128.0 + f64::from(cb), ground[2] - 128.0 + f64::from(cr));
                        let rgb =
                            [y + 1.596 * cr, y - 0.392 * cb - 0.813 * cr, y + 2.017 * cb].map(f64::round);
                        let beyond = rgb.iter().map(|&c| (0.0 - c).max(c - 255.0)).fold(0.0, f64::max);
                        assert!(beyond <= 8.0, "{}: {:?} {rgb:?}", style.name, style.palette[colour]);
                    }
                }
            }
        }
    }
}
