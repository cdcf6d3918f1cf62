//! Encoded bytes do not grow unnoticed: every chain of ours, on generated data, yields exactly what
//! `sizes.txt` says.
//!
//! Bytes depend on nothing but the input and the parameters, so this cannot fail by chance. Where a change
//! makes them fewer, put the new number in; where it makes them more, there should be a reason.
#![allow(clippy::unwrap_used)]

mod common;

use lab_codec::Context;
use lab_corpus::generate::{find, generate};

use common::{arg, file, ok};

/// Chain, generator, bytes of input, bytes of stream.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, u64, u64)> {
    let text = include_str!("sizes.txt");
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let [chain, generator, bytes, stream] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            unreachable!("four words in {line:?}")
        };
        (chain, generator, bytes.parse().unwrap(), stream.parse().unwrap())
    })
}

#[test]
fn our_chains_yield_the_recorded_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut table, mut differ) = (String::new(), Vec::new());
    for (chain, generator, bytes, expected) in lines() {
        let mut content = Vec::new();
        generate(&find(generator).unwrap(), 1, bytes, &mut content, &Context::default()).unwrap();
        let input = file(dir.path(), "input", &content);
        let stream = ok(["encode", "-q", "--no-bypass", "--chain", chain, arg(&input), "-o", "-"]);
        let found = stream.len() as u64;
        table += &format!("{chain} {generator} {bytes} {found}\n");
        if found != expected {
            differ.push(format!("{chain} of {generator}: {found} bytes, {expected} are recorded"));
        }
    }
    assert!(!table.is_empty());
    assert!(differ.is_empty(), "{}\nThe whole table would be:\n{table}", differ.join("\n"));
}
