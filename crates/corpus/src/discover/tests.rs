//! Tests which files are samples, and in which form.

use lab_codec::{Context, ErrorKind};

use super::super::test_support::{Directory, HELLO, HELLO_XZ};
use super::*;

fn labels(paths: &[PathBuf]) -> Vec<String> {
    discover(paths).unwrap().iter().map(Sample::label).collect()
}

#[test]
fn a_directory_gives_originals_and_plain_files_in_order() {
    let directory = Directory::with_manifest();
    directory.write("c/added.xz", HELLO_XZ);
    directory.write("a/z", b"1");
    directory.write("a.txt", b"22");
    directory.write(".hidden", b"");
    directory.write(".git/config", b"");
    let samples = discover(&[directory.path().to_path_buf()]).unwrap();
    let labels: Vec<String> = samples.iter().map(Sample::label).collect();
    assert_eq!(labels, ["a/z", "a.txt", "c/added.xz", "c/raw", "c/xz", "c/zstd"]);
    for sample in &samples {
        let bytes = sample.load(&Context::default()).unwrap();
        assert_eq!(bytes.len() as u64, sample.bytes);
        let expected = match sample.label().as_str() {
            "a/z" => b"1",
            "a.txt" => b"22".as_slice(),
            "c/added.xz" => HELLO_XZ, // not listed: a plain sample
            _ => HELLO,
        };
        assert_eq!(bytes, expected);
        assert!(sample.path.starts_with(directory.path()));
    }
}

#[test]
fn a_part_of_a_corpus_is_governed_by_the_manifest_above() {
    let directory = Directory::with_manifest();
    assert_eq!(labels(&[directory.path().join("c")]), ["c/raw", "c/xz", "c/zstd"]);
}

#[test]
fn a_listed_file_stands_for_its_original() {
    let directory = Directory::with_manifest();
    let plain = directory.write("c/plain", b"x");
    // By its stored form, by the original's name, an unlisted file, and the manifest itself.
    let paths = ["c/xz.xz", "c/zstd"].map(|name| directory.path().join(name));
    let samples = discover(&paths).unwrap();
    for sample in &samples {
        assert_eq!(sample.load(&Context::default()).unwrap(), HELLO);
    }
    assert_eq!(samples[1].path, directory.path().join("c/zstd.zst"));
    assert_eq!(labels(&[plain]), ["plain"]);
    assert_eq!(labels(&[directory.path().join(FILE_NAME)]), [FILE_NAME]);
}

#[test]
fn a_nearer_manifest_overrides() {
    let directory = Directory::with_manifest();
    directory.write("c/manifest.json", br#"{"format": "lab-corpus-manifest-1", "files": []}"#);
    let samples = discover(&[directory.path().to_path_buf()]).unwrap();
    assert!(samples.iter().all(|s| s.corpus.is_none()));
    assert_eq!(samples.len(), 3);
}

#[test]
fn a_foreign_manifest_json_is_a_file_like_others() {
    let directory = Directory::empty();
    directory.write(FILE_NAME, br#"{"name": "an extension"}"#);
    assert_eq!(labels(&[directory.path().to_path_buf()]), [FILE_NAME]);
}

#[test]
fn a_broken_manifest_is_an_error() {
    let directory = Directory::empty();
    directory.write("x/manifest.json", br#"{"format": "lab-corpus-manifest-1", "files": [{}]}"#);
    let error = discover(&[directory.path().to_path_buf()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn missing_files_are_told() {
    let directory = Directory::with_manifest();
    fs::remove_file(directory.path().join("c/xz.xz")).unwrap();
    let found = survey(&[directory.path().to_path_buf()]).unwrap();
    assert_eq!(found.samples.len(), 2);
    assert_eq!(found.missing.len(), 1);
    assert_eq!(found.missing[0].name, "xz");
    let error = discover(&[directory.path().join("nowhere")]).unwrap_err();
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound));
    assert!(error.to_string().contains("nowhere"));
}

#[test]
fn one_file_given_twice_is_one_sample_and_equal_names_are_told_apart() {
    let directory = Directory::empty();
    let (first, second) = (directory.write("1/x", b"1"), directory.write("2/x", b"2"));
    assert_eq!(labels(&[first.clone(), first.clone(), directory.path().join("1")]), ["x"]);
    let labels = labels(&[first.clone(), second.clone()]);
    assert_ne!(labels[0], labels[1]);
    assert!(labels[0].ends_with("1/x"), "{labels:?}");
}

#[cfg(unix)]
#[test]
fn links_do_no_harm() {
    use std::os::unix::fs::symlink;
    let directory = Directory::empty();
    directory.write("a/file", b"1");
    symlink("..", directory.path().join("a/loop")).unwrap();
    symlink("nowhere", directory.path().join("a/broken")).unwrap();
    symlink("file", directory.path().join("a/link")).unwrap();
    assert_eq!(labels(&[directory.path().to_path_buf()]), ["a/file", "a/link"]);
    assert_eq!(labels(&[directory.path().join("a/loop/a")]), ["file", "link"]);
    if Path::new("/dev/null").exists() {
        assert_eq!(discover(&[PathBuf::from("/dev/null")]).unwrap_err().kind(), ErrorKind::Usage);
    }
}
