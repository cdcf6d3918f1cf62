//! Fuzz targets, one per format.

mod album;
mod codec;
mod gvcf;
mod stream;
mod telomere;
mod template;
mod text;
mod video;

/// Readers of one format, as a function that panics on a finding.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name on the command line and in findings.
    pub name: &'static str,
    /// Folder of the target's seeds below `seeds`.
    pub seeds: &'static str,
    /// Number of executions relative to the other targets; lower for slow targets.
    pub share: u64,
    /// Reads the bytes in every way that the format supports.
    pub run: fn(&[u8]),
    /// Writes the checksums as an encoder would, so that damage reaches the code behind them.
    pub repair: Option<fn(&mut [u8])>,
}

const fn target(name: &'static str, share: u64, run: fn(&[u8])) -> Target {
    Target { name, seeds: name, share, run, repair: None }
}

pub use album::unpacked;

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { repair: Some(stream::repair), ..target("lab", 60, stream::whole) },
    Target { repair: Some(stream::repair), seeds: "lab", ..target("salvage", 60, stream::salvage) },
    target("chain", 100, stream::chain),
    target("codec", 300, codec::decode),
    target("tlmr", 60, telomere::file),
    target("seed-table", 4, telomere::table),
    target("dictionary", 100, template::dictionary),
    target("template", 60, template::segment),
    Target { repair: Some(gvcf::repair), ..target("gvcf", 60, gvcf::frame) },
    target("bundle", 4, gvcf::bundle),
    target("video", 40, video::file),
    target("video-header", 100, video::header),
    target("album", 60, album::manifest),
    target("album-block", 60, album::block),
    target("matroska", 20, album::matroska),
    target("results", 30, text::results),
    target("manifest", 100, text::manifest),
    target("sources", 60, text::sources),
    target("y4m", 60, text::y4m),
];

/// Finds the target with this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
