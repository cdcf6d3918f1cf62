//! Valid and hostile manifests.

use lab_codec::ErrorKind;
use serde_json::{Value, json};

use super::*;
use crate::test_support::Directory;

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn file() -> Value {
    json!({
        "corpus": "c", "name": "n.txt", "bytes": 5, "sha256": ZEROS,
        "stored": "c/n.txt.zst", "stored_as": "zstd", "stored_bytes": 3, "stored_sha256": ZEROS,
        "origin": "o", "licence": "l", "kind": "k",
    })
}

fn parse(files: Value) -> Result<Manifest> {
    let manifest = json!({ "format": FORMAT, "set": "s", "files": files });
    Manifest::parse(manifest.to_string().as_bytes(), Path::new("/d"))
}

fn with(field: &str, value: Value) -> Result<Manifest> {
    let mut file = file();
    file[field] = value;
    parse(json!([file]))
}

#[test]
fn a_part_of_a_published_corpus_tells_how_much_it_is() {
    let mut file = file();
    file["corpus"] = json!("silesia");
    let manifest = parse(json!([file])).unwrap();
    assert_eq!(manifest.corpus_of(&manifest.files[0]), "silesia-1");
    let own = with("corpus", json!("mine")).unwrap();
    assert_eq!(own.corpus_of(&own.files[0]), "mine");
}

#[test]
fn every_field_is_read() {
    let mut full = file();
    full["note"] = json!("remark");
    full["known_bytes"] = json!(6);
    full["size_matches_known"] = json!(false);
    full["a field of tomorrow"] = json!({ "x": [1, 2] });
    let manifest = parse(json!([full])).unwrap();
    let listed = &manifest.files[0];
    assert_eq!((manifest.set.as_str(), listed.corpus.as_str(), listed.name.as_str()), ("s", "c", "n.txt"));
    assert_eq!((listed.bytes, listed.stored_bytes, listed.stored_as), (5, 3, StoredAs::Zstd));
    assert_eq!((listed.origin.as_str(), listed.licence.as_str(), listed.kind.as_str()), ("o", "l", "k"));
    assert_eq!(listed.note.as_deref(), Some("remark"));
    assert_eq!((listed.known_bytes, listed.size_matches_known), (Some(6), Some(false)));
    assert_eq!(manifest.find_stored(Path::new("c/n.txt.zst")), Some(listed));
    assert_eq!(manifest.path_of(listed), Path::new("/d/c/n.txt.zst"));
}

#[test]
fn paths_that_climb_out_are_refused() {
    for hostile in [
        "/etc/passwd",
        "..",
        "../x",
        "c/../../x",
        "c/..",
        ".",
        "./x",
        "",
        "a\0b",
        "a\nb",
        "C:\\x",
        "..\\x",
        "C:x",
    ] {
        for field in ["stored", "name", "corpus"] {
            let error = with(field, json!(hostile)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().starts_with("files[0]: "), "{error}");
        }
    }
    assert!(with("stored", json!("x".repeat(2000))).is_err());
    assert_eq!(with("stored", json!("a//b/./c")).unwrap().files[0].stored, Path::new("a/b/c"));
}

#[test]
fn sizes_digests_and_forms_are_checked() {
    for (field, value) in [
        ("bytes", json!(-1)),
        ("bytes", json!(1.5)),
        ("bytes", json!("5")),
        ("stored_bytes", json!(18_446_744_073_709_551_616_f64)),
        ("sha256", json!("00")),
        ("sha256", json!(ZEROS.replace('0', "g"))),
        ("stored_sha256", json!(null)),
        ("stored_as", json!("gzip")),
        ("stored_as", json!("raw")), // with two different sizes
    ] {
        assert_eq!(with(field, value.clone()).unwrap_err().kind(), ErrorKind::Corrupt, "{field} {value}");
    }
    assert_eq!(with("bytes", json!(u64::MAX)).unwrap().files[0].bytes, u64::MAX);
}

#[test]
fn a_name_is_listed_once() {
    assert!(parse(json!([file(), file()])).unwrap_err().to_string().contains("listed twice"));
}

#[test]
fn other_kinds_and_versions_are_told_apart() {
    let later = json!({ "format": "lab-corpus-manifest-2", "files": [] }).to_string();
    let error = Manifest::parse(later.as_bytes(), Path::new("/d")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // Nesting deeper than the JSON parser's limit.
    let deep = format!("{{\"format\":\"{FORMAT}\",\"files\":{}", "[".repeat(100_000));
    assert_eq!(Manifest::parse(deep.as_bytes(), Path::new("/d")).unwrap_err().kind(), ErrorKind::Corrupt);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    assert!(Manifest::in_directory(directory.path()).unwrap().is_none());
    for foreign in ["{\"name\": \"my extension\", \"manifest_version\": 3}", "no JSON at all", ""] {
        fs::write(&path, foreign).unwrap();
        assert!(Manifest::in_directory(directory.path()).unwrap().is_none());
    }
    // A truncated manifest of this format is an error, not a foreign file.
    let whole = json!({ "format": FORMAT, "files": [file()] }).to_string();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = Manifest::in_directory(directory.path()).unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains(FILE_NAME), "{error}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(Manifest::in_directory(directory.path()).unwrap().is_none());
}

#[test]
fn the_nearest_manifest_applies() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a/b/c");
    fs::create_dir_all(&inner).unwrap();
    let write = |place: &Path, set: &str| {
        let text = json!({ "format": FORMAT, "set": set, "files": [] }).to_string();
        fs::write(place.join(FILE_NAME), text).unwrap();
    };
    write(directory.path(), "outer");
    assert_eq!(Manifest::nearest(&inner).unwrap().unwrap().set, "outer");
    fs::write(directory.path().join("a/b").join(FILE_NAME), "{}").unwrap();
    assert_eq!(Manifest::nearest(&inner).unwrap().unwrap().set, "outer");
    write(&directory.path().join("a"), "middle");
    assert_eq!(Manifest::nearest(&inner).unwrap().unwrap().set, "middle");
}

#[test]
fn what_is_written_is_read_back() {
    let directory = Directory::with_manifest();
    let manifest = directory.manifest();
    let again = Manifest::parse(text("set", &manifest.files).unwrap().as_bytes(), directory.path()).unwrap();
    assert_eq!((again.files, again.set), (manifest.files, "set".to_string()));
}
