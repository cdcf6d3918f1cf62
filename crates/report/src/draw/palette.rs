//! Colours. Red is reserved for expansion and failure, so no series is red. `html/page.css` maps these values
//! to a dark theme.

use std::ops::Range;

use plotters::style::RGBColor;

/// Background.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Text.
pub const INK: RGBColor = RGBColor(0x1c, 0x23, 0x2b);
/// Secondary text.
pub const MUTED: RGBColor = RGBColor(0x5b, 0x66, 0x70);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xe4, 0xe8, 0xec);
/// Axes, frontier and references.
pub const AXIS: RGBColor = RGBColor(0x9a, 0xa5, 0xaf);
/// Expansion and failure.
pub const RED: RGBColor = RGBColor(0xc6, 0x28, 0x28);

/// The series, distinguishable with colour-vision deficiency.
pub const SERIES: [RGBColor; 10] = [
    RGBColor(0x2f, 0x6d, 0xb5),
    RGBColor(0xc4, 0x6f, 0x10),
    RGBColor(0x1c, 0x86, 0x78),
    RGBColor(0x7d, 0x55, 0xb8),
    RGBColor(0x7c, 0x7a, 0x1a),
    RGBColor(0xb0, 0x4a, 0x8b),
    RGBColor(0x1f, 0x8a, 0xb0),
    RGBColor(0x86, 0x5d, 0x42),
    RGBColor(0x43, 0x8a, 0x3a),
    RGBColor(0x51, 0x5f, 0x8a),
];

/// The colour of a palette index.
pub fn series(place: usize) -> RGBColor {
    SERIES[place % SERIES.len()]
}

/// The same roles on a dark ground: paper, ink, muted, grid, axis, red.
const DARK_ROLES: [&str; 6] = ["#161b20", "#e3e8ec", "#9aa6b1", "#2a3239", "#64707b", "#ff7b72"];
/// The same series on a dark ground.
const DARK_SERIES: [&str; 10] = [
    "#6ea8ea", "#f0a04b", "#46c2ae", "#b594ea", "#c2bf55", "#e388bf", "#5cc0e6", "#c39a7c", "#83cb77",
    "#9aa9d8",
];
const ROLES: [(&str, RGBColor); 6] =
    [("paper", PAPER), ("ink", INK), ("muted", MUTED), ("grid", GRID), ("axis", AXIS), ("red", RED)];

/// The roles and series by name.
fn names() -> Vec<(String, String)> {
    let hex = |c: RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
    ROLES
        .iter()
        .map(|(name, color)| ((*name).to_string(), hex(*color)))
        .chain(SERIES.iter().enumerate().map(|(i, color)| (format!("s{i}"), hex(*color))))
        .collect()
}

/// A variable for every role and series, in light and dark.
fn variables() -> String {
    let names = names();
    let light: String = names.iter().map(|(name, color)| format!("--{name}:{color};")).collect();
    let dark = DARK_ROLES.iter().chain(&DARK_SERIES);
    let dark: String =
        names.iter().zip(dark).map(|((name, _), color)| format!("--{name}:{color};")).collect();
    format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
}

/// Style rules that recolour the pictures inside a page: a variable for every role and series, in light and
/// dark, and rules that replace the pictures' literal colours by them.
pub fn css() -> String {
    let rules: String = names()
        .iter()
        .map(|(name, color)| {
            format!(
                ".plot [fill=\"{color}\"]{{fill:var(--{name})}}.plot [stroke=\"{color}\"]{{stroke:var(--{name})}}\n"
            )
        })
        .collect();
    variables() + &rules
}

/// Sequential colours from low to high cost, in even steps of OKLab lightness away from the background, so
/// that lightness alone is readable. For the light theme, then the dark one; without red.
pub const HEAT: [[&str; 9]; 2] = [
    ["#fdfbec", "#dbe5c7", "#add3af", "#74c0a5", "#25aba8", "#0090af", "#0070a9", "#274e99", "#392d7d"],
    ["#20202b", "#2b374d", "#28526c", "#0f7184", "#00918e", "#19b089", "#77c77e", "#bcda77", "#fcea7f"],
];

/// Indices into [`HEAT`] with black text; the others have white text.
const BLACK_ON: [Range<usize>; 2] = [0..6, 4..9];

fn text_on(ground: usize, place: usize) -> &'static str {
    if BLACK_ON[ground].contains(&place) { "#000000" } else { "#ffffff" }
}

/// Style rules `.h0`, `.h1`, ... for the colours of [`HEAT`] with contrasting text, and a variable for every
/// role and series.
pub fn heat_css() -> String {
    let rules = |ground: usize| -> String {
        let rule = |(i, color)| format!(".h{i}{{background:{color};color:{}}}", text_on(ground, i));
        HEAT[ground].iter().enumerate().map(rule).collect()
    };
    let (light, dark) = (rules(0), rules(1));
    format!("{}{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n", variables())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as in WCAG 2.
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_and_marks_be_seen() {
        let hex = |c: RGBColor| format!("#{:02x}{:02x}{:02x}", c.0, c.1, c.2);
        for color in [INK, MUTED, RED] {
            assert!(contrast(&hex(color), &hex(PAPER)) >= 4.5, "{color:?}");
        }
        for color in [DARK_ROLES[1], DARK_ROLES[2], DARK_ROLES[5]] {
            assert!(contrast(color, DARK_ROLES[0]) >= 4.5, "{color}");
        }
        for (light, dark) in SERIES.iter().zip(DARK_SERIES) {
            assert!(contrast(&hex(*light), &hex(PAPER)) >= 3.0, "{light:?}");
            assert!(contrast(dark, DARK_ROLES[0]) >= 3.0, "{dark}");
        }
    }
    #[test]
    fn heat_is_told_by_lightness_alone() {
        for (ground, colors) in HEAT.iter().enumerate() {
            let paper = if ground == 0 { "#ffffff" } else { DARK_ROLES[0] };
            for pair in colors.windows(2) {
                assert!(contrast(pair[1], paper) > contrast(pair[0], paper) * 1.15, "{pair:?}");
            }
            for (place, color) in colors.iter().enumerate() {
                assert!(contrast(color, text_on(ground, place)) >= 4.5, "{color}");
            }
        }
    }
}
