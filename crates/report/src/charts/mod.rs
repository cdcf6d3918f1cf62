//! The charts, one file each. A chart makes a [`Figure`] if the results have its data. A new chart needs its
//! file and a line in [`CHARTS`].

mod density;
mod files;
mod ratio_speed;
pub mod seed_tables;
mod segments;
pub mod sizes;
mod stages;
mod threads;
mod transfer;

use lab_codec::{Error, Result, nearest};

use super::figure::{Figure, Note, Tone};
use super::summary::{self, Row};
use super::text;
use lab_bench::results::{Cell, Results, Timing};

/// One kind of chart.
pub trait Chart: Sync {
    /// The stem of its files.
    fn name(&self) -> &'static str;
    /// The figure, if the results have its data. The caller fills in stem and corpus.
    fn figure(&self, view: &View) -> Option<Figure>;
}

/// Every chart, in the order of the page.
pub const CHARTS: &[&dyn Chart] = &[
    &ratio_speed::RatioSpeed(Way::Encode),
    &ratio_speed::RatioSpeed(Way::Decode),
    &files::Files,
    &stages::Stages,
    &transfer::Transfer,
    &segments::Segments(segments::Measure::Ratio),
    &segments::Segments(segments::Measure::Speed(Way::Encode)),
    &segments::Segments(segments::Measure::Speed(Way::Decode)),
    &threads::Threads(Way::Encode),
    &threads::Threads(Way::Decode),
    &density::Density,
];

/// Checks that all `names` are charts.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage), naming the nearest or all of them.
pub fn check(names: &[String]) -> Result<()> {
    let known = || CHARTS.iter().map(|chart| chart.name());
    match names.iter().find(|name| known().all(|k| k != name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let hint = match nearest(name, known()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
            };
            Err(Error::usage(format!("unknown chart {name:?}; {hint}")))
        }
    }
}

/// The default segment size in bytes, preferred among swept sizes.
const DEFAULT_SEGMENT: u64 = 16 << 20;

/// Encoding or decoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Encoding.
    Encode,
    /// Decoding.
    Decode,
}

impl Way {
    fn timing(self, cell: &Cell) -> &Timing {
        match self {
            Self::Encode => &cell.encode,
            Self::Decode => &cell.decode,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Encode => "encoding",
            Self::Decode => "decoding",
        }
    }
}

/// The chains without parameters, in order of appearance: names of the filter, indices into the palette.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Families(Vec<String>);

impl Families {
    /// The families of some runs.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a Results>) -> Self {
        let mut families = Vec::new();
        for cell in runs.into_iter().flat_map(|r| &r.cells) {
            let family = text::family(&cell.chain);
            if !families.contains(&family) {
                families.push(family);
            }
        }
        Self(families)
    }

    /// The index of a chain's family.
    pub fn color(&self, chain: &str) -> usize {
        let family = text::family(chain);
        self.0.iter().position(|f| *f == family).unwrap_or(0)
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// The input of a chart: the rows of all samples, or of one corpus.
pub struct View<'a> {
    /// The corpus, or all.
    pub corpus: Option<&'a str>,
    /// All corpora of the results.
    pub corpora: &'a [String],
    /// The rows of the view.
    pub rows: Vec<Row<'a>>,
    /// Names, and indices into the palette.
    pub families: &'a Families,
}

impl<'a> View<'a> {
    /// The view of all samples, or of one corpus.
    pub fn new(
        results: &'a Results,
        corpus: Option<&'a str>,
        corpora: &'a [String],
        families: &'a Families,
    ) -> Self {
        Self { corpus, corpora, rows: summary::rows(results, corpus), families }
    }

    /// One row for each chain and channel. Among swept rows, prefers most samples, then the default segment
    /// size, then fewest threads. The label omits the swept values.
    fn main(&self) -> Vec<Row<'a>> {
        let rank = |row: &Row| {
            let other_segment = row.setup.segment_bytes != DEFAULT_SEGMENT;
            (std::cmp::Reverse(row.cells.len()), other_segment, row.setup.threads)
        };
        let mut main: Vec<Row> = Vec::new();
        for row in &self.rows {
            let alike = |r: &Row| r.setup.chain == row.setup.chain && r.setup.channel == row.setup.channel;
            match main.iter().position(alike) {
                Some(at) if rank(row) < rank(&main[at]) => main[at] = row.clone(),
                Some(_) => {}
                None => main.push(row.clone()),
            }
        }
        for row in &mut main {
            row.label = text::chain(&row.setup.chain);
            if !row.setup.channel.is_empty() {
                row.label += &format!(" · {}", text::visible(&row.setup.channel));
            }
        }
        main
    }

    /// Groups of at least two rows that differ only in the value of `swept`.
    fn sweeps<K: Ord>(&self, swept: impl Fn(&Row) -> K, rest: impl Fn(&Row) -> String) -> Vec<Vec<&Row<'a>>> {
        let mut sweeps: Vec<(String, Vec<&Row>)> = Vec::new();
        for row in self.rows.iter().filter(|row| !row.cells.is_empty()) {
            let key = format!("{}\0{}\0{}", row.setup.chain, row.setup.channel, rest(row));
            match sweeps.iter_mut().find(|(k, _)| *k == key) {
                Some((_, rows)) => rows.push(row),
                None => sweeps.push((key, vec![row])),
            }
        }
        let mut sweeps: Vec<_> = sweeps.into_iter().map(|(_, rows)| rows).filter(|r| r.len() > 1).collect();
        for rows in &mut sweeps {
            rows.sort_by_key(|row| swept(row));
        }
        sweeps
    }
}

/// Notes under a chart about rows with failed or missing samples.
fn coverage_notes<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>) -> Vec<Note> {
    let mut notes = Vec::new();
    for row in rows {
        let all = row.cells.len() + row.failed.len();
        if let Some(cell) = row.failed.first() {
            let why = cell.error.as_deref().map_or("not verified".to_string(), text::visible);
            let text = format!(
                "FAIL: {}, {} of {all} samples, first {} ({})",
                text::shorten(&row.label, 60),
                row.failed.len(),
                text::shorten(&text::sample(cell), 40),
                text::shorten(&why, 80)
            );
            notes.push(Note { text, tone: Tone::Fail });
        } else if !row.complete {
            let text = format!(
                "{}: only {} samples, not comparable with the others",
                text::shorten(&row.label, 60),
                row.cells.len()
            );
            notes.push(Note { text, tone: Tone::Partial });
        }
    }
    if notes.len() > 6 {
        let more = notes.len() - 5;
        let failed = notes[5..].iter().any(|n| n.tone == Tone::Fail);
        notes.truncate(5);
        let tone = if failed { Tone::Fail } else { Tone::Partial };
        notes.push(Note { text: format!("and {more} more; the tables have them all"), tone });
    }
    notes
}

/// The tone of a row: normal, incomparable, grown or failed.
fn tone(row: &Row) -> Tone {
    match row {
        row if !row.failed.is_empty() => Tone::Fail,
        row if !row.complete => Tone::Partial,
        _ => Tone::Normal,
    }
}

/// The number of samples as text.
fn samples(n: usize) -> String {
    if n == 1 { "1 sample".to_string() } else { format!("{n} samples") }
}
