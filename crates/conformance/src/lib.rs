//! One test suite for every codec and carrier in a registry.
//!
//! [`check`] takes a registry, so an out-of-tree codec is tested exactly as the built-in ones are:
//!
//! ```
//! # let registry = lab_codec::Registry::new();
//! let report = lab_conformance::check(&registry, &lab_conformance::Options::default());
//! assert!(report.is_ok(), "{report}");
//! ```
//!
//! A codec has no checksum of its own: of damaged input it may make an error or any bytes, but exactly as many
//! as were asked for, without a panic and within the memory limit. A carrier must never give back wrong bytes
//! without saying that they are lost; one that declares its medium to be the plain stream
//! ([`identity`](lab_codec::Capabilities::identity)) cannot know, and is held to the rest.

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

/// What is tried, and how much of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a full segment.
    pub segment: usize,
    /// Whether every truncation and every bit flip is tried, or `samples` of them. Entries with
    /// [`external`](lab_codec::Capabilities::external) are sampled in any case.
    pub exhaustive: bool,
    /// How many damaged forms are tried where not all are.
    pub samples: usize,
    /// A carrier's medium of more bytes is sampled too, 64 times as often.
    pub largest_exhaustive_medium: u64,
    /// Bytes of memory that a decoder may take for damaged input, where it declares less.
    pub memory_limit: u64,
    /// The highest number of live heap bytes since the previous call. Given by whoever installs a counting
    /// allocator, in a test binary that does nothing else at the time; without it memory is not measured.
    pub memory_probe: Option<fn() -> u64>,
    /// What entries find when they ask for a resource.
    pub resources: Resources,
    /// Only the entries with these ids; empty for all.
    pub only: Vec<String>,
    /// Values of text and resource parameters that nobody can guess, as (id, parameter, value): what is tried has
    /// them.
    pub texts: Vec<(String, String, String)>,
}

impl Default for Options {
    /// Segments of 64 KiB, everything exhaustive, no memory measured.
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

/// Tries every entry of `registry`. Panics of an entry are caught and reported as failures.
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
                        Build::Codec(build) => codec::check(build, &variant, options, &mut report),
                        Build::Carrier(build) => carrier::check(build, &variant, options, &mut report),
                    }
                }
                report
            })
            .collect(),
    }
}
