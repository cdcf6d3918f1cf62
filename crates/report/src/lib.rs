//! Charts, pages and comparisons, all drawn from [`Results`] without running a codec again.
//!
//! [`charts`] turns results into [`figure`]s, [`draw`] draws them, [`html`] writes a self-contained page.
//! [`compare`] compares two runs, [`interchange`] reads and writes the formats of other tools. [`heat`]
//! writes a page of a content coloured by the cost of each byte.

pub mod charts;
pub mod compare;
pub mod draw;
pub mod figure;
#[cfg(test)]
mod fixture;
pub mod heat;
pub mod html;
pub mod interchange;
pub mod summary;
pub mod text;

use std::path::{Path, PathBuf};

use lab_codec::{Error, Result};

use charts::{CHARTS, Families, View};
use figure::Figure;
use lab_bench::results::Results;
use lab_stream::output::Output;

/// Writes the page and the pictures of one run; existing files are replaced. Returns the path of the page.
///
/// # Errors
/// An unknown chart; I/O errors, with the path.
pub fn write_all(results: &Results, dir: &Path, wanted: &[String]) -> Result<PathBuf> {
    write(&[results], None, dir, wanted, true)
}

/// Writes the page and the pictures of one run, or of two side by side; pictures of the second have the
/// suffix `-b`. Draws the `wanted` charts, or all if `wanted` is empty. Existing files are an error unless
/// `force`. Returns the path of the page.
///
/// # Errors
/// An unknown chart; no run or more than two; outputs that exist; I/O errors, with the path.
pub fn write(
    runs: &[&Results],
    title: Option<&str>,
    dir: &Path,
    wanted: &[String],
    force: bool,
) -> Result<PathBuf> {
    charts::check(wanted)?;
    if runs.is_empty() || runs.len() > 2 {
        return Err(Error::usage("a report shows one run, or two side by side"));
    }
    let page_path = dir.join("report.html");
    if page_path.exists() && !force {
        return Err(lab_stream::output::exists(&page_path));
    }
    let families = Families::of(runs.iter().copied());
    let mut figures: Vec<Vec<Figure>> = runs.iter().map(|run| figures(run, &families)).collect();
    for figures in &mut figures {
        figures.retain(|figure| wanted.is_empty() || wanted.iter().any(|name| name == figure.chart));
    }
    share_ranges(&mut figures);
    let page = html::page(runs, &figures, &families, title)?;
    let charts = dir.join("charts");
    std::fs::create_dir_all(&charts).map_err(|e| Error::from(e).at(charts.display().to_string()))?;
    for (run, figures) in figures.iter().enumerate() {
        let suffix = if run == 0 { "" } else { "-b" };
        for figure in figures {
            let stem = format!("{}{suffix}", figure.stem);
            file(&charts.join(format!("{stem}.svg")), draw::svg(figure)?.as_bytes(), force)?;
            file(&charts.join(format!("{stem}.png")), &draw::png(figure)?, force)?;
        }
    }
    // The page is written last: if it exists, all pictures exist.
    file(&page_path, page.as_bytes(), force)?;
    Ok(page_path)
}

/// The figures of a run: every chart over all samples and, with several corpora, over each corpus.
pub fn figures(results: &Results, families: &Families) -> Vec<Figure> {
    let corpora = summary::corpora(results);
    let mut scopes: Vec<Option<&str>> = vec![None];
    if corpora.len() > 1 || results.cells.iter().any(|c| c.corpus.is_none()) {
        scopes.extend(corpora.iter().map(|c| Some(c.as_str())));
    }
    let mut figures = Vec::new();
    for (place, corpus) in scopes.into_iter().enumerate() {
        let view = View::new(results, corpus, &corpora, families);
        for chart in CHARTS {
            let Some(mut figure) = chart.figure(&view) else { continue };
            figure.corpus = corpus.map(text::visible);
            figure.stem = match corpus {
                // Corpus names are untrusted, and two may reduce to the same file name.
                Some(corpus) => format!("{}-{place}-{}", chart.name(), file_name(corpus)),
                None => chart.name().to_string(),
            };
            figures.push(figure);
        }
    }
    figures
}

/// Gives the same axes to the same chart of both runs: side by side, equal places mean equal values.
fn share_ranges(figures: &mut [Vec<Figure>]) {
    let [first, second] = figures else { return };
    let join = |a: &mut figure::Axis, b: &mut figure::Axis| {
        let range = (a.range.0.min(b.range.0), a.range.1.max(b.range.1));
        (a.range, b.range) = (range, range);
    };
    for a in first {
        let Some(b) = second.iter_mut().find(|b| b.chart == a.chart && b.corpus == a.corpus) else {
            continue;
        };
        join(&mut a.x, &mut b.x);
        if let (Some(a), Some(b)) = (&mut a.y, &mut b.y) {
            join(a, b);
        }
    }
}

/// The letters and digits of a name.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect()
}

fn file(path: &Path, content: &[u8], force: bool) -> Result<()> {
    let mut output = Output::open(path, force)?;
    output.sink()?.write_all(content).map_err(|e| Error::from(e).at(path.display().to_string()))?;
    output.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_finds_its_data() {
        let figures = fixture::figures();
        let all: Vec<_> = figures.iter().filter(|f| f.corpus.is_none()).map(|f| f.chart).collect();
        assert_eq!(all, CHARTS.iter().map(|c| c.name()).collect::<Vec<_>>());
        let stems: std::collections::HashSet<_> = figures.iter().map(|f| f.stem.as_str()).collect();
        assert_eq!(stems.len(), figures.len());
        assert!(stems.contains("files-1-canterbury"), "{stems:?}");
    }

    #[test]
    fn a_chart_without_data_is_not_drawn() {
        let results = fixture::results(vec![fixture::cell("c", "a", "zstd", 100, 50)]);
        let charts: Vec<_> = figures(&results, &Families::of([&results])).iter().map(|f| f.chart).collect();
        assert_eq!(charts, ["ratio-encode", "ratio-decode", "files", "stages", "transfer"]);
        assert!(figures(&fixture::results(vec![]), &Families::default()).is_empty());
    }

    #[test]
    fn files_appear_whole_and_are_not_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let results = fixture::results(vec![fixture::cell("c", "a", "zstd", 100, 50)]);
        let page = write_all(&results, dir.path(), &[]).unwrap();
        assert_eq!(page, dir.path().join("report.html"));
        assert!(dir.path().join("charts/ratio-encode.png").exists());
        assert!(write(&[&results], None, dir.path(), &[], false).is_err());
        write_all(&results, dir.path(), &[]).unwrap();
    }

    #[test]
    fn only_the_wanted_charts_are_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let results = fixture::results(vec![fixture::cell("c", "a", "zstd", 100, 50)]);
        write_all(&results, dir.path(), &["stages".into()]).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path().join("charts")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["stages.png", "stages.svg"]);
        let error = write_all(&results, dir.path(), &["stage".into()]).unwrap_err().to_string();
        assert!(error.contains("did you mean \"stages\"?"), "{error}");
    }

    #[test]
    fn failures_and_expansion_are_in_the_figures() {
        let text = serde_json::to_string(&fixture::figures()).unwrap();
        assert!(text.contains("FAIL: broken, 1 of 1 samples"), "{text}");
        assert!(text.contains("\"tone\":\"expansion\"") && text.contains("\"value\":\"FAIL\""));
    }
}
