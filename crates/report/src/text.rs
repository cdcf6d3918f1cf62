//! Names and numbers for pages, charts and tables.

pub use lab_codec::format_count as count;
pub use lab_codec::text::{is_format, readable, visible};

use lab_bench::results::Cell;

/// Shortens a text to `limit` characters, with an ellipsis in the middle.
pub fn shorten(text: &str, limit: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= limit {
        return text.to_string();
    }
    let tail = limit / 3;
    let head = limit.saturating_sub(tail + 1);
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
}

/// The display text of a chain.
pub fn chain(chain: &str) -> String {
    if chain.is_empty() { "(no codec)".to_string() } else { visible(chain) }
}

/// A chain without its parameters: the family of all levels of a codec.
pub fn family(chain: &str) -> String {
    self::chain(&lab_stream::chain::ids(chain).join(","))
}

/// The name of a cell's sample, with its corpus.
pub fn sample(cell: &Cell) -> String {
    match &cell.corpus {
        Some(corpus) => format!("{}/{}", visible(corpus), visible(&cell.sample)),
        None => visible(&cell.sample),
    }
}

/// Three significant digits; an exponent only for very large or small numbers.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        "-".to_string()
    } else if magnitude == 0.0 {
        "0".to_string()
    } else if !(1e-4..1e7).contains(&magnitude) {
        format!("{value:.2e}")
    } else if magnitude >= 100.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// Bytes with a decimal unit.
pub fn bytes(n: f64) -> String {
    scaled(n, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// Bytes with a binary unit, for sizes that are powers of two.
pub fn binary(n: f64) -> String {
    scaled(n, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// Bits per second.
pub fn bandwidth(n: f64) -> String {
    scaled(n, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// A duration.
pub fn seconds(s: f64) -> String {
    match s {
        s if !s.is_finite() || s < 0.0 => "-".to_string(),
        0.0 => "0 s".to_string(),
        s if s < 0.999_5e-6 => format!("{} ns", short(s * 1e9)),
        s if s < 0.999_5e-3 => format!("{} µs", short(s * 1e6)),
        s if s < 0.999_5 => format!("{} ms", short(s * 1e3)),
        s if s < 60.0 => format!("{} s", short(s)),
        s if s < 3600.0 => format!("{} min", short(s / 60.0)),
        s if s < 172_800.0 => format!("{} h", short(s / 3600.0)),
        s => format!("{} d", short(s / 86_400.0)),
    }
}

fn scaled(n: f64, step: f64, units: &[&str]) -> String {
    let (mut n, mut unit) = (n, 0);
    while n >= step * 0.999_5 && unit + 1 < units.len() {
        n /= step;
        unit += 1;
    }
    format!("{} {}", short(n), units[unit])
}

/// Three significant digits without zeros at the end.
fn short(value: f64) -> String {
    let text = number(value);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text
    }
}

/// A date and time, UTC, from seconds since 1970.
pub fn date(unix: u64) -> String {
    let (days, rest) = (unix / 86_400, unix % 86_400);
    // Days since 0000-03-01, in eras of 400 years (the civil-from-days method of Howard Hinnant).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([1.0, 12.34, 999.6, 0.5, 0.0].map(number), ["1.00", "12.3", "1000", "0.500", "0"]);
        assert_eq!([0.0, 1500.0, 999_900.0].map(bytes), ["0 B", "1.5 kB", "1 MB"]);
        assert_eq!(binary(4_194_304.0), "4 MiB");
        assert_eq!([0.5, 3e-7, 90.0, 600.0].map(seconds), ["500 ms", "300 ns", "1.5 min", "10 min"]);
        assert_eq!(bandwidth(1e8), "100 Mbit/s");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_772_323_199), "2026-02-28 23:59 UTC");
    }

    #[test]
    fn families_and_short_names() {
        assert_eq!(family("repair:min_freq=2,zstd:level=19"), "repair,zstd");
        assert_eq!(family(""), "(no codec)");
        assert_eq!(shorten("abcdefghij", 7), "abcd…ij");
    }
}
