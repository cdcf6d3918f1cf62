//! Claims: published figures, our measurement beside each, and a verdict.

use serde::Deserialize;

use super::export::markdown::escaped;
use super::results::{Cell, Results};
use super::summary;

/// A file of claims.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The claims.
    #[serde(default)]
    pub claim: Vec<Claim>,
}

/// One published figure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Title of the document.
    pub source: String,
    /// Place in the document.
    pub section: String,
    /// The statement in our words.
    pub says: String,
    /// Canonical text of the chain that the claim is about.
    pub chain: String,
    /// Corpora or samples that represent the claim's data.
    pub samples: Vec<String>,
    /// The figure to compare.
    pub figure: Figure,
    /// Minimum of the claimed range.
    pub low: Option<f64>,
    /// Maximum of the claimed range.
    pub high: Option<f64>,
    /// A remark on the comparison.
    pub note: Option<String>,
}

/// A figure computed from cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Original over encoded bytes.
    Ratio,
    /// Encoded over original bytes.
    OutputPerByte,
    /// Bytes of the medium over bytes of the stream in it.
    Expansion,
    /// Encoding rate: millions of bytes of the original per second.
    EncodeRate,
    /// Decoding rate: millions of bytes of the original per second.
    DecodeRate,
    /// Share of cells whose content was restored byte for byte.
    Verified,
}

/// Result of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The measurement lies within the claimed range.
    Holds,
    /// The measurement is below the range.
    Less,
    /// The measurement is above the range.
    More,
    /// No cell to compare with.
    NotMeasured,
}

impl Claim {
    /// The figure over all samples, its minimum and maximum over single samples, and the verdict.
    pub fn judge(&self, results: &Results) -> (Option<[f64; 3]>, Verdict) {
        let cells: Vec<&Cell> = results
            .cells
            .iter()
            .filter(|c| c.chain == self.chain && c.threads <= 1)
            .filter(|c| self.samples.iter().any(|entry| selects(entry, c.corpus.as_deref(), &c.sample)))
            .filter(|c| c.bytes > 0 && (summary::good(c) || self.figure == Figure::Verified))
            .collect();
        let single: Vec<f64> = cells.iter().filter_map(|c| self.figure.of(&[c])).collect();
        let Some(total) = self.figure.of(&cells) else { return (None, Verdict::NotMeasured) };
        let least = single.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = single.iter().copied().fold(0.0, f64::max);
        let verdict = if self.low.is_some_and(|low| total < low) {
            Verdict::Less
        } else if self.high.is_some_and(|high| total > high) {
            Verdict::More
        } else {
            Verdict::Holds
        };
        (Some([total, least, greatest]), verdict)
    }
}

/// Whether an entry, `corpus` or `corpus/name`, selects a sample. The name of a published corpus (`silesia`)
/// also selects a subset of it (`silesia-8`).
pub fn selects(entry: &str, corpus: Option<&str>, name: &str) -> bool {
    let Some(corpus) = corpus else { return entry == name };
    let whole = match corpus.rsplit_once('-') {
        Some((whole, number)) if number.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => corpus,
    };
    let means = |corpus: &str| match entry.strip_prefix(corpus) {
        Some(rest) => rest.is_empty() || rest.strip_prefix('/') == Some(name),
        None => false,
    };
    means(corpus) || means(whole)
}

impl Figure {
    /// The figure over several cells together; `None` if the divisor is 0.
    fn of(self, cells: &[&Cell]) -> Option<f64> {
        let sum = |of: &dyn Fn(&Cell) -> f64| cells.iter().map(|c| of(c)).sum::<f64>();
        let bytes = sum(&|c| c.bytes as f64);
        let output = sum(&|c| c.output_bytes as f64);
        let (over, under) = match self {
            Self::Ratio => (bytes, output),
            Self::OutputPerByte => (output, bytes),
            Self::Expansion => {
                let carrier = |c: &Cell| c.stages.last().filter(|s| s.stage != "container").cloned();
                let of =
                    |c: &Cell, f: fn(&super::results::Stage) -> u64| carrier(c).as_ref().map_or(0, f) as f64;
                (sum(&|c| of(c, |s| s.bytes_out)), sum(&|c| of(c, |s| s.bytes_in)))
            }
            Self::EncodeRate => (bytes / 1e6, sum(&|c| c.encode.median)),
            Self::DecodeRate => (bytes / 1e6, sum(&|c| c.decode.median)),
            Self::Verified => (sum(&|c| f64::from(u8::from(summary::good(c)))), cells.len() as f64),
        };
        (under > 0.0).then(|| over / under)
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Ratio => "x smaller",
            Self::OutputPerByte => "bytes per byte",
            Self::Expansion => "video bytes per payload byte",
            Self::EncodeRate => "MB/s encoding",
            Self::DecodeRate => "MB/s decoding",
            Self::Verified => "of the cells verified",
        }
    }
}

/// The table of verdicts.
pub fn table(claims: &[Claim], results: &Results) -> String {
    let mut text = "\n### Claims\n\n| source | it says | stated | measured | single samples | verdict |\n\
                    |---|---|--:|--:|--:|---|\n"
        .to_string();
    let mut notes = String::new();
    let mut counts = [0usize; 4];
    for claim in claims {
        let (figures, verdict) = claim.judge(results);
        let (word, slot) = match verdict {
            Verdict::Holds => ("holds", 0),
            Verdict::Less => ("**less** than stated", 1),
            Verdict::More => ("**more** than stated", 2),
            Verdict::NotMeasured => ("not measured", 3),
        };
        counts[slot] += 1;
        let (total, range) = match figures {
            Some([total, least, greatest]) => (
                format!("{} {}", number(total), claim.figure.unit()),
                format!("{} to {}", number(least), number(greatest)),
            ),
            None => ("-".into(), "-".into()),
        };
        text += &format!(
            "| {}, {} | {} | {} | {total} | {range} | {word} |\n",
            escaped(&claim.source),
            escaped(&claim.section),
            escaped(&claim.says),
            stated(claim.low, claim.high),
        );
        if let Some(note) = &claim.note {
            notes += &format!("- {}: {}\n", escaped(&claim.says), escaped(note));
        }
    }
    let [holds, less, more, none] = counts;
    text += &format!(
        "\n{holds} hold, {less} state more than is measured, {more} state less, \
         {none} could not be measured.\n"
    );
    if notes.is_empty() { text } else { format!("{text}\n{notes}") }
}

fn stated(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) if low == high => number(low),
        (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
        (Some(low), None) => format!("at least {}", number(low)),
        (None, Some(high)) => format!("at most {}", number(high)),
        (None, None) => "-".into(),
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::super::results::{Environment, SCHEMA, Stage, VERSION};
    use super::*;

    fn claim(figure: Figure, low: f64, high: f64) -> Claim {
        Claim {
            source: "s".into(),
            section: "1".into(),
            says: "it is small".into(),
            chain: "zstd".into(),
            samples: vec!["a".into()],
            figure,
            low: Some(low),
            high: Some(high),
            note: None,
        }
    }

    #[test]
    fn verdicts() {
        let cell = |corpus: &str, output_bytes, verified| Cell {
            corpus: Some(corpus.into()),
            chain: "zstd".into(),
            threads: 1,
            bytes: 100,
            output_bytes,
            verified,
            stages: vec![Stage { stage: "video".into(), bytes_in: 50, bytes_out: 200, ..Stage::default() }],
            ..Cell::default()
        };
        let results = Results {
            schema: SCHEMA.into(),
            version: VERSION,
            name: String::new(),
            environment: Environment::default(),
            cells: vec![cell("a", 50, true), cell("a", 25, true), cell("a", 1, false), cell("b", 1, true)],
        };
        let judge = |figure, low, high| claim(figure, low, high).judge(&results);
        let (figures, verdict) = judge(Figure::Ratio, 2.0, 3.0);
        let [total, least, greatest] = figures.unwrap();
        assert!((total - 200.0 / 75.0).abs() < 1e-12 && least == 2.0 && greatest == 4.0);
        assert_eq!(verdict, Verdict::Holds);
        assert_eq!(judge(Figure::Ratio, 3.0, 4.0).1, Verdict::Less);
        assert_eq!(judge(Figure::Ratio, 1.0, 2.0).1, Verdict::More);
        assert_eq!(judge(Figure::Expansion, 4.0, 4.0).1, Verdict::Holds);
        assert_eq!(judge(Figure::Verified, 1.0, 1.0).1, Verdict::Less);
        assert_eq!(judge(Figure::EncodeRate, 1.0, 1.0).1, Verdict::NotMeasured);
        let text = table(&[claim(Figure::Ratio, 2.0, 3.0)], &results);
        assert!(text.contains("1 hold, 0 state more"), "{text}");
    }
}
