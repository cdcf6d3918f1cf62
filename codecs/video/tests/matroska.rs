//! Matroska files that ffmpeg does not write: block groups, unknown sizes, other tracks between.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{random, read_all, summary, video};
use lab_codec::ErrorKind;

/// An element; `id` with its length marker.
fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
    out.extend((content.len() as u64 | 1 << 56).to_be_bytes());
    out.extend(content);
    out
}

/// A Matroska file with the samples as `cluster` makes them, in a segment and cluster of unknown size.
fn matroska(codec: &[u8], cluster: &[u8]) -> Vec<u8> {
    let head = element(
        0x1A45_DFA3,
        &[element(0x4282, b"matroska"), element(0x4287, &[4]), element(0x4285, &[2])].concat(),
    );
    let info = element(0x1549_A966, &[element(0x4D80, b"test"), element(0x5741, b"test")].concat());
    let track = |number: u8, kind: u8, codec: &[u8]| {
        element(
            0xAE,
            &[
                element(0xD7, &[number]),
                element(0x73C5, &[number]),
                element(0x83, &[kind]),
                element(0x86, codec),
            ]
            .concat(),
        )
    };
    let tracks = element(0x1654_AE6B, &[track(1, 2, b"A_PCM/INT/LIT"), track(2, 1, codec)].concat());
    let unknown = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    [
        &head[..],
        &[0x18, 0x53, 0x80, 0x67],
        &unknown,
        &info,
        &tracks,
        &[0x1F, 0x43, 0xB6, 0x75],
        &unknown,
        cluster,
    ]
    .concat()
}

/// The content of a block.
fn block(track: u8, flags: u8, data: &[u8]) -> Vec<u8> {
    [&[0x80 | track, 0, 0, flags][..], data].concat()
}

#[test]
fn blocks_of_any_form_are_found() {
    let content = random(1, 3000);
    let file = video(&content);
    let start = 48;
    let size = 4 + u32::from_be_bytes(*file[start..].first_chunk().unwrap()) as usize;
    let sample = &file[start..start + size];
    let sound = element(0xA3, &block(1, 0x80, &[7; 500]));
    let forms = [
        element(0xA3, &block(2, 0x80, sample)),
        element(0xA0, &element(0xA1, &block(2, 0, sample))),
        element(0xA0, &[element(0xA1, &block(2, 0, sample)), element(0x9B, &[1, 2, 3])].concat()),
        element(0xA0, &[element(0x9B, &[1]), element(0xA1, &block(2, 0, sample))].concat()),
    ];
    for (i, form) in forms.iter().enumerate() {
        let cluster = [&element(0xE7, &[0])[..], &sound, form, &sound].concat();
        let (back, lost, about) = read_all(&matroska(b"V_MPEG4/ISO/AVC", &cluster)).unwrap();
        assert!(back == content && lost.is_empty(), "{i}");
        assert_eq!(about, Some(summary(&content)));
        let other = read_all(&matroska(b"V_VP9", &cluster)).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Unsupported);
    }
}
