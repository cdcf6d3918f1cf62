//! Decoders of all codecs, without the checksums of a stream around them.

use std::sync::Arc;

use lab_codec::{Build, Codec, Error, Resources};
use lab_stream::chain::Chain;

use crate::surroundings::{OUTPUT, context, first_line, registry};

/// The first line names a codec with its parameters, and the length of the raw segment. The encoded segment
/// follows.
pub(super) fn decode(bytes: &[u8]) {
    let Some((line, encoded)) = first_line(bytes) else { return };
    let Some((stage, raw_len)) = line.rsplit_once(' ') else { return };
    let Some(raw_len) = raw_len.parse().ok().filter(|raw_len| *raw_len <= OUTPUT) else { return };
    let Ok(codec) = build(stage) else { return };
    let cx = context();
    let mut out = b"before".to_vec();
    if codec.worker().decode(encoded, raw_len, &mut out, &cx).is_err() {
        return;
    }
    assert!(out.starts_with(b"before"), "what the output held before is gone");
    assert_eq!(out.len() - 6, raw_len, "the length of the raw segment");
    let range = raw_len / 4..raw_len - raw_len / 4;
    let mut part = Vec::new();
    if codec.worker().decode_range(encoded, raw_len, range.clone(), &mut part, &cx).is_ok() {
        assert!(part == out[6..][range], "a range differs from the whole");
    }
}

/// Builds a codec from a chain text of one stage.
fn build(stage: &str) -> lab_codec::Result<Arc<dyn Codec>> {
    let chain = Chain::parse(registry(), stage)?;
    let [stage] = &chain.codecs[..] else { return Err(Error::usage("not one codec")) };
    let Build::Codec(build) = stage.entry.build else { return Err(Error::usage("not a codec")) };
    build(&stage.params, &Resources::default().with_registry(registry()))
}
