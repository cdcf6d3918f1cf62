//! The vectors of `docs/formats/album.md`: what is written there is what the code does.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use lab_album::manifest::Manifest;
use lab_album::pixels::{Shape, Way, decode, encode};
use lab_album::{blocks, recipe};
use lab_codec::Context;

const PAGE: &str = include_str!("../../../docs/formats/album.md");

/// The lines of a block of the page.
fn vectors(name: &str) -> Vec<Vec<String>> {
    let lines = lab_conformance::vectors(PAGE, name);
    assert!(!lines.is_empty(), "no block {name}");
    lines
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The samples of the vectors: a formula on the page.
fn samples(shape: Shape, picture: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..shape.height {
        for x in 0..shape.width {
            for c in 0..u32::from(shape.channels) {
                let value = 7 * x + 3 * y * y + 29 * c + (x * y + 5 * picture) % 6 * (1 + picture);
                let value = value & ((1 << shape.bits) - 1);
                out.push(value as u8);
                if shape.bits > 8 {
                    out.push((value >> 8) as u8);
                }
            }
        }
    }
    out
}

#[test]
fn native_streams() {
    let cx = Context::default();
    for vector in vectors("native") {
        let numbers: Vec<u32> = vector[0].split_whitespace().map(|n| n.parse().unwrap()).collect();
        let [width, height, channels, bits, count, guess, inter] = numbers[..] else { panic!("{vector:?}") };
        let shape = Shape { width, height, channels: channels as u8, bits: bits as u8 };
        let way = Way { guess: guess != 0, inter: inter != 0 };
        let pictures: Vec<Vec<u8>> = (0..count).map(|picture| samples(shape, picture)).collect();
        let slices: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
        let mut stream = Vec::new();
        encode(shape, way, &slices, &mut stream, &cx).unwrap();
        assert_eq!(hex(&stream), hex(&bytes(&vector[1])), "{:?}", vector[0]);
        let mut seen = 0;
        let mut each = |number: usize, picture: &[u8]| {
            assert_eq!(picture, slices[number]);
            seen += 1;
            Ok(())
        };
        decode(shape, way, slices.len(), slices.len(), &stream, &mut each, &cx).unwrap();
        assert_eq!(seen, slices.len());
    }
}

#[test]
fn recipes_and_blocks() {
    let cx = Context::default();
    let manifest = Manifest::from_bytes(&bytes(&vectors("manifest")[0][0]), &cx).unwrap();
    for vector in vectors("recipe") {
        let numbers: Vec<u32> = vector[0].split_whitespace().map(|n| n.parse().unwrap()).collect();
        let [width, height, channels, bits] = numbers[..] else { panic!("{vector:?}") };
        let shape = Shape { width, height, channels: channels as u8, bits: bits as u8 };
        let recipe = recipe::Recipe::from_bytes(&bytes(&vector[1]), shape, &manifest).unwrap();
        let file = recipe.file(shape, &bytes(&vector[2]), &cx).unwrap();
        assert_eq!(hex(&file), hex(&bytes(&vector[3])));
    }
    for vector in vectors("block") {
        let content = bytes(&vector[1]);
        assert_eq!(blocks::unpack_bytes(&bytes(&vector[0]), content.len(), &cx).unwrap(), content);
    }
}

#[test]
fn manifests() {
    let cx = Context::default();
    for vector in vectors("manifest") {
        let manifest = Manifest::from_bytes(&bytes(&vector[0]), &cx).unwrap();
        let again = Manifest::from_bytes(&manifest.to_bytes().unwrap(), &cx).unwrap();
        assert_eq!(manifest, again);
        let file = &manifest.files[0];
        assert_eq!((&file.path[..], file.bytes, file.attributes.mode), (&b"a.pgm"[..], 15, 0o644));
        assert_eq!(file.picture.as_ref().unwrap().shape.width, 2);
    }
    let mut broken = bytes(&vectors("manifest")[0][0]);
    let good = Manifest::from_bytes(&broken, &cx).unwrap();
    for at in 0..broken.len() {
        for bit in [1, 16, 128] {
            broken[at] ^= bit;
            // A bit that zstd does not use may be set; nothing else goes by.
            if let Ok(other) = Manifest::from_bytes(&broken, &cx) {
                assert_eq!(other, good, "byte {at}");
            }
            broken[at] ^= bit;
        }
    }
}
