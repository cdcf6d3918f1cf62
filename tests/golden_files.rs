//! The files of earlier releases: each is unchanged, and decodes to what its release encoded.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{arg, ok};
use lab_codec::Digest;
use sha2::{Digest as _, Sha256};

fn sha256(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

fn releases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// The content of a file as its manifest defines it.
fn content(file: &Path, how: &str, scratch: &Path) -> Vec<u8> {
    let out = scratch.join(file.file_name().unwrap());
    match how {
        "plain" => std::fs::read(file).unwrap(),
        "decode" => {
            // The resources of a stream lie beside it, where the program looks by itself.
            ok(["decode", "-q", arg(file), "-o", arg(&out)]);
            std::fs::read(out).unwrap()
        }
        "telomere" => {
            ok(["telomere", "decompress", "-q", arg(file), "-o", arg(&out)]);
            std::fs::read(out).unwrap()
        }
        "album" => {
            ok(["album", "unpack", "-q", arg(file), "-o", arg(&out)]);
            let files: BTreeSet<PathBuf> =
                std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
            let with_name = |path: &PathBuf| {
                let name = path.file_name().unwrap().to_str().unwrap();
                [name.as_bytes(), b"\n", &std::fs::read(path).unwrap()].concat()
            };
            files.iter().flat_map(with_name).collect()
        }
        "frames" => {
            let clone = Command::new("git").args(["clone", "-q", "-b", "main"]).arg(file).arg(&out).status();
            assert!(clone.expect("git is installed: apt-get install git").success());
            let raw = scratch.join("frames.rgb");
            ok(["gvcf", "export", "-q", "--repo", arg(&out), arg(&raw)]);
            std::fs::read(raw).unwrap()
        }
        _ => unreachable!("the manifest names no way to read {}", file.display()),
    }
}

#[test]
fn every_release_is_read() {
    let releases = releases();
    assert!(!releases.is_empty());
    for release in releases {
        let scratch = tempfile::tempdir().unwrap();
        let manifest = std::fs::read_to_string(release.join("manifest.txt")).unwrap();
        let mut listed = BTreeSet::from(["manifest.txt".to_string()]);
        for line in manifest.lines().skip(1) {
            let fields: Vec<&str> = line.split(' ').collect();
            let [name, how, file_digest, content_digest] = fields[..] else { panic!("{line}") };
            let file = release.join(name);
            listed.insert(name.to_string());
            assert_eq!(sha256(&std::fs::read(&file).unwrap()), file_digest, "{name} was changed");
            match how {
                "results" => {
                    let compared = String::from_utf8(ok(["compare", arg(&file), arg(&file)])).unwrap();
                    assert!(compared.contains("2 cells compared"), "{name}: {compared}");
                }
                // The stream that needs it is in the list.
                "dictionary" => drop(ok(["template", "inspect", arg(&file)])),
                _ => {
                    let content = content(&file, how, scratch.path());
                    assert_eq!(sha256(&content), content_digest, "{name}: other content");
                }
            }
        }
        let there: BTreeSet<String> = std::fs::read_dir(&release)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(there, listed, "the manifest lists what is there");
    }
}
