//! Experiments: a folder with a question, an expectation and the measurements that answer it.

use std::path::{Path, PathBuf};

use lab_codec::{Error, Result, parse_size};
use serde::Deserialize;

use super::claims::{self, Claim, selects};
use super::export::markdown::{chains as chain_table, escaped};
use super::results::Results;
use super::summary;
use lab_corpus::{Sample, generate};

/// Corpus name of an experiment's generated samples.
const GENERATED: &str = "generated";

/// File name of an experiment's description.
pub const FILE_NAME: &str = "experiment.toml";

/// Content of `experiment.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Name of the folder.
    #[serde(skip)]
    pub name: String,
    /// Path of the folder.
    #[serde(skip)]
    pub directory: PathBuf,
    /// Title of the page.
    pub title: String,
    /// The question.
    pub question: String,
    /// The expected answer, written before the measurement.
    pub expectation: String,
    /// Corpora, or single samples as `corpus/name`.
    #[serde(default)]
    pub samples: Vec<String>,
    /// Generated samples: generators, with parameters if they have any.
    #[serde(default)]
    pub generated: Vec<String>,
    /// Size of each generated sample, such as `1M`.
    #[serde(default = "default_generated_bytes")]
    pub generated_bytes: String,
    /// Chains, which may be sweeps.
    #[serde(default)]
    pub chains: Vec<String>,
    /// Whether to measure the baselines as well.
    #[serde(default = "yes")]
    pub baselines: bool,
    /// Numbers of threads.
    #[serde(default = "one")]
    pub threads: Vec<usize>,
    /// Sizes of segments, such as `16M` or `whole`.
    #[serde(default = "default_segments")]
    pub segments: Vec<String>,
    /// Time budget of each cell, such as `200ms`.
    pub budget: Option<String>,
    /// Whether to measure memory.
    #[serde(default = "yes")]
    pub memory: bool,
    /// Maximum size of a sample; larger ones are left out.
    pub max_bytes: Option<u64>,
    /// Charts of the answer.
    #[serde(default)]
    pub charts: Vec<String>,
    /// Path of a file of claims. Their chains and samples are measured as well, and each claim gets a
    /// verdict.
    pub claims: Option<String>,
    /// Claims from that file.
    #[serde(skip)]
    pub rows: Vec<Claim>,
}

fn yes() -> bool {
    true
}

fn one() -> Vec<usize> {
    vec![1]
}

fn default_generated_bytes() -> String {
    "1M".to_string()
}

fn default_segments() -> Vec<String> {
    vec!["16M".to_string()]
}

impl Experiment {
    /// Reads a description by its file or its folder, with its claims.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for an invalid description, with path and line; I/O errors.
    pub fn load(path: &Path) -> Result<Self> {
        let file = if path.is_dir() { path.join(FILE_NAME) } else { path.to_path_buf() };
        let mut experiment: Self = read(&file)?;
        if parse_size(&experiment.generated_bytes).is_none() {
            let text = format!("generated_bytes = {:?} is not a size such as 1M", experiment.generated_bytes);
            return Err(Error::usage(text).at(file.display().to_string()));
        }
        let real = file.canonicalize().unwrap_or_else(|_| file.clone());
        experiment.directory = file.parent().map(Path::to_path_buf).unwrap_or_default();
        experiment.name = real
            .parent()
            .and_then(Path::file_name)
            .map_or_else(|| "experiment".to_string(), |name| name.to_string_lossy().into_owned());
        if let Some(name) = &experiment.claims {
            let file: claims::File = read(&experiment.directory.join(name))?;
            experiment.rows = file.claim;
        }
        for claim in &experiment.rows {
            if !experiment.chains.contains(&claim.chain) {
                experiment.chains.push(claim.chain.clone());
            }
            for sample in &claim.samples {
                if !experiment.samples.contains(sample) && !is_generated(sample) {
                    experiment.samples.push(sample.clone());
                }
            }
        }
        Ok(experiment)
    }

    /// Selects the samples, from those found or generated, and lists the entries that match none.
    pub fn select(&self, there: Vec<Sample>) -> (Vec<Sample>, Vec<String>) {
        let bytes = parse_size(&self.generated_bytes).unwrap_or(0);
        let (known, unknown): (Vec<&String>, Vec<&String>) =
            self.generated.iter().partition(|generator| generate::find(generator).is_ok());
        let generated = known.into_iter().map(|generator| Sample::generated(GENERATED, generator, 1, bytes));
        let matches = |entry: &str, sample: &Sample| selects(entry, sample.corpus.as_deref(), &sample.name);
        let missing = self.samples.iter().filter(|e| !there.iter().any(|s| matches(e, s)));
        let missing = missing.chain(unknown).cloned().collect();
        let small = |sample: &Sample| self.max_bytes.is_none_or(|most| sample.bytes <= most);
        let wanted = |sample: &Sample| self.samples.iter().any(|entry| matches(entry, sample));
        let found = there.into_iter().filter(|s| wanted(s)).chain(generated).filter(small).collect();
        (found, missing)
    }

    /// The page: question, expectation and result.
    pub fn page(&self, results: &Results, left_out: &[String]) -> String {
        let mut page = format!(
            "# {}\n\n## Asked\n\n{}\n\n## Expected\n\n{}\n\n## What came out\n",
            escaped(&self.title),
            self.question.trim(),
            self.expectation.trim()
        );
        let failed = summary::failures(results).count();
        page += &match failed {
            0 => format!("\nAll {} cells came back byte for byte.\n", results.cells.len()),
            n => format!("\n**{n} of {} cells FAILED**; see results.md.\n", results.cells.len()),
        };
        if !left_out.is_empty() {
            page += &format!("\nNot measured because missing: {}.\n", escaped(&left_out.join(", ")));
        }
        if !self.rows.is_empty() {
            page += &claims::table(&self.rows, results);
        }
        page += &chain_table(results).replacen("## ", "### ", 1);
        page += &by_corpus(results);
        page + "\nEvery cell, and where it was measured: \
                results.md, results.csv and results.json beside this page.\n"
    }
}

/// Whether an entry names a generated sample.
fn is_generated(entry: &str) -> bool {
    entry.split_once('/').is_some_and(|(corpus, _)| corpus == GENERATED)
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let at = |e: Error| e.at(file.display().to_string());
    let text = std::fs::read_to_string(file).map_err(|e| at(e.into()))?;
    toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        at(Error::usage(format!("line {line}: {}", e.message().replace('\n', " "))))
    })
}

/// Table of ratios by chain and corpus: total original over total encoded bytes.
fn by_corpus(results: &Results) -> String {
    let name = |c: &super::results::Cell| c.corpus.clone().unwrap_or_else(|| "files".to_string());
    let mut corpora: Vec<String> = Vec::new();
    for cell in &results.cells {
        if !corpora.contains(&name(cell)) {
            corpora.push(name(cell));
        }
    }
    let mut text = "\n### Ratio by corpus\n\n| chain |".to_string();
    text += &corpora.iter().map(|c| format!(" {} |", escaped(c))).collect::<String>();
    text += &format!("\n|---|{}\n", "--:|".repeat(corpora.len()));
    for row in summary::rows(results) {
        let mut label = format!("`{}`", row.chain);
        if row.threads > 1 {
            label += &format!(" x{}", row.threads);
        }
        text += &format!("| {label} |");
        for corpus in &corpora {
            let cells = results.cells.iter().filter(|c| {
                summary::good(c)
                    && (c.chain.as_str(), c.segment_bytes, c.threads)
                        == (&row.chain, row.segment, row.threads)
                    && name(c) == *corpus
            });
            let (bytes, output) = cells.fold((0, 0), |(b, o), c| (b + c.bytes, o + c.output_bytes));
            text += &match output {
                0 => " - |".to_string(),
                output => format!(" {:.3} |", bytes as f64 / output as f64),
            };
        }
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_mean_corpora_or_samples() {
        assert!(selects("silesia", Some("silesia"), "xml") && selects("silesia/xml", Some("silesia"), "xml"));
        assert!(!selects("silesia/x", Some("silesia"), "xml") && !selects("sil", Some("silesia"), "xml"));
        assert!(
            selects("silesia", Some("silesia-8"), "xml") && selects("silesia/xml", Some("silesia-8"), "xml")
        );
        assert!(selects("silesia-8", Some("silesia-8"), "xml") && !selects("a", Some("a-b"), "x"));
        assert!(selects("file.txt", None, "file.txt") && selects("a/b/c", Some("a"), "b/c"));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        std::fs::write(&path, "title = \"x\"\nquestion = \"y\"\nexpectations = \"z\"\n").unwrap();
        let error = Experiment::load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("expectations"), "{error}");
    }

    #[test]
    fn artificial_samples_are_made_or_named_as_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let head = "title = \"x\"\nquestion = \"y\"\nexpectation = \"z\"\n";
        std::fs::write(
            &path,
            format!("{head}generated = [\"zeros\", \"wishes\"]\ngenerated_bytes = \"2K\"\n"),
        )
        .unwrap();
        let (samples, missing) = Experiment::load(dir.path()).unwrap().select(Vec::new());
        let labels: Vec<_> =
            samples.iter().map(|s| (s.corpus.as_deref(), s.name.as_str(), s.bytes)).collect();
        assert_eq!((labels, missing), (vec![(Some("generated"), "zeros", 2048)], vec!["wishes".to_string()]));
        std::fs::write(&path, format!("{head}generated_bytes = \"much\"\n")).unwrap();
        assert!(Experiment::load(dir.path()).unwrap_err().to_string().contains("much"));
    }
}
