//! The chain grammar as a specification: canonical text, spans, suggestions, sweeps.

use std::sync::Arc;

use super::*;
use lab_codec::{Carrier, Codec, ErrorKind, Info, Resources};
use proptest::prelude::*;

static PACK: Info = Info::new("pack", "a test codec").params(&[
    Param::int("level", -7, 22, 3, ""),
    Param::choice("coder", &["rans", "raw", "mix"], 0, ""),
    Param::size("window", 1, 1 << 30, 4096, ""),
    Param::flag("long", false, ""),
    Param::resource("dict", ""),
]);

static TAPE: Info = Info::new("tape", "a test carrier");

fn no_codec(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Err(Error::usage("only the grammar is tested"))
}

fn no_carrier(_: &Params, _: &Resources) -> Result<Arc<dyn Carrier>> {
    Err(Error::usage("only the grammar is tested"))
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(Entry::codec(&PACK, no_codec)).register(Entry::carrier(&TAPE, no_carrier));
    registry
}

fn parse(text: &str) -> Result<Chain> {
    Chain::parse_with(&registry(), text, &mut |path| {
        assert_eq!(path, "words.dict");
        Ok(Digest([0xAB; 32]))
    })
}

fn sweep(text: &str) -> Vec<String> {
    let chains = Chain::parse_sweep(&registry(), text, &mut |_| Err(Error::usage("no files")));
    chains.unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn canonical_text_leaves_defaults_out_and_keeps_declared_order() {
    for (text, canonical) in [
        ("pack", "pack"),
        ("pack:3", "pack"),
        ("pack:19,tape", "pack:level=19,tape"),
        ("pack:coder=mix:level=1", "pack:level=1:coder=mix"),
        ("pack:window=4096:long=true", "pack:long=on"),
        ("pack:window=16MiB,pack:-7", "pack:window=16M,pack:level=-7"),
        ("tape", "tape"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), canonical, "{text}");
    }
}

#[test]
fn a_file_becomes_its_digest_and_no_path_remains() {
    let chain = parse("pack:dict=@words.dict").unwrap();
    assert_eq!(chain.to_string(), format!("pack:dict=sha256:{}", "ab".repeat(32)));
    assert_eq!(chain.resources(), [Digest([0xAB; 32])]);
    // A digest as in a stream's header, alone and with another parameter after it.
    let digest = "ab".repeat(32);
    let text = format!("pack:dict=sha256:{digest}:window=16M,pack:dict=sha256:{digest}");
    let canonical = format!("pack:window=16M:dict=sha256:{digest},pack:dict=sha256:{digest}");
    assert_eq!(parse(&text).unwrap().to_string(), canonical);
}

#[test]
fn errors_point_at_the_span_and_suggest() {
    for (text, kind, parts) in [
        ("pakc", ErrorKind::Usage, &["0..4", "did you mean \"pack\"?"][..]),
        ("pack,zzzzzz", ErrorKind::Usage, &["5..11", "lab codecs"]),
        ("pack:levle=3", ErrorKind::Param, &["5..12", "did you mean \"level\"?", "-7..22"]),
        ("pack:level=99", ErrorKind::Param, &["11..13", "level takes -7..22"]),
        ("pack:coder=mx", ErrorKind::Param, &["11..13", "rans|raw|mix", "\"mix\""]),
        ("pack:1:2", ErrorKind::Usage, &["7..8", "key=value", "it takes level"]),
        ("pack:level=1:level=2", ErrorKind::Usage, &["13..20", "given twice"]),
        ("tape,pack", ErrorKind::Usage, &["0..4", "must be the last"]),
        ("tape:3", ErrorKind::Usage, &["it takes none"]),
        ("tape:x=3", ErrorKind::Param, &["takes no parameters"]),
        ("", ErrorKind::Usage, &["missing at 0"]),
        ("pack,,tape", ErrorKind::Usage, &["missing at 5"]),
        ("pack:{1,2", ErrorKind::Usage, &["brace at 5"]),
        ("pack:1/3", ErrorKind::Usage, &["sweep of 2"]),
    ] {
        let error = parse(text).unwrap_err();
        let line = error.to_string();
        assert_eq!(error.kind(), kind, "{text}: {line}");
        for part in parts {
            assert!(line.contains(part), "{text}: {line:?} lacks {part:?}");
        }
        assert!(!line.contains('\n'));
    }
}

#[test]
fn sweeps_are_cross_products() {
    assert_eq!(sweep("pack:1/2,tape"), ["pack:level=1,tape", "pack:level=2,tape"]);
    assert_eq!(sweep("pack:2..4"), ["pack:level=2", "pack", "pack:level=4"]);
    assert_eq!(sweep("pack:{1,19}:coder={raw,mix}").len(), 4);
    assert_eq!(sweep("pack:{4..5},pack:1"), ["pack:level=4,pack:level=1", "pack:level=5,pack:level=1"]);
    let huge = "pack:-7..22,pack:-7..22,pack:-7..22";
    assert!(Chain::parse_sweep(&registry(), huge, &mut |_| Err(Error::usage(""))).is_err());
}

#[test]
fn a_header_takes_only_canonical_codecs() {
    let registry = registry();
    assert!(Chain::parse_codecs(&registry, "").unwrap().codecs.is_empty());
    assert!(Chain::parse_codecs(&registry, "pack:level=19").is_ok());
    for bad in ["pack:19", "pack:level=3", "pack,tape", "pack:dict=@words.dict"] {
        assert!(Chain::parse_codecs(&registry, bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[pack:,=/{}.@0-9a-z-]{0,40}") {
        let mut refuse = |_: &str| Err(Error::usage("no files"));
        if let Ok(chain) = Chain::parse_with(&registry(), &text, &mut refuse) {
            let canonical = chain.to_string();
            let again = Chain::parse_with(&registry(), &canonical, &mut refuse).unwrap();
            prop_assert_eq!(again.to_string(), canonical);
        }
    }

    #[test]
    fn display_parses_to_the_same_chain(
        level in -7i64..=22,
        coder in 0usize..3,
        window in 1u64..1 << 30,
        long in any::<bool>(),
    ) {
        let mut params = Params::defaults(&PACK);
        params.set(0, Value::Int(level));
        params.set(1, Value::Choice(coder));
        params.set(2, Value::Size(window));
        params.set(3, Value::Flag(long));
        let stage = Stage { entry: Entry::codec(&PACK, no_codec), params };
        let chain = Chain { codecs: vec![stage], carrier: None };
        let again = parse(&chain.to_string()).unwrap();
        prop_assert_eq!(&again.codecs[0].params, &chain.codecs[0].params);
    }
}
