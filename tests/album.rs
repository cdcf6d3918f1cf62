//! `lab album` as users type it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::{arg, error_line, ok, random, run};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, Rgba};

/// A scene: a gradient with things in it; `shift` moves them.
fn scene(width: u32, height: u32, shift: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    ImageBuffer::from_fn(width, height, |x, y| {
        let thing = (x + shift) / 9 % 4 == y / 7 % 4;
        let base = (x * 255 / width) as u8;
        if thing { Rgb([base, (y * 255 / height) as u8, 90]) } else { Rgb([40, base, base / 2]) }
    })
}

/// A screen: areas of few colours, with a line of text that differs.
fn screen(number: u32) -> ImageBuffer<Rgba<u8>, Vec<u8>> {
    ImageBuffer::from_fn(160, 120, |x, y| match y {
        0..20 => Rgba([30, 60, 90, 255]),
        50..58 if (x * 7 + y * 3 + number * 11) % 5 < 2 => Rgba([0, 0, 0, 255]),
        _ if (x / 8 + y / 8) % 7 == 0 => Rgba([200, 210, 220, (x % 256) as u8]),
        _ => Rgba([250, 250, 250, 255]),
    })
}

fn save(dir: &Path, name: &str, picture: impl Into<DynamicImage>) {
    let (picture, path) = (picture.into(), dir.join(name));
    if !name.ends_with(".png") {
        return picture.save(path).unwrap();
    }
    // Deflated as most programs do it; what the fast way makes cannot be made again, and such files are kept.
    let file = std::io::BufWriter::new(File::create(path).unwrap());
    picture
        .write_with_encoder(PngEncoder::new_with_quality(
            file,
            CompressionType::Default,
            FilterType::Adaptive,
        ))
        .unwrap();
}

/// All paths below a folder, with what is there.
fn tree(root: &Path) -> BTreeMap<Vec<u8>, (Vec<u8>, u32, i64, i64)> {
    let (mut all, mut pending) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            if meta.is_dir() {
                pending.push(path.clone());
            }
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            all.insert(name, (content, meta.mode(), meta.mtime(), meta.mtime_nsec()));
        }
    }
    all
}

/// A folder with everything that is awkward.
fn awkward(dir: &Path) -> PathBuf {
    let root = dir.join("in");
    fs::create_dir_all(root.join("nested/deeper")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    for number in 0..5 {
        save(&root, &format!("screen{number}.png"), screen(number));
    }
    save(&root, "odd.png", scene(101, 67, 0));
    save(&root.join("nested"), "odd.png", scene(101, 67, 3));
    save(&root.join("nested/deeper"), "odd.bmp", scene(33, 31, 5));
    save(&root, "gray.png", DynamicImage::from(scene(64, 48, 1)).to_luma8());
    save(&root, "deep.png", DynamicImage::from(scene(50, 40, 1)).to_rgba16());
    save(&root, "plain.ppm", scene(40, 30, 2));
    save(&root, "scan.tiff", scene(40, 30, 2));
    save(&root, "photo.webp", scene(40, 30, 2));
    save(&root, "photo.jpg", scene(120, 90, 7));
    save(&root, "long.png", scene(5000, 3, 2));
    let jpeg = fs::read(root.join("photo.jpg")).unwrap();
    fs::write(root.join("broken.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    fs::write(root.join("again.jpg"), &jpeg).unwrap();
    fs::write(root.join("nothing.png"), b"").unwrap();
    fs::write(root.join("notes.txt"), "not a picture\n".repeat(50)).unwrap();
    fs::write(root.join("noise"), random(5000, 3)).unwrap();
    fs::write(
        root.join(std::ffi::OsStr::from_bytes(b"b\xFFd \n name.png")),
        fs::read(root.join("odd.png")).unwrap(),
    )
    .unwrap();
    fs::set_permissions(root.join("odd.png"), fs::Permissions::from_mode(0o600)).unwrap();
    let time = |seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    File::open(root.join("gray.png")).unwrap().set_modified(time(1_000_000_000)).unwrap();
    File::open(root.join("empty")).unwrap().set_modified(time(1_100_000_000)).unwrap();
    File::open(&root).unwrap().set_modified(time(1_200_000_000)).unwrap();
    root
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn every_file_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let root = awkward(dir.path());
    let (album, out, sidecar) = (dir.path().join("a.mkv"), dir.path().join("out"), dir.path().join("m"));
    let report = ok(["album", "pack", arg(&root), "-o", arg(&album), "--json", "--sidecar", arg(&sidecar)]);
    let report = json(&report);
    let broken = report["broken"].as_object().unwrap();
    assert_eq!(broken.keys().collect::<Vec<_>>(), ["broken.jpg", "nothing.png"], "{report}");
    assert!(report["same"].as_u64().unwrap() >= 2 && report["coded"].as_u64().unwrap() >= 8, "{report}");
    assert!(report["output_bytes"].as_u64() < report["input_bytes"].as_u64(), "{report}");
    ok(["album", "unpack", "-q", arg(&album), "-o", arg(&out)]);
    assert_eq!(tree(&root), tree(&out));
    assert_eq!(fs::metadata(&root).unwrap().mtime(), fs::metadata(&out).unwrap().mtime());
    ok(["album", "verify", "-q", arg(&album)]);

    // The folder is not overwritten unless that is asked for.
    assert!(error_line(&run(["album", "unpack", arg(&album), "-o", arg(&out)]), 2).contains("--force"));
    ok(["album", "unpack", "-q", "--force", arg(&album), "-o", arg(&out)]);
    assert_eq!(tree(&root), tree(&out));

    // The bytes of an album depend on nothing but the folder.
    let again = dir.path().join("again.mkv");
    ok(["album", "pack", "-q", arg(&root), "-o", arg(&again), "--threads", "1"]);
    assert!(fs::read(&album).unwrap() == fs::read(&again).unwrap(), "two albums of one folder differ");

    // An album whose manifest was lost comes back with a copy of it.
    let mut bytes = fs::read(&album).unwrap();
    let manifest = fs::read(&sidecar).unwrap();
    let at = bytes.windows(manifest.len()).position(|window| window == manifest).unwrap();
    bytes[at] ^= 1;
    fs::write(&again, &bytes).unwrap();
    error_line(&run(["album", "verify", "-q", arg(&again)]), 3);
    ok(["album", "verify", "-q", arg(&again), "--manifest", arg(&sidecar)]);
}

/// Rows of a PNG as PNG has them, by ffmpeg: a decoder that has nothing to do with ours.
fn by_ffmpeg(path: &Path, format: &str) -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-noautorotate", "-i"])
        .arg(path)
        .args(["-f", "rawvideo", "-pix_fmt", format, "-"])
        .output()
        .expect("apt-get install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn every_pixel_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let root = awkward(dir.path());
    let (album, out) = (dir.path().join("a.mkv"), dir.path().join("out"));
    for codec in ["auto", "native", "ffv1", "h264"] {
        ok([
            "album",
            "pack",
            "-q",
            "--force",
            arg(&root),
            "-o",
            arg(&album),
            "--mode",
            "lossless-pixels",
            "--codec",
            codec,
        ]);
        ok(["album", "unpack", "-q", "--force", arg(&album), "-o", arg(&out)]);
        let (before, after) = (tree(&root), tree(&out));
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (name, (content, mode, ..)) in &before {
            let text = String::from_utf8_lossy(name).into_owned();
            assert_eq!(*mode, after[name].1, "{text}");
            if !text.ends_with(".png") || content.is_empty() {
                assert!(*content == after[name].0, "{codec} {text}");
            }
        }
        for (name, format) in [
            ("odd.png", "rgb24"),
            ("screen2.png", "rgba"),
            ("gray.png", "gray"),
            ("deep.png", "rgba64le"),
            ("long.png", "rgb24"),
        ] {
            assert!(
                by_ffmpeg(&root.join(name), format) == by_ffmpeg(&out.join(name), format),
                "{codec} {name}"
            );
        }
        ok(["album", "verify", "-q", arg(&album)]);
    }
}

#[test]
fn one_of_many_costs_few() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir(&root).unwrap();
    for number in 0..40 {
        save(&root, &format!("{number:03}.png"), screen(number));
    }
    let (album, out) = (dir.path().join("a.mkv"), dir.path().join("one.png"));
    for codec in ["auto", "ffv1"] {
        if codec == "ffv1" {
            // The same noise in all channels: FFV1 codes it once, PNG three times.
            for number in 0..40_u32 {
                let noise = random(96 * 64, number.into());
                let noisy = ImageBuffer::from_fn(96, 64, |x, y| {
                    Rgb([(x * 2 + y) as u8 ^ noise[(y * 96 + x) as usize] & 31; 3])
                });
                save(&root, &format!("{number:03}.png"), noisy);
            }
        }
        ok(["album", "pack", "-q", "--force", arg(&root), "-o", arg(&album), "--codec", codec]);
        for number in [0, 17, 39] {
            let name = format!("{number:03}.png");
            let report = ok(["album", "extract", arg(&album), &name, "--force", "-o", arg(&out), "--json"]);
            let decoded = json(&report)["decoded_pictures"].as_u64().unwrap();
            assert!((1..=16).contains(&decoded), "{codec} {decoded}");
            assert!(fs::read(&out).unwrap() == fs::read(root.join(&name)).unwrap(), "{codec} {name}");
        }
    }
    let list = json(&ok(["album", "list", arg(&album), "--json"]));
    assert_eq!(list["files"].as_array().unwrap().len(), 40);
    assert_eq!((&list["files"][3]["width"], &list["files"][3]["channels"]), (&96.into(), &3.into()));
    assert!(error_line(&run(["album", "extract", arg(&album), "040.png"]), 2).contains("lab album list"));
}

#[test]
fn all_orientations_and_metadata_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir(&root).unwrap();
    save(&root, "base.jpg", scene(96, 80, 4));
    let base = fs::read(root.join("base.jpg")).unwrap();
    for orientation in 1..=8_u8 {
        // An EXIF segment with nothing but an orientation, little-endian.
        let tiff = [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]]
            .concat();
        let mut jpeg = base[..2].to_vec();
        jpeg.extend_from_slice(&[0xFF, 0xE1]);
        jpeg.extend_from_slice(&(tiff.len() as u16 + 8).to_be_bytes());
        jpeg.extend_from_slice(b"Exif\0\0");
        jpeg.extend_from_slice(&tiff);
        jpeg.extend_from_slice(&base[2..]);
        fs::write(root.join(format!("turned{orientation}.jpg")), jpeg).unwrap();
    }
    let (album, out) = (dir.path().join("a.mkv"), dir.path().join("out"));
    ok(["album", "pack", "-q", arg(&root), "-o", arg(&album)]);
    let list = json(&ok(["album", "list", arg(&album), "--json"]));
    for orientation in 1..=8 {
        assert_eq!(list["files"][orientation]["orientation"], orientation);
    }
    ok(["album", "unpack", "-q", arg(&album), "-o", arg(&out)]);
    assert_eq!(tree(&root), tree(&out));
    // Pictures that only look the same keep their orientation, too.
    ok([
        "album",
        "pack",
        "-q",
        "--force",
        arg(&root),
        "-o",
        arg(&album),
        "--mode",
        "visual",
        "--crf",
        "5",
        "--codec",
        "h264",
    ]);
    ok(["album", "unpack", "-q", "--force", arg(&album), "-o", arg(&out)]);
    let list = json(&ok(["album", "list", arg(&album), "--json"]));
    for (at, orientation) in (1..=8).enumerate() {
        let file = &list["files"][at + 1];
        let name = file["restored"].as_str().unwrap_or(file["path"].as_str().unwrap());
        let mut decoder = image::ImageReader::open(out.join(name)).unwrap().into_decoder().unwrap();
        let turned = image::ImageDecoder::orientation(&mut decoder).unwrap();
        assert_eq!(turned.to_exif(), orientation, "{name}");
    }
}

#[test]
fn pictures_that_look_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir(&root).unwrap();
    for number in 0..3 {
        save(&root, &format!("scene{number}.png"), scene(128, 97, number));
    }
    save(&root, "alpha.png", screen(1));
    save(&root, "tiny.png", scene(5, 5, 0));
    save(&root, "deep.png", DynamicImage::from(scene(64, 64, 1)).to_rgb16());
    save(&root, "scene0.bmp", scene(128, 97, 9));
    let (album, out) = (dir.path().join("a.mkv"), dir.path().join("out"));
    let pack = ["album", "pack", arg(&root), "-o", arg(&album), "--force", "--mode", "visual", "--json"];
    for codec in ["h264", "h265", "av1"] {
        let report = json(&ok([&pack[..], &["--codec", codec, "--target", "70", "--floor", "60"]].concat()));
        if let Some(least) = report["least_score"].as_f64() {
            assert!(least >= 60.0, "{codec}: {report}");
        }
        assert!(report["output_bytes"].as_u64() < report["input_bytes"].as_u64(), "{codec}: {report}");
        ok(["album", "unpack", "-q", "--force", arg(&album), "-o", arg(&out)]);
        ok(["album", "verify", "-q", arg(&album)]);
        assert!(by_ffmpeg(&root.join("deep.png"), "rgb48le") == by_ffmpeg(&out.join("deep.png"), "rgb48le"));
        assert!(by_ffmpeg(&root.join("tiny.png"), "rgb24") == by_ffmpeg(&out.join("tiny.png"), "rgb24"));
        // Alpha is never lossy.
        let alpha = |path: &Path| by_ffmpeg(path, "rgba").chunks(4).map(|pixel| pixel[3]).collect::<Vec<_>>();
        assert!(alpha(&root.join("alpha.png")) == alpha(&out.join("alpha.png")), "{codec}");
        // A name that would clash is another one.
        let names: Vec<_> = tree(&out).into_keys().map(|name| String::from_utf8(name).unwrap()).collect();
        assert!(names.contains(&"scene0.png".to_string()), "{names:?}");
        assert_eq!(names.iter().filter(|name| name.starts_with("scene0.")).count(), 2, "{names:?}");
        fs::remove_dir_all(&out).unwrap();
    }
    let both = run([&pack[..], &["--crf", "20", "--qp", "20"]].concat());
    assert!(error_line(&both, 2).contains("crf and qp"));
    let lossless = run(["album", "pack", arg(&root), "-o", arg(&album), "--force", "--codec", "av1"]);
    assert!(error_line(&lossless, 2).contains("--mode visual"));
}

#[test]
fn no_picture_pays_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("a.mkv");
    // A quiet picture, then a busy one, which an encoder of films would code worse.
    let noise = random(3 * 256 * 192, 7);
    let sample = |number: u32, x: u32, y: u32, i: u32| -> u8 {
        let noise = noise[(3 * (y * 256 + x) + i) as usize];
        (x / 3 + y / 4) as u8
            + if number == 0 { noise % 6 } else { noise % 40 + ((x / 7 + y / 5) % 2 * 60) as u8 }
    };
    let names = ["quiet.png", "busy.png"];
    for (folder, held) in [("quiet", &[0][..]), ("busy", &[1]), ("both", &[0, 1])] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        for number in held {
            let picture =
                ImageBuffer::from_fn(
                    256,
                    192,
                    |x, y| Rgb([0, 1, 2].map(|i| sample(*number as u32, x, y, i))),
                );
            save(&dir.path().join(folder), names[*number], picture);
        }
    }
    for codec in ["h264", "h265"] {
        let scores = |folder: &str| -> BTreeMap<String, f64> {
            let root = dir.path().join(folder);
            let how = ["--mode", "visual", "--order", "name", "--codec", codec, "--crf", "30"];
            ok([&["album", "pack", "-q", "--force", arg(&root), "-o", arg(&album)], &how[..]].concat());
            let list = json(&ok(["album", "list", arg(&album), "--json"]));
            let files = list["files"].as_array().unwrap().iter();
            files.map(|f| (f["path"].as_str().unwrap().to_string(), f["score"].as_f64().unwrap())).collect()
        };
        let (both, alone) = (scores("both"), [scores("quiet"), scores("busy")]);
        for (name, score) in alone.iter().flatten() {
            assert!(
                (both[name] - score).abs() < 2.0,
                "{codec} {name}: {score} alone, {} in company",
                both[name]
            );
        }
    }
}

#[test]
fn more_pictures_than_one_part_holds() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir(&root).unwrap();
    for number in 0..20_u32 {
        let noise = random(3 * 128 * 96, number.into());
        let noisy = ImageBuffer::from_fn(128, 96, |x, y| {
            let at = 3 * (y * 128 + x);
            Rgb([0, 1, 2].map(|i| (x / 2 + y / 2 + 5 * number) as u8 + noise[(at + i) as usize] % 8))
        });
        save(&root, &format!("{number:03}.png"), noisy);
    }
    let (album, out) = (dir.path().join("a.mkv"), dir.path().join("one.png"));
    for codec in ["av1", "h264"] {
        let pack = ["album", "pack", arg(&root), "-o", arg(&album), "--force", "--mode", "visual", "--json"];
        let report = json(&ok([&pack[..], &["--codec", codec, "--target", "60", "--floor", "40"]].concat()));
        assert_eq!((&report["video"], &report["groups"]), (&20.into(), &1.into()), "{codec}: {report}");
        assert!(report["mean_score"].as_f64() >= Some(60.0), "{codec}: {report}");
        // Each picture has its own samples, and all of them are nearly all of the album.
        let list = json(&ok(["album", "list", arg(&album), "--json"]));
        let sizes =
            list["files"].as_array().unwrap().iter().map(|file| file["album_bytes"].as_u64().unwrap());
        let sizes: Vec<u64> = sizes.collect();
        let (sum, whole) = (sizes.iter().sum::<u64>(), report["output_bytes"].as_u64().unwrap());
        assert!(sum < whole && sum + 6000 > whole, "{codec}: {sum} of {whole}");
        assert_ne!(sizes.iter().min(), sizes.iter().max(), "{codec}");
        for number in [0, 15, 16, 19] {
            let name = format!("{number:03}.png");
            let report = ok(["album", "extract", arg(&album), &name, "--force", "-o", arg(&out), "--json"]);
            let decoded = json(&report)["decoded_pictures"].as_u64().unwrap();
            assert!((1..=16).contains(&decoded), "{codec} {decoded}");
            // This picture and no other: what is below the noise is told by the level of each.
            let mean = |path: &Path| {
                let samples = by_ffmpeg(path, "gray");
                samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / samples.len() as f64
            };
            let difference = mean(&out) - mean(&root.join(&name));
            assert!(difference.abs() < 1.0, "{codec} {name}: {difference}");
        }
    }
}

#[test]
fn a_slide_show_is_a_video() {
    let dir = tempfile::tempdir().unwrap();
    let root = awkward(dir.path());
    let (album, html, out) = (dir.path().join("a.mkv"), dir.path().join("a.html"), dir.path().join("out"));
    ok([
        "album",
        "pack",
        "-q",
        arg(&root),
        "-o",
        arg(&album),
        "--playable",
        "--seconds",
        "3",
        "--html",
        arg(&html),
    ]);
    let probe = |path: &Path| {
        let output = std::process::Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "v", "-show_streams", "-show_format", "-count_frames"])
            .args(["-of", "json"])
            .arg(path)
            .output()
            .expect("apt-get install ffmpeg");
        json(&output.stdout)
    };
    let shown = probe(&album);
    let video = &shown["streams"][0];
    assert_eq!(
        (&video["codec_name"], &video["pix_fmt"], &video["color_space"], &video["color_range"]),
        (&"h264".into(), &"yuv420p".into(), &"bt709".into(), &"tv".into()),
        "{shown}"
    );
    let pictures = json(&ok(["album", "list", arg(&album), "--json"]))["slide_show"].as_u64().unwrap();
    assert_eq!(video["nb_read_frames"], pictures.to_string());
    let duration: f64 = shown["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert_eq!(duration, 3.0 * pictures as f64);
    // Browsers play the first video, so that it comes before those that pictures come back from.
    let both = dir.path().join("both.mkv");
    let visual = ["--mode", "visual", "--codec", "nvenc", "--crf", "30", "--playable", "-q"];
    ok([&["album", "pack", arg(&root), "-o", arg(&both)], &visual[..]].concat());
    let both = probe(&both);
    assert!(both["streams"].as_array().unwrap().len() > 1, "{both}");
    for key in ["width", "height", "pix_fmt", "nb_read_frames"] {
        assert_eq!(both["streams"][0][key], video[key], "{both}");
    }
    let page = fs::read_to_string(&html).unwrap();
    assert_eq!(page.matches("<figure>").count() as u64, pictures);
    assert!(page.matches("data:image/jpeg;base64,").count() as u64 >= 2 * pictures - 4, "few thumbnails");
    ok(["album", "unpack", "-q", arg(&album), "-o", arg(&out)]);
    assert_eq!(tree(&root), tree(&out));
}

#[test]
fn bad_input_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = awkward(dir.path());
    let album = dir.path().join("a.mkv");
    let failed = run(["album", "pack", arg(&root), "-o", arg(&album), "--broken", "fail"]);
    assert!(error_line(&failed, 3).contains("broken.jpg") && !album.exists());
    let file = root.join("notes.txt");
    assert!(error_line(&run(["album", "pack", arg(&file), "-o", arg(&album)]), 2).contains("folder"));
    assert!(error_line(&run(["album", "verify", arg(&file)]), 3).contains("Matroska"));
    std::os::unix::fs::symlink("/etc/passwd", root.join("link.png")).unwrap();
    let report = json(&ok(["album", "pack", arg(&root), "-o", arg(&album), "--json"]));
    assert_eq!(report["left_out"], serde_json::json!(["link.png"]));
    // Cut or damaged anywhere, an album is refused or loses files by name; nothing else happens.
    let bytes = fs::read(&album).unwrap();
    let bad = dir.path().join("bad.mkv");
    for part in 0..12 {
        let at = bytes.len() * part / 12 + 3;
        fs::write(&bad, &bytes[..at]).unwrap();
        assert_eq!(run(["album", "verify", "-q", arg(&bad)]).status.code(), Some(3), "cut at {at}");
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(&bad, &damaged).unwrap();
        let code = run(["album", "verify", "-q", arg(&bad)]).status.code();
        assert!(matches!(code, Some(0 | 3 | 5)), "damaged at {at}: {code:?}");
    }
}

#[test]
fn nothing_leaves_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir_all(root.join("xx")).unwrap();
    fs::write(root.join("xx/evil"), "e").unwrap();
    let (album, crafted, out) = (dir.path().join("a.mkv"), dir.path().join("b.mkv"), dir.path().join("out"));
    let sidecar = dir.path().join("m");
    ok(["album", "pack", "-q", arg(&root), "-o", arg(&album), "--sidecar", arg(&sidecar)]);
    // The manifest of an album that names what it should not, by the rules of its format.
    let manifest = fs::read(&sidecar).unwrap();
    let raw = zstd::bulk::decompress(&manifest[18..], 1 << 20).unwrap();
    let at = raw.windows(7).position(|window| window == b"xx/evil").unwrap();
    for path in [&b"../evil"[..], b"/x/evil", b"x//evil", b"./xevil", b"xx/\0vil"] {
        let mut raw = raw.clone();
        raw[at..at + 7].copy_from_slice(path);
        let mut bytes = manifest[..18].to_vec();
        bytes.extend_from_slice(&zstd::bulk::compress(&raw, 1).unwrap());
        fs::write(&crafted, bytes).unwrap();
        let output = run(["album", "unpack", arg(&album), "--manifest", arg(&crafted), "-o", arg(&out)]);
        assert!(error_line(&output, 3).contains("would not stay in the folder"));
        assert!(!out.exists() && !dir.path().join("evil").exists());
    }
    // Nor does it go through a link that is already there.
    fs::create_dir(&out).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, out.join("xx")).unwrap();
    let output = run(["album", "unpack", arg(&album), "--force", "-o", arg(&out)]);
    assert!(error_line(&output, 2).contains("xx"));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn sizes_beside_others() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir(&root).unwrap();
    for number in 0..6 {
        save(&root, &format!("{number}.png"), screen(number));
    }
    let chart = dir.path().join("sizes.svg");
    let report = json(&ok(["album", "compare", arg(&root), "--json", "--chart", arg(&chart)]));
    let sizes = report["sizes"].as_array().unwrap();
    let of = |what: &str| sizes.iter().find(|row| row["what"] == what).unwrap()["bytes"].as_u64().unwrap();
    // The same screen six times: what is the same costs nothing.
    assert!(of("album") * 2 < of("zip"), "{report}");
    assert!(fs::read_to_string(&chart).unwrap().contains("<svg"));
    // In the order of names, screens of two kinds alternate; brought together, they take less.
    for number in 0..12_u32 {
        let mut other = screen(number);
        image::imageops::invert(&mut other);
        save(&root, &format!("{number}b.png"), if number % 2 == 0 { other } else { screen(number + 20) });
    }
    let bytes = |order: &str| {
        let album = dir.path().join("a.mkv");
        let report =
            ok(["album", "pack", arg(&root), "-o", arg(&album), "--force", "--json", "--order", order]);
        json(&report)["output_bytes"].as_u64().unwrap()
    };
    assert!(bytes("similar") < bytes("name"));
}

#[test]
fn formats_are_told_by_their_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("in");
    fs::create_dir(&root).unwrap();
    // A PNG that is called something else is a picture all the same.
    let mut bytes = std::io::Cursor::new(Vec::new());
    scene(40, 30, 0).write_to(&mut bytes, ImageFormat::Png).unwrap();
    fs::write(root.join("no ending"), bytes.into_inner()).unwrap();
    let album = dir.path().join("a.mkv");
    let report = json(&ok(["album", "pack", arg(&root), "-o", arg(&album), "--json"]));
    assert_eq!((&report["pictures"], &report["broken"]), (&1.into(), &serde_json::json!({})));
}
