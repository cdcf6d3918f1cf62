//! The vectors of docs/formats/lab.md, read from the page itself.
#![allow(clippy::unwrap_used)]

mod common;

use common::piped;

struct Vector {
    chain: String,
    segment: String,
    no_bypass: bool,
    content: Vec<u8>,
    stream: Vec<u8>,
}

/// The text between the backticks that follow `key`.
fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_once(&format!("{key} `"))?.1.split_once('`').map(|(text, _)| text)
}

fn vectors() -> Vec<Vector> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats/lab.md")).unwrap();
    let (_, part) = page.split_once("## Test vectors").unwrap();
    let mut vectors = Vec::new();
    let mut lines = part.lines();
    while let Some(line) = lines.next() {
        let Some(chain) = quoted(line, "Chain") else { continue };
        let hex: String =
            lines.by_ref().skip_while(|l| *l != "```hex").skip(1).take_while(|l| *l != "```").collect();
        let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
        vectors.push(Vector {
            chain: chain.to_string(),
            segment: quoted(line, "segment").unwrap().to_string(),
            no_bypass: line.contains("--no-bypass"),
            content: quoted(line, "content").map_or(vec![], |t| t.replace("\\n", "\n").into_bytes()),
            stream: digits.chunks(2).map(byte).collect(),
        });
    }
    vectors
}

#[test]
fn the_page_and_the_program_agree() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 5);
    for v in vectors {
        let decoded = piped(&["decode", "-q", "-"], &v.stream);
        assert!(decoded.status.success(), "{}: {}", v.chain, String::from_utf8_lossy(&decoded.stderr));
        assert_eq!(decoded.stdout, v.content, "{}", v.chain);
        let mut args = vec!["encode", "-q", "--chain", &v.chain, "--segment", &v.segment, "-", "-o", "-"];
        args.extend(v.no_bypass.then_some("--no-bypass"));
        let encoded = piped(&args, &v.content).stdout;
        assert_eq!(piped(&["decode", "-q", "-"], &encoded).stdout, v.content);
        // The bytes of other libraries may change with their versions.
        if !v.chain.contains("zstd") {
            assert_eq!(encoded, v.stream, "{}", v.chain);
        }
    }
}

/// The parameters on the page of the codecs are those of the registry, in order.
#[test]
fn the_page_lists_every_parameter() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats/codecs.md")).unwrap();
    let (_, part) = page.split_once("| codec | key | values | default |\n|---|---|---|---|\n").unwrap();
    let mut id = String::new();
    let mut listed = Vec::new();
    for line in part.lines().take_while(|line| !line.is_empty()) {
        let words: Vec<_> =
            line.trim_matches('|').split('|').map(|word| word.trim().trim_matches('`')).collect();
        if !words[0].is_empty() {
            id = words[0].to_string();
        }
        listed.push([&id, words[1], words[2], words[3]].join(" | "));
    }
    let registry = lab::registry::builtin();
    let params =
        registry.entries().iter().flat_map(|entry| entry.info.params.iter().map(|p| (entry.info.id, p)));
    let registered: Vec<_> = params
        .map(|(id, p)| {
            [id, p.name, &p.range_text().replace('|', ", "), &p.value_text(&p.default())].join(" | ")
        })
        .collect();
    assert_eq!(listed, registered);
}
