//! A test suite for every codec and carrier in a registry.
//!
//! [`check`] takes a registry, so an out-of-tree codec gets the same tests as the built-in ones:
//!
//! ```
//! # let registry = lab_codec::Registry::new();
//! let report = lab_conformance::check(&registry, &lab_conformance::Options::default());
//! assert!(report.is_ok(), "{report}");
//! ```
//!
//! A codec has no checksum of its own. From damaged input it may return an error or any bytes, but exactly
//! the requested number, without a panic and within the memory limit. A carrier must never return wrong bytes
//! without reporting them as lost. A carrier whose medium is the plain stream
//! ([`identity`](lab_codec::Capabilities::identity)) cannot detect damage; all other rules apply to it.

mod carrier;
mod codec;
mod describe;
mod hostile_carrier;
mod hostile_codec;
mod inputs;
mod memory;
mod mutate;
mod page;
mod report;
mod variants;

use lab_codec::{Build, Registry, Resources};

pub use inputs::text;
pub use page::vectors;
pub use report::{EntryReport, Failure, Report};

/// Cases to test, and their number.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a full segment.
    pub segment: usize,
    /// Tests every truncation and every bit flip, or else `samples` of them. Entries with
    /// [`external`](lab_codec::Capabilities::external) are always sampled.
    pub exhaustive: bool,
    /// Number of damaged forms if not all are tested.
    pub samples: usize,
    /// Maximum size of a carrier's medium, in bytes, for exhaustive tests. A larger medium gets 64 times
    /// `samples`.
    pub largest_exhaustive_medium: u64,
    /// Memory that a decoder may use for damaged input, in bytes, unless it declares more.
    pub memory_limit: u64,
    /// Peak of live heap bytes since the previous call. It needs a counting allocator, in a test binary that
    /// does nothing else meanwhile. Without it, memory is not measured.
    pub memory_probe: Option<fn() -> u64>,
    /// Resources for the entries.
    pub resources: Resources,
    /// Ids of the entries to test; empty for all.
    pub only: Vec<String>,
    /// Values for text and resource parameters that need a meaningful value, as (id, parameter, value). Every
    /// test of the entry uses them.
    pub texts: Vec<(String, String, String)>,
}

impl Default for Options {
    /// Segments of 64 KiB, exhaustive tests, no memory measurement.
    fn default() -> Self {
        Self {
            segment: 64 << 10,
            exhaustive: true,
            samples: 64,
            largest_exhaustive_medium: 16 << 10,
            memory_limit: 16 << 20,
            memory_probe: None,
            resources: Resources::default(),
            only: Vec::new(),
            texts: Vec::new(),
        }
    }
}

/// Tests every entry of `registry`. A panic of an entry is caught and reported as a failure.
pub fn check(registry: &Registry, options: &Options) -> Report {
    let resources = options.resources.clone().with_registry(registry);
    let options = &Options { resources, ..options.clone() };
    let wanted = |id: &str| options.only.is_empty() || options.only.iter().any(|only| only == id);
    let entries = registry.entries().iter().filter(|entry| wanted(entry.info.id));
    Report {
        entries: entries
            .map(|entry| {
                let mut report = EntryReport::new(entry.info.id);
                describe::check(entry.info, &mut report);
                for variant in variants::of(entry.info, &options.texts) {
                    match entry.build {
                        Build::Codec(build) => {
                            if let Some(subject) = codec::check(build, &variant, options, &mut report) {
                                hostile_codec::check(&subject, &mut report);
                            }
                        }
                        Build::Carrier(build) => {
                            if let Some(subject) = carrier::check(build, &variant, options, &mut report) {
                                hostile_carrier::check(&subject, &mut report);
                            }
                        }
                    }
                }
                report
            })
            .collect(),
    }
}
