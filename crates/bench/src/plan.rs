//! The plan of a benchmark: samples, chains, segment sizes, threads, and stopping rules.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use lab_codec::{Digest, Registry, Result};
use sha2::{Digest as _, Sha256};

use super::results::Cell;
use lab_corpus::Sample;
use lab_stream::chain::Chain;

/// Chains of every benchmark, which make its figures comparable with others.
pub const BASELINES: &[&str] = &["memcpy", "store", "zstd:3", "zstd:19", "xz:6"];
/// This project's own codecs: the default set of a benchmark.
const OWN: &[&str] = &["repair", "sequitur", "template", "telomere"];
/// Own chains in the default set, besides the single codecs.
const OWN_CHAINS: &[&str] = &["repair,zstd,video"];

/// Stopping rules of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Time budget of one cell; at least [`LEAST`](Self::LEAST) measurements are made in any case.
    pub budget: Duration,
    /// Exact number of measurements, whatever their time.
    pub iterations: Option<u32>,
    /// A cell that takes longer is measured once, by its verifying pass.
    pub slow: Duration,
}

impl Rules {
    /// Minimum number of measurements, except for a slow cell.
    pub const LEAST: u32 = 3;
    /// Maximum number of measurements, unless `iterations` is set.
    pub const MOST: u32 = 100;
    /// Default of `slow` in a benchmark.
    pub const SLOW: Duration = Duration::from_secs(10);

    /// Whether `n` measurements that took `spent` seconds are enough.
    pub fn enough(&self, n: u32, spent: f64) -> bool {
        match self.iterations {
            Some(wanted) => n >= wanted,
            None => n >= Self::MOST || n >= Self::LEAST && spent >= self.budget.as_secs_f64(),
        }
    }
}

/// The cells of a benchmark: the cross product of samples, chains, segments and threads.
pub struct Plan {
    /// A short name.
    pub name: String,
    /// The inputs.
    pub samples: Vec<Sample>,
    /// The chains.
    pub chains: Vec<Chain>,
    /// Bytes of a segment; 0 for one segment.
    pub segments: Vec<u64>,
    /// Total number of threads.
    pub threads: Vec<usize>,
    /// Stopping rules.
    pub rules: Rules,
    /// Whether to measure memory.
    pub memory: bool,
}

/// Identifies a cell within a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The corpus of the sample.
    pub corpus: Option<String>,
    /// The sample's name.
    pub sample: String,
    /// The chain's canonical text.
    pub chain: String,
    /// Bytes of a segment.
    pub segment: u64,
    /// Total number of threads.
    pub threads: usize,
}

impl Key {
    /// The key of a measured cell.
    pub fn of(cell: &Cell) -> Self {
        Self {
            corpus: cell.corpus.clone(),
            sample: cell.sample.clone(),
            chain: cell.chain.clone(),
            segment: cell.segment_bytes,
            threads: cell.threads as usize,
        }
    }
}

impl Plan {
    /// All cells in the order of the report.
    pub fn keys(&self) -> Vec<Key> {
        let chains: Vec<String> = self.chains.iter().map(ToString::to_string).collect();
        let mut keys = Vec::new();
        for sample in &self.samples {
            for &segment in &self.segments {
                for &threads in &self.threads {
                    keys.extend(chains.iter().map(|chain| Key {
                        corpus: sample.corpus.clone(),
                        sample: sample.name.clone(),
                        chain: chain.clone(),
                        segment,
                        threads,
                    }));
                }
            }
        }
        keys
    }

    /// SHA-256 of the whole plan and the program's version: a run is resumed only with the same fingerprint.
    pub fn digest(&self) -> String {
        let mut text = format!(
            "{}\n{:?}\nmemory {}\n",
            env!("CARGO_PKG_VERSION"),
            (self.rules.budget, self.rules.iterations),
            self.memory
        );
        for sample in &self.samples {
            text += &format!("sample {:?} {} {:?}\n", sample.label(), sample.bytes, sample.sha256);
        }
        for chain in &self.chains {
            text += &format!("chain {chain}\n");
        }
        text += &format!("segments {:?} threads {:?}\n", self.segments, self.threads);
        Digest(Sha256::digest(text.as_bytes()).into()).to_string()
    }
}

/// Parses chains and their sweeps: the baselines first, then `texts`, or the default set if `texts` is empty.
/// Duplicates are measured once. `added` are further chains of the default set, from a program that uses this
/// crate.
///
/// # Errors
/// Errors of the chain grammar.
pub fn chains(
    registry: &Registry,
    texts: &[String],
    added: &[String],
    baselines: bool,
    load: lab_stream::chain::Loader,
) -> Result<Vec<Chain>> {
    let mut wanted: Vec<String> = Vec::new();
    if baselines {
        wanted.extend(BASELINES.iter().filter(|text| known(registry, text)).map(ToString::to_string));
    }
    if texts.is_empty() {
        wanted.extend(own_chains(registry, added));
    } else {
        wanted.extend(texts.iter().cloned());
    }
    let mut chains = Vec::new();
    let mut seen = HashSet::new();
    for text in wanted {
        for chain in Chain::parse_sweep(registry, &text, load)? {
            if seen.insert(chain.to_string()) {
                chains.push(chain);
            }
        }
    }
    Ok(chains)
}

/// The project's own registered codecs, then the chains that the surrounding program added.
fn own_chains(registry: &Registry, added: &[String]) -> Vec<String> {
    let own = OWN.iter().chain(OWN_CHAINS).copied().filter(|text| known(registry, text));
    own.map(ToString::to_string).chain(added.iter().cloned()).collect()
}

/// Whether every stage of a chain is registered.
pub fn known(registry: &Registry, chain: &str) -> bool {
    lab_stream::chain::ids(chain).into_iter().all(|id| registry.find(id).is_some())
}

/// A short name for results about a path.
pub fn name_of(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = real.file_stem().unwrap_or_default().to_string_lossy();
    let clean = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = name.chars().map(clean).take(40).collect();
    if name.is_empty() { "bench".to_string() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(given: &[&str], baselines: bool) -> Vec<String> {
        let registry = crate::fixture::registry();
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        let mut none = |_: &str| Err(lab_codec::Error::usage("none"));
        let found = chains(&registry, &given, &[], baselines, &mut none).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn baselines_come_first_and_nothing_twice() {
        assert_eq!(texts(&["zstd:1/3", "zstd:level=1"], false), ["zstd:level=1", "zstd"]);
        let all = texts(&["repair"], true);
        assert_eq!(all.last().map(String::as_str), Some("repair"));
        assert!(all.contains(&"store".to_string()) && all.contains(&"zstd:level=19".to_string()));
        let default = texts(&[], true);
        assert!(default.contains(&"repair".to_string()));
    }

    #[test]
    fn three_measurements_at_least_and_a_hundred_at_most() {
        let rules = Rules { budget: Duration::from_secs(1), iterations: None, slow: Rules::SLOW };
        assert!(
            !rules.enough(2, 100.0)
                && rules.enough(3, 1.0)
                && !rules.enough(3, 0.9)
                && rules.enough(100, 0.0)
        );
        let five = Rules { iterations: Some(5), ..rules };
        assert!(!five.enough(4, 100.0) && five.enough(5, 0.0));
    }

    #[test]
    fn the_digest_knows_every_axis() {
        let plan = |threads: Vec<usize>, memory| Plan {
            name: "x".into(),
            samples: lab_corpus::builtin::samples(),
            chains: Vec::new(),
            segments: vec![0],
            threads,
            rules: Rules { budget: Duration::from_secs(1), iterations: None, slow: Rules::SLOW },
            memory,
        };
        let first = plan(vec![1], true).digest();
        assert_eq!(first, plan(vec![1], true).digest());
        assert_ne!(first, plan(vec![1, 2], true).digest());
        assert_ne!(first, plan(vec![1], false).digest());
    }

    #[test]
    fn names_for_directories() {
        assert_eq!(name_of(Path::new("no/such place!/a b.txt")), "a-b");
    }
}
