//! What other programs make of our videos: ffmpeg decodes them bit-exactly and without a message, and its
//! copies into other containers read back. Needs ffmpeg and ffprobe (apt-get install ffmpeg).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;

use common::{assert_holds, fragmented, open_file, random, summary, tool, video};
use lab_codec::{ErrorKind, Lost};
use lab_video::exact::header::{End, Header, stream_id};
use lab_video::exact::size::{FrameSize, LADDER, LARGEST};
use lab_video::exact::whiten::FrameKey;

/// A 4:2:0 picture.
struct Picture {
    width: usize,
    planes: [Vec<u8>; 3],
}

impl Picture {
    fn new(size: FrameSize) -> Self {
        let luma = (size.width() * size.height()) as usize;
        Self { width: size.width() as usize, planes: [vec![0; luma], vec![0; luma / 4], vec![0; luma / 4]] }
    }

    fn put(&mut self, plane: usize, x: usize, y: usize, value: u8) {
        let stride = if plane == 0 { self.width } else { self.width / 2 };
        self.planes[plane][y * stride + x] = value;
    }

    /// The sample at a place that may lie outside.
    fn get(&self, plane: usize, x: isize, y: isize) -> Option<u32> {
        let stride = if plane == 0 { self.width } else { self.width / 2 };
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        Some(u32::from(self.planes[plane][y * stride + x]))
    }

    /// Fills a block of `side` samples at (`x`, `y`) by DC prediction (8.3.3.3, 8.3.4): with the mean of the
    /// samples above and left of its macroblock, which begins at `left` and `top`, in the block's columns and
    /// rows; of both sides where there are both, or only of the preferred one.
    fn predict(
        &mut self,
        plane: usize,
        [left, top]: [usize; 2],
        [x, y]: [usize; 2],
        side: usize,
        prefer: Side,
    ) {
        let above: Option<u32> = (0..side).map(|i| self.get(plane, (x + i) as isize, top as isize - 1)).sum();
        let before: Option<u32> =
            (0..side).map(|i| self.get(plane, left as isize - 1, (y + i) as isize)).sum();
        let n = side as u32;
        let value = match (prefer, above, before) {
            (Side::Both, Some(above), Some(before)) => (above + before + n) / (2 * n),
            (Side::Above | Side::Both, Some(sum), _)
            | (Side::Left | Side::Both, _, Some(sum))
            | (Side::Left, Some(sum), None)
            | (Side::Above, None, Some(sum)) => (sum + n / 2) / n,
            (_, None, None) => 128,
        };
        for (dx, dy) in (0..side).flat_map(|dy| (0..side).map(move |dx| (dx, dy))) {
            self.put(plane, x + dx, y + dy, value as u8);
        }
    }
}

/// Which neighbours predict a block.
#[derive(Clone, Copy)]
enum Side {
    Both,
    Above,
    Left,
}

/// The picture of a frame, from the rules of the format alone.
fn expected(header: &Header, payload: &[u8]) -> Picture {
    let mut content = header.to_bytes().to_vec();
    content.extend(payload);
    content.resize(content.len().div_ceil(384) * 384, 0);
    let key = FrameKey::new(header.frame);
    for (mb, bytes) in (0..).zip(content.chunks_mut(384)) {
        let from = if mb == 0 { 256 } else { 0 };
        key.apply(mb, from, &mut bytes[from..]);
    }
    let mut picture = Picture::new(header.size);
    let columns = usize::from(header.size.columns);
    for mb in 0..header.size.macroblocks() as usize {
        let (x, y) = (mb % columns * 16, mb / columns * 16);
        let Some(bytes) = content.get(384 * mb..384 * (mb + 1)) else {
            picture.predict(0, [x, y], [x, y], 16, Side::Both);
            let (x, y) = (x / 2, y / 2);
            for plane in [1, 2] {
                picture.predict(plane, [x, y], [x, y], 4, Side::Both);
                picture.predict(plane, [x, y], [x + 4, y], 4, Side::Above);
                picture.predict(plane, [x, y], [x, y + 4], 4, Side::Left);
                picture.predict(plane, [x, y], [x + 4, y + 4], 4, Side::Both);
            }
            continue;
        };
        for (i, &byte) in bytes.iter().enumerate() {
            match i {
                0..256 => picture.put(0, x + i % 16, y + i / 16, byte),
                _ => {
                    let plane = 1 + (i - 256) / 64;
                    let i = (i - 256) % 64;
                    picture.put(plane, x / 2 + i % 8, y / 2 + i / 8, byte);
                }
            }
        }
    }
    picture
}

/// The pictures of a stream.
fn expected_frames(content: &[u8]) -> Vec<u8> {
    let size = FrameSize::for_payload(content.len() as u64);
    let about = summary(content);
    let payloads: Vec<&[u8]> =
        if content.is_empty() { vec![&[]] } else { content.chunks(size.capacity()).collect() };
    let mut out = Vec::new();
    for (frame, payload) in payloads.iter().enumerate() {
        let last = frame + 1 == payloads.len();
        let mut header = Header {
            size,
            stream_id: stream_id(payloads[0], &about.name, &about.chain),
            frame: frame as u32,
            payload: payload.len() as u32,
            payload_crc: crc32c::crc32c(payload),
            name: String::new(),
            chain: String::new(),
            chain_cut: false,
            end: last.then_some(End { content: about.bytes, sha256: about.sha256 }),
        };
        header.set_texts(&about.name, &about.chain);
        expected(&header, payload).planes.iter().for_each(|plane| out.extend(plane));
    }
    out
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn ffmpeg_decodes_exactly_the_samples_that_were_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut contents = vec![vec![], vec![0; 10_000], vec![0xFF; 300]];
    for size in LADDER {
        contents.extend([size.capacity() / 2 + 77, size.capacity()].map(|length| random(8, length)));
    }
    contents.push(random(9, 2 * LARGEST.capacity() + 1));
    for (i, content) in contents.iter().enumerate() {
        for (kind, bytes) in [("plain", video(content)), ("fragmented", fragmented(content))] {
            let path = directory.path().join(format!("{i}-{kind}.mp4"));
            std::fs::write(&path, bytes).unwrap();
            let arguments = ["-i", text(&path), "-f", "rawvideo", "-"];
            let decoded = tool("ffmpeg", &arguments);
            let expected = expected_frames(content);
            let at = decoded.iter().zip(&expected).position(|(a, b)| a != b);
            let lengths = (decoded.len(), expected.len());
            assert!(
                at.is_none() && lengths.0 == lengths.1,
                "{kind}, {} bytes: {at:?} of {lengths:?}",
                content.len()
            );
        }
    }
}

#[test]
fn copies_into_other_containers_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let copies: [(&str, &[&str]); 8] = [
        ("plain.mp4", &[]),
        ("faststart.mp4", &["-movflags", "+faststart"]),
        ("stripped.mp4", &["-map_metadata", "-1", "-fflags", "+bitexact"]),
        ("fragmented.mp4", &["-movflags", "frag_keyframe+empty_moov"]),
        ("dash.mp4", &["-movflags", "frag_keyframe+empty_moov+default_base_moof"]),
        ("mixed.mp4", &["-movflags", "frag_keyframe"]),
        ("plain.mkv", &[]),
        ("stripped.mkv", &["-map_metadata", "-1"]),
    ];
    for length in [0, 4096, 200_000, 2 * LARGEST.capacity() + 5] {
        let content = random(4, length);
        for (kind, bytes) in [("a", video(&content)), ("b", fragmented(&content))] {
            let original = directory.path().join(format!("{length}{kind}.mp4"));
            std::fs::write(&original, bytes).unwrap();
            assert_holds(&original, &content);
            for (name, options) in copies {
                let copy = directory.path().join(format!("{length}{kind}-{name}"));
                tool("ffmpeg", &[&["-i", text(&original), "-c", "copy"], options, &[text(&copy)]].concat());
                assert_holds(&copy, &content);
                // A copy of the copy, back to MP4.
                let back = directory.path().join(format!("{length}{kind}-{name}-back.mp4"));
                tool("ffmpeg", &["-i", text(&copy), "-c", "copy", text(&back)]);
                assert_holds(&back, &content);
            }
        }
    }
}

#[test]
fn metadata_is_shown_by_ffprobe() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.mp4");
    let content = random(2, 5000);
    let about = summary(&content);
    std::fs::write(&path, video(&content)).unwrap();
    let entries =
        "format_tags=title,comment,encoder:stream=profile,level,pix_fmt,color_range,r_frame_rate,nb_frames";
    let shown = tool("ffprobe", &["-show_entries", entries, "-of", "default=nokey=0", text(&path)]);
    let shown = String::from_utf8(shown).unwrap();
    for line in [
        "profile=Constrained Baseline",
        "level=12",
        "pix_fmt=yuvj420p",
        "color_range=pc",
        "r_frame_rate=5/1",
        "nb_frames=1",
        "TAG:title=räksmörgås.tar",
        "TAG:encoder=lab video, profile exact",
        &format!("TAG:comment=chain: {}; bytes: 5000; sha256: {}", about.chain, about.sha256),
    ] {
        assert!(shown.lines().any(|l| l == line), "{line}\n{shown}");
    }
}

#[test]
fn frames_may_be_repeated_reordered_and_missing() {
    let directory = tempfile::tempdir().unwrap();
    let content = random(6, 3 * LARGEST.capacity() + 1234);
    let original = directory.path().join("original.mp4");
    std::fs::write(&original, video(&content)).unwrap();
    let mut parts = Vec::new();
    for i in 0..4 {
        let part = directory.path().join(format!("{i}.mp4"));
        let start = format!("{}", (f64::from(i) * 0.2 - 0.1).max(0.0));
        tool("ffmpeg", &["-i", text(&original), "-ss", &start, "-frames", "1", "-c", "copy", text(&part)]);
        parts.push(part);
    }
    let other = directory.path().join("other.mp4");
    std::fs::write(&other, video(&random(77, LARGEST.capacity()))).unwrap();
    let foreign = directory.path().join("foreign.mp4");
    tool("ffmpeg", &["-i", text(&other), "-c", "copy", text(&foreign)]);
    parts.push(foreign);
    let join = |name: &str, order: &[usize]| {
        let list = directory.path().join("list.txt");
        let lines: String = order.iter().map(|&i| format!("file '{}'\n", text(&parts[i]))).collect();
        std::fs::write(&list, lines).unwrap();
        let joined = directory.path().join(name);
        tool("ffmpeg", &["-f", "concat", "-safe", "0", "-i", text(&list), "-c", "copy", text(&joined)]);
        joined
    };
    for (i, order) in
        [&[0, 0, 1, 2, 2, 3][..], &[3, 1, 0, 2], &[0, 2, 1, 3], &[0, 1, 4, 2, 3]].iter().enumerate()
    {
        for kind in ["mp4", "mkv"] {
            assert_holds(&join(&format!("joined{i}.{kind}"), order), &content);
        }
    }
    let capacity = LARGEST.capacity() as u64;
    let missing = open_file(&join("missing.mp4", &[0, 2, 3])).unwrap();
    let mut back = vec![0xEE; content.len()];
    assert_eq!(missing.read_at(0, &mut back).unwrap(), vec![capacity..2 * capacity]);
    assert!(back[capacity as usize..][..capacity as usize].iter().all(|&byte| byte == 0));
    back[capacity as usize..][..capacity as usize]
        .copy_from_slice(&content[capacity as usize..][..capacity as usize]);
    assert!(back == content);

    let endless = open_file(&join("endless.mp4", &[0, 1, 2])).unwrap();
    assert_eq!(endless.summary(), None);
    assert_eq!(endless.len(), 3 * capacity + 1);
    assert_eq!(endless.read_at(5, &mut [0; 1000]).unwrap(), Lost::new());
    assert_eq!(endless.read_at(3 * capacity - 1, &mut [0; 2]).unwrap(), vec![3 * capacity..3 * capacity + 1]);
}

#[test]
fn a_foreign_video_holds_no_stream() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["foreign.mp4", "foreign.mkv"] {
        let path = directory.path().join(name);
        tool(
            "ffmpeg",
            &["-f", "lavfi", "-i", "testsrc=size=320x240:duration=1", "-c:v", "libx264", text(&path)],
        );
        let error = open_file(&path).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().starts_with("a video, but no lab stream was found in it: "), "{error}");
    }
}
