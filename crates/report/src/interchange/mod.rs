//! Reads and writes results in the formats of other tools, so that charts can combine runs of both.
//!
//! The content identifies the format. Fields that a foreign format lacks stay empty, and charts that need
//! them are not drawn.

mod columns;
mod hyperfine;
mod lzbench;
mod turbobench;

use lab_codec::{Error, Result};

use lab_bench::export::Exporter;
use lab_bench::results::{Cell, Environment, Results, SCHEMA, VERSION};

/// A format of another tool.
pub trait Format: Exporter {
    /// The tool, as `--export` calls it.
    fn name(&self) -> &'static str;
    /// Whether text looks like this format.
    fn recognises(&self, text: &str) -> bool;
    /// Text to cells.
    ///
    /// # Errors
    /// Text that violates the format, with the line number if known.
    fn read(&self, text: &str) -> Result<Vec<Cell>>;
}

/// Every foreign format.
pub const FORMATS: &[&dyn Format] = &[&hyperfine::Hyperfine, &lzbench::Lzbench, &turbobench::TurboBench];

/// A file's results, and whether another tool wrote them.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The results.
    pub results: Results,
    /// The other tool, if any.
    pub foreign: Option<&'static str>,
}

/// Reads results in any supported format. `name` becomes the name of another tool's run.
///
/// # Errors
/// Text in an unknown format, or in violation of its format.
pub fn read(text: &str, name: &str) -> Result<Input> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(format) = FORMATS.iter().find(|f| f.recognises(text)) else {
        return match Results::parse(text) {
            Ok(results) => Ok(Input { results, foreign: None }),
            Err(e) if text.trim_start().starts_with('{') => Err(e),
            Err(_) => Err(Error::unsupported(
                "neither results of lab bench nor hyperfine JSON, lzbench CSV or TurboBench CSV",
            )),
        };
    };
    let cells = format.read(text)?;
    if cells.is_empty() {
        return Err(Error::corrupt(format!("no results in this file of {}", format.name())));
    }
    let environment = Environment { command: vec![format.name().to_string()], ..Environment::default() };
    let results =
        Results { schema: SCHEMA.into(), version: VERSION, name: name.to_string(), environment, cells };
    Ok(Input { results, foreign: Some(format.name()) })
}

/// Adds a rival's cells to a run, under the run's names of the same samples.
pub fn join(results: &mut Results, rival: Results) {
    let mut known = std::collections::HashMap::new();
    for cell in &results.cells {
        known
            .entry((base(&cell.sample).to_string(), cell.bytes))
            .or_insert((cell.corpus.clone(), cell.sample.clone()));
    }
    for mut cell in rival.cells {
        if let Some((corpus, sample)) = known.get(&(base(&cell.sample).to_string(), cell.bytes)) {
            (cell.corpus, cell.sample) = (corpus.clone(), sample.clone());
        }
        results.cells.push(cell);
    }
}

/// The export of that name.
///
/// # Errors
/// An unknown name.
pub fn format(name: &str) -> Result<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name).ok_or_else(|| {
        let names: Vec<_> = FORMATS.iter().map(|f| f.name()).collect();
        Error::usage(format!("no export {name:?}; there are {}", names.join(", ")))
    })
}

/// A rival's codec as a chain: `zstd 1.5.5 -19` of lzbench becomes `lzbench/zstd:1.5.5 -19`, so that all
/// levels belong to one family.
fn chain(tool: &str, name: &str) -> String {
    match name.split_once(' ') {
        Some((codec, settings)) => format!("{tool}/{codec}:{}", settings.trim()),
        None => format!("{tool}/{name}"),
    }
}

/// The inverse; a chain of ours is unchanged.
fn rival_name(tool: &str, chain: &str) -> String {
    match chain.strip_prefix(tool).and_then(|rest| rest.strip_prefix('/')) {
        Some(name) => name.replacen(':', " ", 1),
        None => chain.to_string(),
    }
}

/// The last part of a path, of either kind of system.
fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn formats_are_told_by_their_content() {
        let own = serde_json::to_string(&fixture::everything()).unwrap();
        assert_eq!(read(&own, "x").unwrap().foreign, None);
        for format in FORMATS {
            let text = format.export(&fixture::everything()).unwrap();
            assert_eq!(read(&text, "x").unwrap().foreign, Some(format.name()));
        }
        for bad in ["", "nonsense", "a,b\n1,2\n", "{}", "[1]", "{\"results\":[]}"] {
            assert!(read(bad, "x").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rivals_samples_get_our_names() {
        let mut ours =
            fixture::results(vec![fixture::cell("canterbury", "alice29.txt", "zstd", 152_089, 50_000)]);
        let mut theirs = fixture::cell("x", "/data/alice29.txt", "lzbench/zstd", 152_089, 51_000);
        theirs.corpus = None;
        let mut other = theirs.clone();
        other.bytes = 7;
        join(&mut ours, fixture::results(vec![theirs, other]));
        assert_eq!(ours.cells[1].corpus.as_deref(), Some("canterbury"));
        assert_eq!(ours.cells[1].sample, "alice29.txt");
        assert_eq!(ours.cells[2].corpus, None);
    }

    #[test]
    fn names_go_forth_and_back() {
        for name in ["zstd 1.5.5 -19", "memcpy", "lz4 1.9.4"] {
            assert_eq!(rival_name("lzbench", &chain("lzbench", name)), name);
        }
        assert_eq!(rival_name("lzbench", "repair,zstd:level=19"), "repair,zstd:level=19");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
        #[test]
        fn any_text_is_read_or_refused(
            head in "(Compressor name,Compression speed,Decompression speed,Original size,Compressed size,Ratio,Filename\n|size,csize,ratio,ctime,dtime,name,file\n|\\{\"results\":)?",
            tail in "[-0-9a-z.,\"\n{}: \\[\\]]{0,80}",
        ) {
            let _ = read(&(head + &tail), "x");
        }
    }
}
