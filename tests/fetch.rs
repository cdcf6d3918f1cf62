//! Getting corpora: from a server of its own that fails in every way, and from directories.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::server::{Page, Server};
use common::{arg, error_line, file, lab, names, random, text};
use sha2::{Digest, Sha256};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A directory with a description of the corpus `own`, whose files are `files`.
struct Place {
    dir: tempfile::TempDir,
}

/// A file of the corpus: its name, its content, and whether its digest is in the description.
type Content<'a> = (&'a str, &'a [u8], bool);

impl Place {
    /// `sources` is the text of the `[[source]]` tables.
    fn new(sources: &str, files: &[Content]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut text = format!("format = \"lab-corpus-sources-1\"\ncorpus = \"own\"\n{sources}\n");
        for (name, content, is_known) in files {
            text += &format!("[[file]]\nname = \"{name}\"\nbytes = {}\n", content.len());
            if *is_known {
                text += &format!("sha256 = \"{}\"\n", sha256(content));
            }
        }
        file(dir.path(), "own.toml", text.as_bytes());
        Self { dir }
    }

    fn command(&self) -> Command {
        let mut command = lab();
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.current_dir(self.dir.path());
        command.args(["corpus", "fetch", "--manifest", "own.toml", "--wait", "1ms"]);
        command
    }

    fn fetch(&self, more: &[&str]) -> Output {
        self.command().args(more).output().unwrap()
    }

    #[track_caller]
    fn fetched(&self, more: &[&str]) -> serde_json::Value {
        let output = self.fetch(&[more, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn own(&self) -> PathBuf {
        self.dir.path().join("corpora/own")
    }

    /// The files are there as they should be, with a manifest, and nothing else is.
    #[track_caller]
    fn is_whole(&self, files: &[Content]) {
        let mut expected: Vec<String> = files.iter().map(|(name, ..)| (*name).to_string()).collect();
        expected.push("manifest.json".into());
        expected.sort();
        assert_eq!(names(&self.own()), expected);
        for (name, content, _) in files {
            assert!(std::fs::read(self.own().join(name)).unwrap() == *content, "{name}");
        }
        common::ok(["corpus", "verify", "-q", arg(&self.own())]);
    }
}

fn source(pack: &str, urls: &[String]) -> String {
    format!("[[source]]\npack = \"{pack}\"\nurls = {urls:?}\n")
}

fn page(body: &[u8]) -> Page {
    Page { body: body.to_vec(), ..Page::default() }
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut out).unwrap();
    out
}

/// A tar archive; names are written as they are, whatever they say.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn every_pack_is_fetched_and_becomes_a_corpus() {
    let (a, b) = (text(70_000), random(5_000, 1));
    let files: [Content; 2] = [("a.txt", &a, true), ("b", &b, true)];
    let both = [("./a.txt", &a[..]), ("../../evil", b"evil"), ("/evil", b"evil"), ("b", &b[..])];
    /// A pack, its address, and what the server has.
    type Case = (&'static str, &'static str, Vec<(&'static str, Vec<u8>)>);
    let cases: [Case; 6] = [
        ("tar.gz", "/own.tar.gz", vec![("/own.tar.gz", gz(&tar(&both)))]),
        ("tar", "/own.tar", vec![("/own.tar", tar(&both))]),
        ("zip", "/own.zip?download=1", vec![("/own.zip?download=1", zip(&both))]),
        ("raw", "/{name}", vec![("/a.txt", a.clone()), ("/b", b.clone())]),
        ("gz", "/{name}.gz", vec![("/a.txt.gz", gz(&a)), ("/b.gz", gz(&b))]),
        ("bz2", "/{name}.bz2", vec![("/a.txt.bz2", bz2(&a)), ("/b.bz2", bz2(&b))]),
    ];
    for (pack, path, downloads) in cases {
        let pages: Vec<(&str, Page)> = downloads.iter().map(|(path, body)| (*path, page(body))).collect();
        let server = Server::new(&pages);
        let place = Place::new(&source(pack, &[server.url(path)]), &files);
        let rows = place.fetched(&[]);
        assert_eq!((&rows[1]["name"], &rows[1]["sha256"]), (&"b".into(), &sha256(&b).into()), "{pack}");
        place.is_whole(&files);
        assert_eq!(names(place.dir.path()), ["corpora", "own.toml"], "{pack}: something climbed out");
        // A second time nothing is asked for.
        let requests = server.seen().len();
        assert_eq!(requests, downloads.len(), "{pack}");
        assert_eq!(place.fetched(&[])[0]["was_here"], true);
        assert_eq!(server.seen().len(), requests, "{pack}");
        let listed = common::ok(["corpus", "list", "--json", arg(&place.dir.path().join("corpora"))]);
        let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
        assert_eq!(
            (&listed["corpora"][0]["corpus"], &listed["corpora"][0]["present"]),
            (&"own".into(), &2.into())
        );
    }
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let body = random(300_000, 2);
    let files: [Content; 1] = [("a", &body, false)];
    // With an ETag, the rest is asked for on condition; without, a known digest makes it safe.
    for (etag, is_known) in [(Some("\"v1\""), false), (None, true)] {
        let cut = Page { etag, cuts: vec![100_000, 50_000], ..page(&body) };
        let server = Server::new(&[("/a", cut)]);
        let place = Place::new(&source("raw", &[server.url("/a")]), &[("a", &body, is_known)]);
        place.fetched(&[]);
        place.is_whole(&files);
        let seen = server.seen();
        let ranges: Vec<_> = seen.iter().map(|s| s.range.as_deref()).collect();
        assert_eq!(ranges, [None, Some("bytes=100000-"), Some("bytes=150000-")]);
        assert_eq!(seen.iter().map(|s| s.sent).sum::<usize>(), body.len(), "bytes came twice");
        assert!(seen[1..].iter().all(|s| s.if_range.as_deref() == etag), "{seen:?}");
    }
    // With neither, it begins anew.
    let server = Server::new(&[("/a", Page { cuts: vec![100_000], ..page(&body) })]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    place.fetched(&[]);
    place.is_whole(&files);
    assert_eq!(
        server.seen().iter().map(|s| (s.range.clone(), s.sent)).collect::<Vec<_>>(),
        [(None, 100_000), (None, body.len())]
    );
}

#[test]
fn a_killed_fetch_is_continued_by_the_next() {
    let body = random(200_000, 3);
    let files: [Content; 1] = [("a", &body, true)];
    let server = Server::new(&[("/a", Page { etag: Some("\"v1\""), stall: Some(120_000), ..page(&body) })]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    let mut child = place.command().stderr(Stdio::null()).spawn().unwrap();
    let part = place.own().join(".a.part");
    let end = Instant::now() + Duration::from_secs(60);
    while std::fs::metadata(&part).map_or(0, |m| m.len()) < 120_000 {
        assert!(Instant::now() < end, "the fetch does not get on");
        std::thread::sleep(Duration::from_millis(5));
    }
    // While it runs, no other may interfere.
    let line = error_line(&place.fetch(&[]), 2);
    assert!(line.contains("another process"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.own().join("a").exists());
    server.set("/a", Page { etag: Some("\"v1\""), ..page(&body) });
    place.fetched(&[]);
    place.is_whole(&files);
    let last = server.seen().pop().unwrap();
    assert_eq!((last.range.as_deref(), last.if_range.as_deref()), (Some("bytes=120000-"), Some("\"v1\"")));
    assert_eq!((last.status, last.sent), (206, 80_000));
}

#[test]
fn a_download_that_changed_is_not_patched_together() {
    let (old, new) = (random(200_000, 4), random(200_000, 5));
    let files: [Content; 1] = [("a", &new, true)];
    // The server notices by the ETag.
    let server = Server::new(&[("/a", Page { etag: Some("\"old\""), cuts: vec![90_000], ..page(&old) })]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    error_line(&place.fetch(&["--retries", "0"]), 1);
    server.set("/a", Page { etag: Some("\"new\""), ..page(&new) });
    place.fetched(&[]);
    place.is_whole(&files);
    assert_eq!(server.seen().pop().unwrap().status, 200);
    // Without an ETag the digest tells, and it is fetched once more in one piece.
    let server = Server::new(&[("/a", Page { cuts: vec![90_000], ..page(&old) })]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    error_line(&place.fetch(&["--retries", "0"]), 1);
    server.set("/a", page(&new));
    place.fetched(&[]);
    place.is_whole(&files);
    let statuses: Vec<_> = server.seen().iter().map(|s| s.status).collect();
    assert_eq!(statuses, [200, 206, 200]);
}

#[test]
fn a_stalled_download_goes_on_and_so_does_one_that_moved() {
    let body = random(200_000, 11);
    let files: [Content; 1] = [("a", &body, true)];
    let server = Server::new(&[("/a", Page { etag: Some("\"v1\""), stall: Some(120_000), ..page(&body) })]);
    server.set("/moved", Page { moved_to: Some(server.url("/a")), ..Page::default() });
    let place = Place::new(&source("raw", &[server.url("/moved")]), &files);
    place.fetched(&["--timeout", "500ms", "--retries", "50"]);
    place.is_whole(&files);
    let ranges: Vec<_> = server.seen().into_iter().filter(|s| s.path == "/a").map(|s| s.range).collect();
    assert_eq!((ranges.first(), ranges.last()), (Some(&None), Some(&Some("bytes=120000-".to_string()))));
}

#[test]
fn a_server_that_ignores_ranges_sends_everything_again() {
    let body = random(150_000, 6);
    let files: [Content; 1] = [("a", &body, true)];
    let server = Server::new(&[("/a", Page { no_ranges: true, cuts: vec![60_000], ..page(&body) })]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    place.fetched(&[]);
    place.is_whole(&files);
    let seen = server.seen();
    assert_eq!(
        (seen[1].range.as_deref(), seen[1].status, seen[1].sent),
        (Some("bytes=60000-"), 200, body.len())
    );
}

#[test]
fn errors_are_tried_again_and_then_the_next_address() {
    let body = text(10_000);
    let files: [Content; 1] = [("a", &body, true)];
    let server = Server::new(&[
        ("/busy/a", Page { errors: vec![503, 500], ..page(&body) }),
        ("/dead/a", Page { errors: vec![502; 100], ..page(&body) }),
        ("/good/a", page(&body)),
    ]);
    let place = Place::new(&source("raw", &[server.url("/busy/a"), server.url("/good/a")]), &files);
    assert_eq!(place.fetched(&[])[0]["origin"], server.url("/busy/a"));
    let before = server.seen().len();
    assert_eq!(before, 3);
    let place = Place::new(&source("raw", &[server.url("/dead/a"), server.url("/good/a")]), &files);
    assert_eq!(place.fetched(&["--retries", "2"])[0]["origin"], server.url("/good/a"));
    place.is_whole(&files);
    let paths: Vec<_> = server.seen()[before..].iter().map(|s| s.path.clone()).collect();
    assert_eq!(paths, ["/dead/a", "/dead/a", "/dead/a", "/good/a"]);
    // A source that packs otherwise comes after all addresses of the first; a mirror before them.
    let sources = source("raw", &[server.url("/none/a")]) + &source("raw", &[server.url("/good/a")]);
    let place = Place::new(&sources, &files);
    place.fetched(&["--mirror", &server.url("/absent/")]);
    place.is_whole(&files);
    let paths: Vec<_> = server.seen()[before + 4..].iter().map(|s| s.path.clone()).collect();
    assert_eq!(paths, ["/absent/a", "/none/a", "/absent/a", "/good/a"]);
}

#[test]
fn what_is_not_as_listed_never_appears() {
    let (good, bad) = (text(20_000), random(20_000, 7));
    let mut longer = good.clone();
    longer.extend_from_slice(b"and more");
    let server = Server::new(&[
        ("/bad", page(&bad)),
        ("/short", page(&good[..100])),
        ("/longer", page(&longer)),
        ("/endless", Page { no_length: true, ..page(&random(5 << 20, 8)) }),
        ("/huge", page(&random(5 << 20, 8))),
        ("/bomb.gz", page(&gz(&vec![0; 20 << 20]))),
        ("/torn.gz", page(&gz(&bad)[..15_000])),
        ("/good", page(&good)),
    ]);
    for (pack, path, part) in [
        ("raw", "/bad", "SHA-256"),
        ("raw", "/short", "100 bytes, listed are 20000"),
        ("raw", "/longer", "more than the listed 20000 bytes"),
        ("raw", "/endless", "sends more than"),
        ("raw", "/huge", "announces more than"),
        ("gz", "/bomb.gz", "more than the listed 20000 bytes"),
        ("gz", "/torn.gz", "cannot be unpacked"),
        ("zip", "/bad", "zip archive"),
        ("tar.gz", "/bad", "tar archive"),
    ] {
        let files: [Content; 1] = [("a", &good, true)];
        let place = Place::new(&source(pack, &[server.url(path)]), &files);
        let line = error_line(&place.fetch(&[]), 3);
        assert!(line.contains(part) && line.contains(path) && line.contains("own: 1 of 1"), "{path}: {line}");
        assert!(!place.own().exists(), "{path}");
        // The next address is tried.
        let place =
            Place::new(&(source(pack, &[server.url(path)]) + &source("raw", &[server.url("/good")])), &files);
        place.fetched(&[]);
        place.is_whole(&files);
    }
    // An archive with a listed digest is not even opened where it differs.
    let sources = source("zip", &[server.url("/bad")]) + &format!("sha256 = \"{}\"\n", sha256(&good));
    let line = error_line(&Place::new(&sources, &[("a", &good, true)]).fetch(&[]), 3);
    assert!(line.contains("SHA-256"), "{line}");
}

#[test]
fn one_line_says_what_was_tried_and_what_to_do() {
    let server = Server::new(&[]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = format!("http://{closed}/{{name}}");
    let (a, b) = (text(100), text(200));
    let files: [Content; 2] = [("a", &a, true), ("b", &b, true)];
    let place = Place::new(&source("raw", &[nowhere, server.url("/{name}")]), &files);
    let line = error_line(&place.fetch(&[]), 1);
    for part in ["own: 2 of 2 files", "refused", "HTTP 404", &server.url("/b"), "--mirror", "--from DIR"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // A server that is not there is asked once, not for every file.
    assert_eq!(line.matches("refused").count(), 1, "{line}");
    // What came before the failure stays, and the rest is still to come.
    server.set("/a", page(&a));
    error_line(&place.fetch(&[]), 1);
    assert_eq!(names(&place.own()), ["a", "manifest.json"]);
    let corpora = place.dir.path().join("corpora");
    let output = lab()
        .args(["bench", "-o", arg(&place.dir.path().join("out")), "--no-memory", "--no-baselines"])
        .args(["--chain", "store", "--iterations", "1", arg(&corpora)])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.contains("own: 1 listed file is missing"), "{stderr}");
    server.set("/b", page(&b));
    place.fetched(&[]);
    place.is_whole(&files);
}

#[test]
fn a_digest_that_is_not_known_is_recorded_and_then_held_to() {
    let (first, other) = (text(5_000), random(5_000, 9));
    let files: [Content; 1] = [("a", &first, false)];
    let server = Server::new(&[("/a", page(&first))]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    let output = place.fetch(&[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("no published SHA-256 for 1"), "{stdout}");
    place.is_whole(&files);
    std::fs::remove_file(place.own().join("a")).unwrap();
    server.set("/a", page(&other));
    let line = error_line(&place.fetch(&[]), 3);
    assert!(line.contains(&sha256(&first)), "{line}");
    place.fetched(&["--force"]);
    place.is_whole(&[("a", &other, false)]);
}

#[test]
fn files_of_others_are_kept() {
    let body = text(1_000);
    let files: [Content; 1] = [("a", &body, true)];
    let server = Server::new(&[("/a", page(&body))]);
    let place = Place::new(&source("raw", &[server.url("/a")]), &files);
    std::fs::create_dir_all(place.own()).unwrap();
    file(&place.own(), "a", b"mine");
    let line = error_line(&place.fetch(&[]), 2);
    assert!(line.contains("--force"), "{line}");
    assert_eq!(std::fs::read(place.own().join("a")).unwrap(), b"mine");
    std::fs::remove_file(place.own().join("a")).unwrap();
    file(&place.own(), "manifest.json", b"{\"mine\": true}");
    error_line(&place.fetch(&[]), 2);
    assert!(server.seen().is_empty());
    place.fetched(&["--force"]);
    place.is_whole(&files);
}

#[test]
fn a_directory_serves_as_well_as_a_server() {
    let (a, b) = (text(30_000), random(2_000, 10));
    let files: [Content; 2] = [("a", &a, true), ("b", &b, true)];
    let sources = source("tar.gz", &["https://example.invalid/x/own.tar.gz".into()])
        + &source("bz2", &["https://example.invalid/{name}.bz2".into()]);
    let place = || Place::new(&sources, &files);
    let from = |fill: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        dir
    };
    let archive = gz(&tar(&[("a", &a), ("b", &b)]));
    for dir in [
        from(&|d| drop((file(d, "a", &a), file(d, "b", &b)))),
        from(&|d| drop(file(d, "own.tar.gz", &archive))),
        from(&|d| drop((file(d, "a", &a), file(d, "b.bz2", &bz2(&b))))),
        from(&|d| {
            std::fs::create_dir(d.join("own")).unwrap();
            file(&d.join("own"), "own.tar.gz", &archive);
        }),
        // What is wrong is passed over.
        from(&|d| drop((file(d, "a", &b), file(d, "own.tar.gz", &archive)))),
    ] {
        let place = place();
        place.fetched(&["--from", arg(dir.path())]);
        place.is_whole(&files);
    }
    let place = place();
    let empty = tempfile::tempdir().unwrap();
    let line = error_line(&place.fetch(&["--from", arg(empty.path())]), 1);
    assert!(line.contains(arg(empty.path())) && line.contains("2 of 2"), "{line}");
    let wrong = from(&|d| drop(file(d, "own.tar.gz", &archive[..archive.len() / 2])));
    error_line(&place.fetch(&["--from", arg(wrong.path())]), 3);
    error_line(&place.fetch(&["--from", "absent"]), 2);
}

#[test]
fn what_is_described_but_not_here_is_told_with_its_command() {
    let place = Place::new("", &[("a", b"content", true)]);
    let dir = place.dir.path();
    let listed = common::ok(["corpus", "list", arg(dir)]);
    let listed = String::from_utf8(listed).unwrap();
    assert!(
        listed.contains(&format!("lab corpus fetch --manifest {0}/own.toml -o {0}", arg(dir))),
        "{listed}"
    );
    let output = lab().current_dir(dir).args(["corpus", "list"]).output().unwrap();
    let known = String::from_utf8(output.stdout).unwrap();
    for name in ["calgary", "canterbury", "enwik8", "kodak", "pizzachili", "silesia"] {
        assert!(known.contains(&format!("lab corpus fetch {name}")), "{known}");
    }
    // The description itself is no sample.
    let json: serde_json::Value =
        serde_json::from_slice(&common::ok(["corpus", "list", "--json", arg(dir)])).unwrap();
    assert_eq!((json["samples"].as_array().unwrap().len(), &json["absent"][0]["corpus"]), (0, &"own".into()));
    let line = error_line(&common::run(["corpus", "fetch", "silesa"]), 2);
    assert!(line.contains("\"silesia\""), "{line}");
}

/// The files of real corpora, where there are some in LAB_CORPORA: the built-in descriptions know their
/// digests.
#[test]
fn real_corpora_are_what_the_descriptions_say() {
    let Some(from) = std::env::var_os("LAB_CORPORA") else {
        println!("LAB_CORPORA is not set: nothing was tried on real data");
        return;
    };
    let into = tempfile::tempdir().unwrap();
    let fetch = ["corpus", "fetch", "calgary", "canterbury", "-q", "-o", arg(into.path()), "--from"];
    common::ok(fetch.iter().map(std::ffi::OsStr::new).chain([from.as_os_str()]));
    common::ok(["corpus", "verify", "-q", arg(into.path())]);
    assert_eq!(names(&into.path().join("calgary")).len(), 19);
}
