//! The codec `template` with a dictionary: searches, statistics and costs without expanding, and what maps
//! say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;
use std::sync::Arc;

use lab_codec::{Codec, Context, ErrorKind, Limits, Params, Resources};
use lab_template::TEMPLATE;
use lab_template::notes::build::Builder;
use lab_template::notes::cid;
use lab_template::notes::cut::{Chunking, Cutting};
use lab_template::partial::{Parsed, Pattern, Search, Statistics};
use lab_template::template::{Template, View, build};
use proptest::prelude::*;

/// A dictionary of the notes of a text, in the contexts UPPER and LOWER.
fn dictionary(text: &[u8]) -> (String, Resources) {
    let cutting = Cutting::new(Chunking::Content, 256).unwrap();
    let mut builder = Builder::new(cutting, vec!["UPPER".into(), "LOWER".into()], 1 << 20).unwrap();
    let lower = text.to_ascii_lowercase();
    builder.add(vec![text.into(), lower[..].into()], &Context::default()).unwrap();
    let (table, places) = builder.finish(1, 1 << 20);
    let mut file = table.to_bytes(true);
    for place in places {
        let text = if place.context == 0 { text } else { &lower };
        file.extend_from_slice(&text[place.range.start as usize..place.range.end as usize]);
    }
    let mut resources = Resources::default();
    let digest = cid::digest(&file);
    resources.insert(digest, Arc::from(file));
    (format!("sha256:{digest}"), resources)
}

fn template(settings: &[(&str, &str)], resources: &Resources) -> lab_codec::Result<Template> {
    let mut params = Params::defaults(TEMPLATE.info);
    for (name, value) in settings {
        let (index, param) = TEMPLATE.info.param(name).unwrap();
        params.set(index, param.parse(value)?);
    }
    build(&params, resources)
}

fn encode(template: &Template, content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    template.worker().encode(content, &mut encoded, &Context::default()).unwrap();
    encoded
}

/// Lines that differ, in capital letters.
fn lines(from: u32, to: u32) -> Vec<u8> {
    (from..to)
        .flat_map(|n| format!("LINE {:X} OF {n}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

/// What the dictionary has, something new, more that is known, and the new thing again.
fn content() -> (Vec<u8>, Vec<u8>) {
    let known = lines(0, 600);
    let fresh = lines(1000, 1150);
    let content = [&known[..9000], &fresh, &known[4000..], &fresh, &known[..3000]].concat();
    (known, content)
}

fn naive(text: &[u8], pattern: &[u8]) -> Vec<u64> {
    text.windows(pattern.len()).enumerate().filter(|(_, w)| *w == pattern).map(|(i, _)| i as u64).collect()
}

fn check_search(segments: &[(Parsed, &[u8])], pattern: &[u8]) {
    let cx = Context::default();
    let text = segments.iter().map(|(_, text)| *text).collect::<Vec<_>>().concat();
    let compiled = Pattern::new(pattern).unwrap();
    let (mut finding, mut counting) = (Search::new(&compiled), Search::new(&compiled));
    let (mut found, mut count) = (Vec::new(), 0);
    for (segment, _) in segments {
        count += counting.count(segment, &cx).unwrap();
        let mut add = |at| {
            found.push(at);
            Ok(ControlFlow::Continue(()))
        };
        assert!(finding.find(segment, &cx, &mut add).unwrap().is_continue());
    }
    let expected = naive(&text, pattern);
    assert_eq!(found, expected);
    assert_eq!(count, expected.len() as u64);
}

#[test]
fn patterns_lie_across_notes() {
    let (known, content) = content();
    let (dict, resources) = dictionary(&known);
    for coder in ["rans", "raw", "mix"] {
        let with = template(&[("dict", &dict), ("coder", coder)], &resources).unwrap();
        let without = template(&[("coder", coder), ("chunk_size", "256")], &resources).unwrap();
        // The second segment knows no dictionary, and the third has no notes at all.
        let parts = [(&with, &content[..]), (&without, &known.repeat(3)), (&with, &b"LINE"[..])];
        let encoded: Vec<_> = parts.iter().map(|(template, text)| encode(template, text)).collect();
        let segments: Vec<_> = parts
            .iter()
            .zip(&encoded)
            .map(|((template, text), encoded)| {
                let (parsed, notes) = template.parse(encoded, text.len(), &Context::default()).unwrap();
                assert!(notes.is_some() || !text.starts_with(&content[..9500]), "{coder}");
                (parsed, *text)
            })
            .collect();
        for (from, to) in
            [(0, 7), (8990, 9010), (8000, 12_000), (100, 11_000), (content.len() - 3, content.len())]
        {
            check_search(&segments, &content[from..to]);
        }
        check_search(&segments, b"E");
        check_search(&segments, b"\nLINE ");
        check_search(&segments, b"nowhere");
    }
}

#[test]
fn notes_and_rules_are_counted() {
    let (known, content) = content();
    let (dict, resources) = dictionary(&known);
    let template = template(&[("dict", &dict)], &resources).unwrap();
    let encoded = encode(&template, &content);
    let cx = Context::default();
    let (parsed, notes) = template.parse(&encoded, content.len(), &cx).unwrap();
    let notes = notes.unwrap();
    assert!(notes.known > 30 && notes.known_bytes > 12_000 && notes.known_bytes < content.len() as u64);
    assert!(notes.local > 0 && notes.local_bytes < 10_000 && notes.played > notes.known + notes.local);
    let mut statistics = Statistics::default();
    let rules = statistics.add(&parsed, &cx).unwrap();
    assert_eq!((statistics.bytes, statistics.stored), (content.len() as u64, 0));
    assert_eq!(statistics.start, notes.played);
    assert_eq!(statistics.covered, content.len() as u64);
    assert!(rules.len() as u64 > notes.local);
}

#[test]
fn costs_come_to_what_is_stored() {
    let (known, content) = content();
    let (dict, resources) = dictionary(&known);
    for coder in ["rans", "raw", "mix"] {
        let template =
            template(&[("dict", &dict), ("coder", coder), ("contexts", "UPPER+LOWER")], &resources).unwrap();
        let encoded = encode(&template, &content);
        let cx = Context::default();
        let costs = template.costs(&encoded, content.len(), 0..content.len(), &cx).unwrap();
        assert_eq!(costs.text, content);
        let stored = 8.0 * (encoded.len() as f64 - costs.head as f64);
        // What remains is what two coders round up.
        assert!((stored - costs.bits).abs() < 0.01 * stored + 160.0, "{coder}: {} of {stored}", costs.bits);
        let mut at = 0;
        let mut sum = 0.0;
        for token in &costs.tokens {
            assert_eq!(token.start, at);
            at += token.len;
            sum += token.per_byte * f64::from(token.len);
        }
        assert_eq!(at as usize, content.len());
        assert!((sum - costs.bits).abs() < 1e-6 * sum, "{coder}: {sum} of {}", costs.bits);
        for rule in &costs.rules {
            let text = costs.rule_text(rule, usize::MAX);
            assert_eq!(text.len(), rule.len as usize);
            assert!(!naive(&[&known[..], &content].concat(), &text[..text.len().min(4)]).is_empty());
        }
        // Of a range, the tokens are those that the whole has there.
        let part = template.costs(&encoded, content.len(), 8500..14_000, &cx).unwrap();
        let within: Vec<_> =
            costs.tokens.iter().filter(|t| t.start < 14_000 && t.start + t.len > 8500).collect();
        let said = |t: &lab_template::partial::Token| t.start < 14_000 && t.start + t.len > 8500;
        let part: Vec<_> = part.tokens.iter().filter(|t| said(t)).collect();
        assert_eq!(part.len(), within.len());
        for (a, b) in part.iter().zip(within) {
            assert_eq!((a.start, a.len, a.kind), (b.start, b.len, b.kind));
        }
    }
}

#[test]
fn memory_has_a_limit() {
    let (known, content) = content();
    let (dict, resources) = dictionary(&known);
    let template = template(&[("dict", &dict)], &resources).unwrap();
    let encoded = encode(&template, &content);
    let cx = Context::default().with_limits(Limits::default().with_memory(20_000));
    assert_eq!(template.parse(&encoded, content.len(), &cx).unwrap_err().kind(), ErrorKind::Limit);
}

/// A map stands in the parameters; each symbol is in the context that it says.
#[test]
fn maps_say_the_context_of_symbols() {
    let (known, _) = content();
    let (dict, resources) = dictionary(&known);
    let settings = |maps| vec![("dict", dict.as_str()), ("contexts", "UPPER+LOWER"), ("maps", maps)];
    let maps = "ODD.LOWER.0.UPPER.3-4.UPPER+SAME.UPPER";
    let template = template(&settings(maps), &resources).unwrap();
    let encoded = encode(&template, &known);
    let render = |view| {
        let mut out = Vec::new();
        template.render(&encoded, known.len(), view, &mut out, &Context::default()).map(|_| out)
    };
    let mut expected = known.to_ascii_lowercase();
    let cutting = Cutting::new(Chunking::Content, 256).unwrap();
    for (number, note) in cutting.cut(&known).enumerate().filter(|(i, _)| [0, 3, 4].contains(i)) {
        assert!(number < 5);
        expected[note.clone()].copy_from_slice(&known[note]);
    }
    assert_eq!(render(View::Embedded(0)).unwrap(), expected);
    assert_eq!(render(View::Embedded(1)).unwrap(), known);
    assert_eq!(render(View::Context(1)).unwrap(), known.to_ascii_lowercase());
    // The same as a free map, and back to the words.
    let declared = template.declared().unwrap();
    let text = "# a file\n3-4 UPPER\n\n* LOWER\n0 UPPER\n";
    let map = lab_template::notes::map::Map::from_lines(text, declared).unwrap();
    assert_eq!(map, template.maps()[0].1);
    assert_eq!(format!("ODD.{}", map.to_words(declared.dictionary)), maps.split('+').next().unwrap());
    assert_eq!(render(View::Free(&map)).unwrap(), expected);
}

#[test]
fn maps_that_cannot_be_are_refused() {
    let (known, _) = content();
    let (dict, resources) = dictionary(&known);
    for (maps, said) in [
        ("A", "needs a name, and a context"),
        ("A.", "does not declare the context \"\""),
        ("A.UNDER", "does not declare the context \"UNDER\"; it declares UPPER"),
        ("A.UPPER.0", "symbol 0 has no context"),
        ("A.UPPER.0.LOWER", "does not declare the context \"LOWER\""),
        ("A.UPPER.100000.UPPER", "symbol 100000 does not exist"),
        ("A.UPPER.5-4.UPPER", "smaller number first"),
        ("A.UPPER.05.UPPER", "is not a symbol"),
        ("A.UPPER.x.UPPER", "is not a symbol"),
        ("A.UPPER.4.UPPER.4.UPPER", "symbol 4 occurs twice"),
        ("A.UPPER.3-6.UPPER.5.UPPER", "symbol 5 occurs twice"),
        ("A.UPPER+A.UPPER", "two maps are named \"A\""),
        (".UPPER", "is not a map name"),
        ("A b.UPPER", "is not a map name"),
    ] {
        let settings = [("dict", dict.as_str()), ("contexts", "UPPER"), ("maps", maps)];
        let error = template(&settings, &resources).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Param);
        assert!(error.message().contains(said), "{maps}: {error}");
    }
    let error = template(&[("maps", "A.UPPER")], &resources).unwrap_err();
    assert!(error.message().contains("name one with dict="), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is cut and pasted of known and new lines: searching finds what is there.
    #[test]
    fn any_composition_is_searched(
        parts in proptest::collection::vec((0u32..700, 0u32..120), 1..8),
        pattern in (0usize..4000, 1usize..800),
    ) {
        let known = lines(0, 400);
        let (dict, resources) = dictionary(&known);
        let template = template(&[("dict", &dict)], &resources).unwrap();
        let content: Vec<u8> = parts.iter().flat_map(|&(from, len)| lines(from, from + len + 1)).collect();
        let encoded = encode(&template, &content);
        let (parsed, _) = template.parse(&encoded, content.len(), &Context::default()).unwrap();
        let from = pattern.0 % content.len();
        let to = (from + pattern.1).min(content.len());
        check_search(&[(parsed, &content)], &content[from..to]);
    }
}
