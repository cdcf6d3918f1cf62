//! Video in git as people use it: import, git itself as the judge, export, clones, bisection, a stream in a
//! bundle.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::{arg, error_line, file, ok, random, run, text, tool};

const WIDTH: usize = 72;
const HEIGHT: usize = 50;
const FRAMES: usize = 14;

/// Frames with a ground that stays, a square that moves, and two stills; noise in a corner from `fault` on.
fn clip(fault: usize) -> Vec<u8> {
    let noise = random(WIDTH * HEIGHT * 3, 5);
    let mut bytes = Vec::new();
    for time in [0, 1, 2, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11_usize] {
        let number = bytes.len() / (WIDTH * HEIGHT * 3);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let inside = (3 * time..3 * time + 10).contains(&x) && (10..20).contains(&y);
                let broken = number >= fault && x < 20 && y < 12;
                for channel in 0..3 {
                    let ground =
                        (x + 2 * y + 40 * channel + usize::from(noise[(y * WIDTH + x) * 3 + channel] >> 5))
                            as u8;
                    let other = noise[(y * WIDTH + x) * 3 + 2 - channel];
                    bytes.push(if broken {
                        other
                    } else if inside {
                        255 - ground
                    } else {
                        ground
                    });
                }
            }
        }
    }
    bytes
}

/// Imports raw pixels into a new repository beside them.
fn imported(dir: &Path, name: &str, pixels: &[u8], more: &[&str]) -> PathBuf {
    let input = file(dir, &format!("{name}.rgb"), pixels);
    let repository = dir.join(format!("{name}.git"));
    let raw = format!("{WIDTH}x{HEIGHT}@25");
    let mut args = vec!["gvcf", "import", "-q", "--raw", &raw, arg(&input), "--repo", arg(&repository)];
    args.extend(more);
    ok(args);
    repository
}

/// Runs git in a repository; it must succeed.
#[track_caller]
fn git(repository: &Path, args: &[&str]) -> String {
    let mut all = vec!["-C", arg(repository)];
    all.extend(args);
    let output = tool("git", &all);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The one line of an error, which begins as the format's description promises.
#[track_caller]
fn refusal(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let mut renamed = output.clone();
    renamed.stderr = format!("lab: {text}").into_bytes();
    error_line(&renamed, code).strip_prefix("Error: ").unwrap_or_else(|| panic!("{text:?}")).to_string()
}

#[test]
fn git_is_content_and_frames_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let pixels = clip(FRAMES);
    for types in ["auto", "classic", "2", "3", "4", "5", "6"] {
        let repository = imported(dir.path(), types, &pixels, &["--types", types, "--key", "5"]);
        git(&repository, &["fsck", "--strict", "--full"]);
        assert_eq!(git(&repository, &["rev-list", "--count", "main"]), (FRAMES + 1).to_string());
        assert_eq!(git(&repository, &["ls-tree", "--name-only", "main"]), "frame.bin");
        let out = dir.path().join(format!("{types}.out.rgb"));
        ok(["gvcf", "export", "-q", "--repo", arg(&repository), arg(&out)]);
        assert!(std::fs::read(&out).unwrap() == pixels, "{types}");
        ok(["gvc", "verify", "-q", "--repo", arg(&repository)]);
        // Frames that look alike share a blob.
        let rows = json(&ok(["gvcf", "log", "--repo", arg(&repository), "--json"]));
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), FRAMES);
        assert_eq!((&rows[3]["blob"], &rows[9]["blob"]), (&rows[2]["blob"], &rows[8]["blob"]));
        assert_ne!(rows[4]["blob"], rows[3]["blob"]);
        assert!(
            rows.iter().enumerate().all(|(i, row)| i as u64 - row["key"].as_u64().unwrap_or(i as u64) < 5)
        );
    }
    // The same frames have the same ids, wherever and whenever they are imported.
    let again = imported(dir.path(), "again", &pixels, &["--key", "5"]);
    assert_eq!(
        git(&again, &["rev-parse", "main"]),
        git(&dir.path().join("auto.git"), &["rev-parse", "main"])
    );
}

#[test]
fn branches_ranges_and_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let pixels = clip(FRAMES);
    let repository = imported(dir.path(), "a", &pixels, &[]);
    let at = arg(&repository);
    let input = dir.path().join("a.rgb");
    let import = ["gvcf", "import", "-q", "--raw", "72x50", arg(&input), "--repo", at];
    assert!(refusal(&run(import), 2).contains("use --force to replace it"));
    ok(import.iter().copied().chain(["--force", "--types", "classic", "--compat", "strict"]));
    ok(import.iter().copied().chain(["--branch", "short", "--frames", "3"]));
    let rows = json(&ok(["gvcf", "log", "--repo", at, "--branch", "short", "--json"]));
    assert_eq!(rows.as_array().unwrap().len(), 3);
    // Strictly as described, no blob serves two frames.
    let rows = json(&ok(["gvcf", "log", "--repo", at, "--range", "2..4", "--json"]));
    assert_ne!(rows[0]["blob"], rows[1]["blob"]);
    let out = dir.path().join("part.rgb");
    ok(["gvcf", "export", "-q", "--repo", at, "--range", "2..5", arg(&out)]);
    let frame = WIDTH * HEIGHT * 3;
    assert!(std::fs::read(&out).unwrap() == pixels[2 * frame..5 * frame]);
    let pictures = dir.path().join("pictures");
    ok(["gvcf", "export", "-q", "--repo", at, "--range", "12..", arg(&pictures)]);
    assert_eq!(std::fs::read_dir(&pictures).unwrap().count(), 2);
    // Pictures are a source again.
    let back = dir.path().join("back.git");
    ok(["gvcf", "import", "-q", arg(&pictures), "--repo", arg(&back)]);
    ok(["gvcf", "verify", "-q", "--repo", arg(&back)]);

    assert!(
        refusal(&run(["gvcf", "show-frame", "14", "--repo", at, "-o", "-"]), 3)
            .contains("the clip has 14 frames (GVC_ERROR_FORMAT)")
    );
    assert!(refusal(&run(["gvcf", "log", "--repo", arg(&pictures)]), 1).ends_with("(GVC_ERROR_GIT)"));
    assert!(refusal(&run(["gvcf", "export", "--repo", at, arg(&out)]), 2).contains("--force"));
    assert!(
        refusal(&run(["gvcf", "verify", "-q", "--strict-1080p", "--repo", at]), 3)
            .contains("instead of 1920x1080x3")
    );
    assert!(
        refusal(&run(["gvcf", "import", "nowhere.rgb", "--raw", "4x4", "--repo", at, "--branch", "b"]), 1)
            .contains("nowhere.rgb")
    );
    let name = ["gvcf", "import", "-q", "--raw", "72x50", arg(&input), "--repo", at, "--branch", "a..b"];
    assert!(refusal(&run(name), 2).contains("not a branch name"));
}

#[test]
fn a_frame_that_was_changed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let repository = imported(dir.path(), "a", &clip(FRAMES), &["--types", "2"]);
    // The third frame gets the blob of the second: all is well for git, but not by its digest.
    let stream = git(&repository, &["fast-export", "--no-data", "main"]);
    let blobs: Vec<&str> = stream.lines().filter(|line| line.ends_with(" frame.bin")).collect();
    let forged = stream.replace(blobs[2], blobs[1]).replace("refs/heads/main", "refs/heads/forged");
    let script = file(dir.path(), "stream", forged.as_bytes());
    let command = format!("git -C '{}' fast-import --quiet < '{}'", arg(&repository), arg(&script));
    assert!(tool("sh", &["-c", &command]).status.success());
    git(&repository, &["fsck", "--strict", "--full"]);
    ok(["gvcf", "verify", "-q", "--repo", arg(&repository)]);
    let told = refusal(&run(["gvcf", "verify", "-q", "--repo", arg(&repository), "--branch", "forged"]), 3);
    // The fourth frame looked like the third.
    assert!(told.contains("2 of 14"), "{told}");
    assert!(told.contains("frame 2: its pixels have the SHA-256"), "{told}");
}

#[test]
fn a_clone_without_blobs_fetches_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let pixels = clip(FRAMES);
    let repository = imported(dir.path(), "a", &pixels, &["--types", "4", "--key", "6"]);
    let clone = dir.path().join("clone.git");
    let url = format!("file://{}", arg(&repository));
    git(dir.path(), &["clone", "-q", "--bare", "--filter=blob:none", &url, arg(&clone)]);
    let missing = || {
        let objects = git(&clone, &["rev-list", "--objects", "--missing=print", "main"]);
        objects.lines().filter(|line| line.starts_with('?')).count()
    };
    let before = missing();
    let png = dir.path().join("f.png");
    ok(["gvcf", "show-frame", "--fetch", "8", "--repo", arg(&clone), "-o", arg(&png)]);
    // Frame 8 refers to 7, which refers to 6, a key frame.
    let rows = json(&ok(["gvcf", "log", "--repo", arg(&clone), "--range", "6..9", "--json"]));
    let references: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["reference"].as_u64()).collect();
    assert_eq!(references, [None, Some(6), Some(7)]);
    assert_eq!((before, missing()), (FRAMES - 2 + 2, FRAMES - 2 + 2 - 3));
    let whole = dir.path().join("g.png");
    ok(["gvcf", "show-frame", "8", "--repo", arg(&repository), "-o", arg(&whole)]);
    assert_eq!(std::fs::read(png).unwrap(), std::fs::read(whole).unwrap());
    let raw = dir.path().join("f.raw");
    ok(["gvcf", "show-frame", "--fetch", "8", "--repo", arg(&clone), "-o", arg(&raw)]);
    let size = WIDTH * HEIGHT * 3;
    assert!(std::fs::read(raw).unwrap() == pixels[8 * size..9 * size]);
}

#[test]
fn bisection_finds_the_first_broken_frame() {
    let dir = tempfile::tempdir().unwrap();
    let repository = imported(dir.path(), "a", &clip(9), &[]);
    let clone = dir.path().join("clone");
    git(dir.path(), &["clone", "-q", arg(&repository), arg(&clone)]);
    git(&clone, &["bisect", "start", "HEAD", "HEAD~13"]);
    // The frame at hand is the last of its history. A square that moved changes 200 pixels at most, the
    // fault 240.
    let script = format!(
        "n=$(($(git rev-list --count HEAD) - 2))\n\
         '{lab}' gvcf show-frame $n -o ../frame.png --force || exit 125\n\
         changed=$('{lab}' gvcf diff 0 $n --json | sed -n 's/.*\"changed_pixels\": \\([0-9]*\\).*/\\1/p')\n\
         test \"$changed\" -lt 220\n",
        lab = env!("CARGO_BIN_EXE_lab"),
    );
    let script = file(dir.path(), "test.sh", script.as_bytes());
    let said = git(&clone, &["bisect", "run", "sh", arg(&script)]);
    assert!(said.contains("is the first bad commit"), "{said}");
    let first = git(&clone, &["log", "-1", "--format=%s", "refs/bisect/bad"]);
    assert!(first.starts_with("Frame 000009 "), "{first}");
}

#[test]
fn what_ffmpeg_decodes_is_what_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let ffmpeg = |args: &[&str]| {
        let output = tool("ffmpeg", &[&["-v", "error", "-nostdin", "-y"], args].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let source = path("clip.mkv");
    let inputs = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=2", "-f", "lavfi", "-i", "sine=d=2"];
    let coders = ["-c:v", "mpeg4", "-q:v", "3", "-pix_fmt", "yuv420p", "-c:a", "flac", arg(&source)];
    ffmpeg(&[&inputs[..], &coders].concat());
    let repository = path("clip.git");
    ok(["gvcf", "import", "-q", arg(&source), "--repo", arg(&repository)]);
    let out = path("out.rgb");
    ok(["gvcf", "export", "-q", "--repo", arg(&repository), arg(&out)]);
    let raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "160x90", "-r", "10", "-i", arg(&out)];
    let hash = ["-f", "framehash", "-hash", "md5", "-"];
    let lines = |bytes: Vec<u8>| -> Vec<String> {
        let text = String::from_utf8(bytes).unwrap();
        let hashes = text.lines().filter(|line| !line.starts_with('#'));
        hashes.filter_map(|line| line.rsplit(',').next().map(|hash| hash.trim().to_string())).collect()
    };
    let ours = lines(ffmpeg(&[&raw[..], &hash].concat()));
    let theirs = lines(ffmpeg(&[&["-i", arg(&source), "-an", "-pix_fmt", "rgb24"][..], &hash].concat()));
    assert_eq!((ours.len(), &ours), (20, &theirs));
    // The first commit has the sound and what is common to all frames.
    let root = git(&repository, &["rev-list", "--max-parents=0", "main"]);
    let files = git(&repository, &["ls-tree", "--name-only", &root]);
    assert_eq!(files.lines().collect::<Vec<_>>(), [".gitattributes", "gvc.toml", "sound.mka"]);
    let about: toml::Table = git(&repository, &["show", &format!("{root}:gvc.toml")]).parse().unwrap();
    assert_eq!((about["width"].as_integer(), about["rate"].as_str()), (Some(160), Some("10/1")));
}

#[test]
fn a_stream_in_a_bundle_is_read_from_the_file_and_from_a_clone() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [("text", text(3_000_000)), ("noise", random(2_500_000, 3)), ("none", vec![])] {
        let input = file(dir.path(), name, &content);
        let bundle = dir.path().join(format!("{name}.bundle"));
        let chain = ["encode", "-q", "--chain", "zstd,gvcf", "--segment", "256K"];
        ok(chain.iter().copied().chain([arg(&input), "-o", arg(&bundle)]));
        let clone = dir.path().join(format!("{name}.clone"));
        git(dir.path(), &["clone", "-q", arg(&bundle), arg(&clone)]);
        git(&clone, &["fsck", "--strict", "--full"]);
        for medium in [&bundle, &clone] {
            assert!(ok(["decode", "-q", arg(medium), "-o", "-"]) == content, "{}", medium.display());
            if !content.is_empty() {
                let part = ok(["extract", arg(medium), "--range", "1234567..1234667"]);
                assert_eq!(part, content[1_234_567..1_234_667]);
            }
        }
    }
    // A frame in the middle is damaged: what is lost is known, and the rest comes back.
    let bundle = dir.path().join("noise.bundle");
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 1000].fill(0);
    let damaged = file(dir.path(), "damaged.bundle", &bytes);
    let out = dir.path().join("salvaged");
    let output = run(["decode", "--salvage", arg(&damaged), "-o", arg(&out)]);
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    let (content, salvaged) = (random(2_500_000, 3), std::fs::read(&out).unwrap());
    assert_eq!(salvaged.len(), content.len());
    let right = content.iter().zip(&salvaged).filter(|(a, b)| a == b).count();
    assert!((900_000..2_500_000).contains(&right), "{right}");
    // A bundle of something else is told so.
    let repository = imported(dir.path(), "clip", &clip(FRAMES), &["--frames", "2"]);
    assert!(error_line(&run(["decode", arg(&repository), "-o", "-"]), 3).contains("not a stream"));
}
