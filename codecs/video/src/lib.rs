//! The `video` carrier: a byte stream in the pixels of a video that ordinary players play.
//!
//! How the bytes become pixels is a *profile*. [`exact`] stores them as they are, losslessly and without any
//! external tool; the video takes about 1.0053 bytes per payload byte (V/P). All parameters are in the
//! frames themselves, so reading needs no profile and no side file.
//!
//! | module | what |
//! |---|---|
//! | [`exact`] | the profile `exact`: pixels, H.264 I_PCM, writer and reader |
//! | [`container`] | MP4 in and out, Matroska in: where the samples of a video lie in a file |

pub mod container;
pub mod exact;
pub mod modem;
pub mod profile;
mod splitmix;

use std::sync::Arc;

use lab_codec::{
    Capabilities, Carrier, Context, Entry, Info, Memory, Param, Params, Probe, Resources, Result, Source,
    StreamReader, StreamWriter, Target,
};

const PROFILE: Param = Param::choice(
    "profile",
    &["exact"],
    0,
    "how bytes become pixels; exact: lossless copies only, V/P 1.005, no external tool",
);

static INFO: Info = Info {
    id: "video",
    summary: "a playable MP4 video whose pixels hold the stream",
    params: &[PROFILE],
    formats: &[1],
    memory: |_, _| Memory { encode: exact::WRITER_MEMORY, decode: exact::READER_MEMORY },
    capabilities: Capabilities { range_decode: true, identity: false, external: false, pipe: true },
    tools: &[],
};

/// The carrier `video`, for a registry.
pub const VIDEO: Entry =
    Entry::carrier(&INFO, |params: &Params, _: &Resources| -> Result<Arc<dyn Carrier>> {
        // The choice has one word so far; further profiles dispatch here.
        let _ = params.choice(&PROFILE);
        Ok(Arc::new(exact::Exact))
    });

/// Whether `source` looks like a video that a reader of this crate can look into.
fn probe(source: &Source) -> Probe {
    if container::Kind::of(source.head).is_some() { Probe::Maybe } else { Probe::No }
}

impl Carrier for exact::Exact {
    fn extension(&self) -> &'static str {
        "mp4"
    }

    fn probe(&self, source: &Source) -> Probe {
        probe(source)
    }

    fn create<'a>(
        &self,
        target: Target<'a>,
        name: &str,
        chain: &str,
        cx: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>> {
        Ok(Box::new(exact::Writer::create(target, name, chain, cx)?))
    }

    fn open(&self, source: &Source, cx: &Context) -> Result<Box<dyn StreamReader>> {
        let file = std::fs::File::open(source.path)?;
        Ok(Box::new(exact::Reader::open(file, cx)?))
    }
}
