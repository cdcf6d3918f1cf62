//! Sends random payload through a profile, its encoder and channels, and prints what comes back.
//!
//!     cargo run --release --example channel -- PROFILE FRAMES SEED [CHANNEL...]
//!
//! A channel is `clean` or arguments of ffmpeg between input and output; `;` joins steps, and a last one
//! that begins with `@` is applied while reading. In the environment, PARITY, STYLE and ENCODER choose what
//! the profile leaves open, and EXACT makes a frame that is not read an error.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lab_media::{Frame, PixelFormat, Shape};
use lab_video::modem::rgba::to_rgba;
use lab_video::modem::{Detection, FrameHeader, Kind, Modem, grey};
use lab_video::profile::{Pixels, Structure, by_name};

fn random(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn header(frame: usize) -> FrameHeader {
    FrameHeader {
        kind: Kind::Data,
        profile: 0,
        style: std::env::var("STYLE").map_or(0, |s| s.parse().unwrap()),
        parity: 0,
        stream_id: 0x1234_5678,
        frame: frame as u32,
        length: 0,
        group: frame as u32 / 64,
        index: frame as u16 % 64,
        data_frames: 56,
        parity_frames: 8,
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let profile = by_name(&arguments[0]).unwrap();
    let (frames, seed): (usize, u64) = (arguments[1].parse().unwrap(), arguments[2].parse().unwrap());
    let (width, height) = profile.size;
    let env = |name| std::env::var(name).ok();
    let parity = env("PARITY").map_or(profile.parity, |p| p.parse().unwrap());
    let modem = (profile.modem)(width, height, parity).unwrap();
    let wanted = env("ENCODER");
    let setting = profile.encoders.iter().find(|s| wanted.as_ref().is_none_or(|w| s.encoder.word() == w));
    let encoder = setting.expect("the profile has no settings for this encoder");
    let folder = std::env::temp_dir().join(format!("channel-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("clean.mp4");
    let size = format!("{width}x{height}");
    let pixels = if profile.pixels == Pixels::Rgba { "rgba" } else { "yuv420p" };
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", pixels, "-video_size", &size])
        .args(["-framerate", "30", "-i", "pipe:0", "-c:v", encoder.encoder.name()])
        .args(encoder.arguments)
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let grey = grey(modem.as_ref());
    let mut picture = grey.clone();
    let mut rgba = grey.clone();
    let (mut pictures, mut render) = (0, 0.0);
    let send = |pipe: &mut std::process::ChildStdin, picture: &Frame| pipe.write_all(picture.data()).unwrap();
    let payloads: Vec<Vec<u8>> =
        (0..frames).map(|i| random(seed * 1_000_003 + i as u64, modem.payload_len())).collect();
    for (i, payload) in payloads.iter().enumerate() {
        if let Structure::Grey { data, groups } = profile.structure {
            if i > 0 && i % (data * groups) == 0 {
                send(&mut pipe, &grey);
                pictures += 1;
            }
            if i % data == 0 {
                send(&mut pipe, &grey);
                pictures += 1;
            }
        }
        let start = Instant::now();
        modem.render(&header(i), payload, &mut picture);
        render += start.elapsed().as_secs_f64();
        if profile.pixels == Pixels::Rgba {
            to_rgba(&picture, &mut rgba).unwrap();
            send(&mut pipe, &rgba);
        } else {
            send(&mut pipe, &picture);
        }
        pictures += 1;
    }
    if matches!(profile.structure, Structure::Grey { .. }) {
        send(&mut pipe, &grey);
        pictures += 1;
    }
    drop(pipe);
    assert!(child.wait().unwrap().success());
    let bytes = std::fs::metadata(&file).unwrap().len();
    let net = modem.payload_len();
    println!(
        "{} {frames} frames, {pictures} pictures: {} bytes/frame, net {net}, V/P {:.4}, raw V/P {:.4}, render {:.0} fps",
        profile.name,
        bytes / frames as u64,
        bytes as f64 / (net * frames) as f64,
        bytes as f64 / (modem.codewords().coded() * frames) as f64,
        frames as f64 / render
    );
    for channel in &arguments[3..] {
        let mut now = file.clone();
        let mut view = "null";
        if channel != "clean" {
            for (i, step) in channel.split(';').enumerate() {
                if let Some(filter) = step.strip_prefix('@') {
                    view = filter;
                    continue;
                }
                let next = folder.join(format!("copy-{i}.mkv"));
                let status = Command::new("ffmpeg")
                    .args(["-v", "error", "-y", "-i"])
                    .arg(&now)
                    .args(step.split_whitespace())
                    .arg(&next)
                    .status()
                    .unwrap();
                assert!(status.success());
                now = next;
            }
        }
        let size = std::fs::metadata(&now).unwrap().len();
        print!("  {channel}: {} bytes/frame; ", size / frames as u64);
        judge(&now, view, modem.as_ref(), &payloads);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn judge(file: &Path, view: &str, modem: &dyn Modem, payloads: &[Vec<u8>]) {
    let filter = format!("{view},showinfo");
    let probe = Command::new("ffmpeg")
        .args(["-v", "info", "-i"])
        .arg(file)
        .args(["-vf", &filter, "-frames:v", "1", "-f", "null", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8(probe.stderr).unwrap();
    let size = text.split("] n:").nth(1).unwrap().split(" s:").nth(1).unwrap().split(' ').next().unwrap();
    let (width, height) = size.split_once('x').unwrap();
    let (width, height): (u32, u32) = (width.parse().unwrap(), height.parse().unwrap());
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-vf", view, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let mut picture = Frame::new(Shape { width, height, format: PixelFormat::Yuv420p });
    let (mut wrong, mut bits, mut worst_frame) = (0u64, 0u64, 0.0f64);
    let (mut right, mut lost, mut none, mut worst) = (0, 0, std::collections::BTreeMap::new(), 0);
    let (mut seconds, mut grid) = (0.0, None);
    while pipe.read_exact(picture.data_mut()).is_ok() {
        let start = Instant::now();
        let detection = modem.detect(&picture, grid);
        let took = start.elapsed().as_secs_f64();
        match detection {
            Detection::Frame { header, payload, margin, grid: found } => {
                assert_eq!(payload, payloads[header.frame as usize], "a wrong payload passed the checksum");
                right += 1;
                worst = worst.max(margin.worst);
                seconds += took;
                grid = Some(found);
            }
            Detection::Lost { margin, grid: found, .. } => {
                lost += 1;
                worst = worst.max(margin.worst);
                grid = Some(found);
                seconds += took;
            }
            Detection::None(refusal) => *none.entry(refusal.to_string()).or_insert(0) += 1,
        }
        if let Ok(received) = modem.demodulate(&picture, grid) {
            let sent =
                modem.codewords().encode(received.header.frame, &payloads[received.header.frame as usize]);
            let errors: u64 =
                sent.iter().zip(&received.coded).map(|(a, b)| u64::from((a ^ b).count_ones())).sum();
            wrong += errors;
            bits += 8 * sent.len() as u64;
            worst_frame = worst_frame.max(errors as f64 / (8 * sent.len()) as f64);
        }
    }
    child.wait().unwrap();
    println!(
        "right {right} of {}, lost {lost}, BER {:.2e}, worst frame {worst_frame:.2e}, worst word {worst} of {}, detect {:.0} fps, {none:?} {:?}",
        payloads.len(),
        wrong as f64 / bits as f64,
        modem.codewords().parity(),
        f64::from(right + lost) / seconds,
        grid.map(|g| (g.x.start, g.x.step, g.y.start, g.y.step)),
    );
    if std::env::var_os("EXACT").is_some() {
        assert_eq!(right as usize, payloads.len(), "not all frames were read");
    }
}
