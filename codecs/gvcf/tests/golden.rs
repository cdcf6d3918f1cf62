//! The vectors of docs/formats/gvcf.md: two pictures of 4x2 pixels, frames 0 and 1.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lab_gvcf::frame::{self, Picture, Source};
use lab_gvcf::header;
use lab_gvcf::planes::Colour;
use lab_gvcf::{Kind, Rules, Shape};

const SHAPE: Shape = Shape { width: 4, height: 2, channels: 3 };

fn first() -> Vec<u8> {
    (0..24).map(|i| 7 * i).collect()
}

/// Another colour in the last pixel, one of whose bytes wraps around.
fn second() -> Vec<u8> {
    let mut pixels = first();
    pixels[21..].copy_from_slice(&[150, 20, 168]);
    pixels
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The type, whether it refers, and the bytes of each frame of the page.
fn vectors() -> Vec<(Kind, bool, Vec<u8>)> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/gvcf.md"));
    let lines = lab_conformance::vectors(&page.unwrap(), "frames");
    let row = |line: &Vec<String>| {
        let kind = Kind::from_number(line[0].parse().unwrap()).unwrap();
        (kind, line[1] == "1", hex(&line[2]))
    };
    lines.iter().map(row).collect()
}

#[test]
fn the_vectors_of_the_page() {
    let vectors = vectors();
    let picture = |pixels| Arc::new(Picture::from_pixels(SHAPE, pixels).unwrap());
    let mut shown = String::new();
    let mut wrong = false;
    for (kind, refers) in Kind::ALL.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        if matches!((kind, refers), (Kind::Delta, false) | (Kind::Lzfse | Kind::Zlib, true)) {
            continue;
        }
        let reference = refers.then(|| (0, picture(first())));
        let picture_now = picture(if refers { second() } else { first() });
        let source = Source::new(u32::from(refers), picture_now, reference);
        let colour = if matches!(kind, Kind::Planes | Kind::Context) {
            Colour::GreenDifference
        } else {
            Colour::Plain
        };
        let blob = frame::encode(&source, kind, colour).unwrap();
        let found = vectors.iter().find(|(k, r, _)| (*k, *r) == (kind, refers));
        let text: String = blob.iter().map(|b| format!("{b:02x}")).collect();
        shown += &format!("{} | {} | {text}\n", kind as u8, u8::from(refers));
        // What the page shows is read, and is what is written: but the bytes of general compressors are
        // theirs.
        match found {
            Some((_, _, bytes)) => {
                let checked = header::read(bytes, &Rules::default()).unwrap();
                let before = source.reference.as_ref().map(|(_, picture)| &**picture);
                assert!(frame::decode(&checked, before).unwrap().pixels() == source.picture.pixels());
                wrong |= matches!(kind, Kind::Context | Kind::Colours) && *bytes != blob;
            }
            None => wrong = true,
        }
    }
    assert!(!wrong, "the page should have\n{shown}");
}
