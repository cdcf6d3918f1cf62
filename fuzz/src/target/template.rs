//! Dictionaries, and templates that use one.

use std::sync::{Arc, LazyLock};

use lab_codec::{Codec as _, Digest, Param, Params, Resources};
use lab_template::TEMPLATE;
use lab_template::notes::dictionary::Dictionary;
use lab_template::partial::{Pattern, Search};
use lab_template::template::{Template, View, build};
use sha2::{Digest as _, Sha256};

use crate::surroundings::{OUTPUT, context, first_line};

/// A dictionary: reads all entries in all contexts.
pub(super) fn dictionary(bytes: &[u8]) {
    let Ok(dictionary) = Dictionary::read(Arc::from(bytes), Resources::default()) else { return };
    for entry in 0..dictionary.entries() {
        for context in 0..dictionary.table().contexts.len() {
            let piece = dictionary.piece(entry, context);
            if let Ok(len) = dictionary.with_bytes(&piece, <[u8]>::len) {
                assert_eq!(len, piece.len as usize, "the length of a piece");
            }
        }
    }
    let again = dictionary.table().to_bytes(false);
    assert!(Dictionary::read(again.into(), Resources::default()).is_ok(), "its table is not read again");
}

/// The dictionary `greetings` from docs/formats/dictionary.md.
fn greetings() -> &'static [u8] {
    static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let page = include_str!("../../../docs/formats/dictionary.md");
        let lines = lab_conformance::vectors(page, "dictionaries");
        let line = lines.iter().find(|line| line[0] == "greetings").expect("the page has it");
        crate::make::hex(&line[1])
    });
    &FILE
}

/// Builds a codec with the dictionary `greetings`.
fn codec() -> Template {
    let mut resources = Resources::default();
    let digest = Digest(Sha256::digest(greetings()).into());
    resources.insert(digest, Arc::from(greetings()));
    let mut params = Params::defaults(TEMPLATE.info);
    for (name, value) in [("dict", format!("sha256:{digest}")), ("contexts", "EN+DE+FR".into())] {
        let found: Option<(usize, &Param)> = TEMPLATE.info.param(name);
        let (index, param) = found.expect("the codec has the parameter");
        params.set(index, param.parse(&value).expect("the value is sound"));
    }
    build(&params, &resources).expect("the dictionary is sound")
}

/// The first line is the length of the raw segment. The encoded segment follows.
pub(super) fn segment(bytes: &[u8]) {
    let Some((line, encoded)) = first_line(bytes) else { return };
    let Some(raw_len) = line.parse().ok().filter(|raw_len| *raw_len <= OUTPUT) else { return };
    let (codec, cx) = (codec(), context());
    let mut out = Vec::new();
    let decoded = codec.worker().decode(encoded, raw_len, &mut out, &cx);
    assert!(decoded.is_err() || out.len() == raw_len, "the length of the raw segment");
    for number in 0..3 {
        let mut rendering = Vec::new();
        if let Ok(len) = codec.render(encoded, raw_len, View::Context(number), &mut rendering, &cx) {
            assert_eq!(len, rendering.len() as u64, "the length of a rendering");
        }
    }
    // The grammar alone may accept more than the decoder, never less, and both must agree.
    if let Ok((parsed, _)) = codec.parse(encoded, raw_len, &cx) {
        let pattern = Pattern::new(b"ab").expect("a pattern");
        let count = Search::new(&pattern).count(&parsed, &cx);
        if let (Ok(()), Ok(count)) = (&decoded, count) {
            assert_eq!(count, out.windows(2).filter(|pair| pair == b"ab").count() as u64, "occurrences");
        }
    } else {
        assert!(decoded.is_err(), "the decoder accepts what the search refuses");
    }
    if let Ok(costs) = codec.costs(encoded, raw_len, 0..raw_len, &cx) {
        std::hint::black_box(costs);
    }
}
