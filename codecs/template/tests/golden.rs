//! The vectors of docs/formats/dictionary.md and template.md, read from the pages themselves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;

use lab_codec::{Codec, Context, Error, Params, Resources, Result};
use lab_template::TEMPLATE;
use lab_template::notes::cid;
use lab_template::notes::dictionary::Dictionary;
use lab_template::template::{Template, View, build};

/// The lines of a block of a page, without the first, which names the columns.
fn block(page: &str, name: &str) -> Vec<Vec<String>> {
    let path = format!("{}/../../docs/formats/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let lines = lab_conformance::vectors(&std::fs::read_to_string(path).unwrap(), name);
    assert!(lines.len() > 1, "no block {name}");
    lines[1..].to_vec()
}

/// Bytes in hexadecimal, or such a string several times.
fn bytes(text: &str) -> Vec<u8> {
    let (text, times) =
        text.split_once('*').map_or((text, 1), |(text, times)| (text, times.parse().unwrap()));
    let digits = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect::<Vec<u8>>().repeat(times)
}

/// The dictionaries by name.
fn dictionaries() -> HashMap<String, Vec<u8>> {
    block("dictionary", "dictionaries").iter().map(|line| (line[0].clone(), bytes(&line[1]))).collect()
}

/// The codec with parameters `key=value:...` and a dictionary, or without one where it is called `-`.
fn template(settings: &str, dictionary: &str) -> Result<Template> {
    let mut resources = Resources::default();
    for line in block("dictionary", "blobs") {
        let blob = bytes(&line[1]);
        resources.insert(cid::digest(&blob), Arc::from(blob));
    }
    let mut params = Params::defaults(TEMPLATE.info);
    let mut set = |key: &str, value: &str| {
        let (index, param) = TEMPLATE.info.param(key).unwrap();
        params.set(index, param.parse(value).unwrap());
    };
    if let Some(file) = dictionaries().remove(dictionary) {
        set("dict", &format!("sha256:{}", cid::digest(&file)));
        resources.insert(cid::digest(&file), Arc::from(file));
    } else {
        assert_eq!(dictionary, "-");
    }
    for (key, value) in settings.split(':').filter_map(|setting| setting.split_once('=')) {
        set(key, value);
    }
    build(&params, &resources)
}

fn decode(template: &Template, encoded: &[u8], raw_len: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    template.worker().decode(encoded, raw_len, &mut out, &Context::default())?;
    if out.len() == raw_len { Ok(out) } else { Err(Error::corrupt("another length")) }
}

#[test]
fn the_dictionaries_of_the_page() {
    for (name, file) in dictionaries() {
        let dictionary = Dictionary::read(file.clone().into(), Resources::default()).unwrap();
        let table = dictionary.table();
        let is_embedded = name != "greetings-blobs";
        let mut written = table.to_bytes(is_embedded);
        for piece in table.distinct().filter(|_| is_embedded) {
            dictionary.with_bytes(&piece, |bytes| written.extend_from_slice(bytes)).unwrap();
        }
        assert_eq!(written, file, "{name}");
    }
    for line in block("dictionary", "blobs") {
        assert_eq!(cid::text(&cid::digest(&bytes(&line[1]))), line[0]);
    }
    for line in block("dictionary", "refused") {
        let error = Dictionary::read(bytes(&line[0]).into(), Resources::default()).unwrap_err().to_string();
        assert!(error.contains(&line[1]), "{}: {error}", line[1]);
    }
}

#[test]
fn the_segments_of_the_page() {
    let lines = block("template", "segments");
    let mut readers_only = 0;
    for line in &lines {
        let [name, settings, dictionary, raw_len, encoded, content] = &line[..] else { panic!("{line:?}") };
        let (encoded, content) = (bytes(encoded), bytes(content));
        let template = template(settings.trim_start_matches("- "), dictionary).unwrap();
        assert_eq!(raw_len.parse(), Ok(content.len()), "{name}");
        assert_eq!(decode(&template, &encoded, content.len()).unwrap(), content, "{name}");
        if settings.starts_with('-') {
            readers_only += 1;
        } else {
            let mut written = Vec::new();
            template.worker().encode(&content, &mut written, &Context::default()).unwrap();
            assert_eq!(written, encoded, "{name}");
        }
    }
    assert!(readers_only > 5 && readers_only < lines.len());
    for line in block("template", "renderings") {
        let segment = lines.iter().find(|segment| segment[0] == line[0]).unwrap();
        let template = template(segment[1].trim_start_matches("- "), &segment[2]).unwrap();
        let view = match line[1].strip_prefix("map ") {
            Some(map) => View::Embedded(template.maps().iter().position(|(name, _)| name == map).unwrap()),
            None => View::Context(template.declared().unwrap().context(&line[1]).unwrap()),
        };
        let mut out = Vec::new();
        let len = segment[3].parse().unwrap();
        template.render(&bytes(&segment[4]), len, view, &mut out, &Context::default()).unwrap();
        assert_eq!(out, bytes(&line[2]), "{line:?}");
    }
}

#[test]
fn the_refusals_of_the_page() {
    for line in block("template", "refused") {
        let [name, settings, dictionary, raw_len, encoded, said] = &line[..] else { panic!("{line:?}") };
        let template = template(settings.trim_start_matches("- "), dictionary).unwrap();
        let error = decode(&template, &bytes(encoded), raw_len.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(said.as_str()), "{name}: {error}");
    }
    for line in block("template", "parameters") {
        let error = template(&line[0], &line[1]).unwrap_err().to_string();
        assert!(error.contains(&line[2]), "{}: {error}", line[0]);
    }
}
