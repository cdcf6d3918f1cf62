//! A codec from another crate works everywhere: in conformance, in chains, inside `auto`, and in `lab bench`.

use std::process::Command;

use lab_stream::{Chain, decode_vec, encode_vec};

#[test]
fn it_passes_the_suite_of_the_built_in_codecs() {
    let options = lab_conformance::Options { only: vec!["rotate".into()], ..Default::default() };
    let report = lab_conformance::check(&rotate::registry(), &options);
    assert!(report.is_ok(), "{report}");
}

#[test]
fn auto_chooses_it() {
    let registry = rotate::registry();
    // Rotating by 1 turns these bytes into zeros, a run that rle shortens.
    let content = vec![255; 10_000];
    let chain = Chain::parse(&registry, "auto:of={store/rotate:1,rle}").unwrap();
    let stream = encode_vec(&registry, &chain, &content).unwrap();
    assert!(stream.len() < 1000, "{} bytes", stream.len());
    assert_eq!(decode_vec(&registry, &stream).unwrap(), content);
    // Without rotate in the registry, reading the stream fails, and the error names the codec.
    let error = decode_vec(&lab::registry::builtin(), &stream).unwrap_err();
    assert!(error.to_string().contains("rotate"), "{error}");
}

#[test]
fn the_benchmark_measures_it() {
    let dir = tempfile::tempdir().unwrap();
    let sample = dir.path().join("sample");
    std::fs::write(&sample, b"she sells sea shells").unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_rotate"));
    lab.args(["bench", "-q", "--no-memory", "--no-baselines", "--budget", "1ms", "--chain", "rotate:1/2"]);
    lab.arg("--chain").arg("auto:of={rotate:3,zstd/store}").arg(&sample);
    let output = lab.arg("-o").arg(dir.path().join("out")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = std::fs::read_to_string(dir.path().join("out/results.json")).unwrap();
    for chain in ["rotate:by=1", "rotate:by=2", "auto:of={rotate:3,zstd/store}"] {
        assert!(results.contains(&format!("\"chain\": \"{chain}\"")), "{chain}");
    }
}
