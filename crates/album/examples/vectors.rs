//! Prints the vectors of `docs/formats/album.md`, for when the format gets a new version.

#![allow(missing_docs, clippy::print_stdout)]

use lab_album::blocks::pack_bytes;
use lab_album::kind::{Kind, decode};
use lab_album::manifest::{
    Attributes, Blobs, Coding, Content, Digest, File, Folder, Group, Manifest, Mode, Picture, Segment,
};
use lab_album::pixels::{Shape, Way, encode};
use lab_album::recipe::take_apart;
use lab_codec::{Context, Result};
use sha2::Digest as _;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn main() -> Result<()> {
    let cx = Context::default();
    println!("```native");
    for (width, height, channels, bits, count, guess, inter) in [
        (1, 1, 1, 8, 1, 0, 0),
        (5, 4, 1, 8, 1, 0, 0),
        (9, 7, 3, 8, 1, 0, 0),
        (9, 7, 4, 8, 2, 1, 1),
        (6, 5, 2, 12, 2, 0, 1),
        (33, 21, 3, 8, 1, 1, 0),
    ] {
        let shape = Shape { width, height, channels, bits };
        let pictures: Vec<Vec<u8>> = (0..count).map(|picture| samples(shape, picture)).collect();
        let slices: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
        let mut stream = Vec::new();
        encode(shape, Way { guess: guess != 0, inter: inter != 0 }, &slices, &mut stream, &cx)?;
        println!("{width} {height} {channels} {bits} {count} {guess} {inter} | {}", hex(&stream));
    }
    let pgm = b"P5 2 2 255\n\x01\x02\x03\x04";
    let png = lab_album::recipe::write_png(
        Shape { width: 2, height: 2, channels: 3, bits: 8 },
        &[9; 12],
        &[None; 3],
    )?;
    println!("```\n\n```recipe");
    for (kind, file, exact) in [(Kind::Pnm, &pgm[..], true), (Kind::Png, &png[..], false)] {
        let decoded = decode(kind, file, &cx)?;
        if let Some(apart) = take_apart(kind, file, &decoded, exact, &cx) {
            let Shape { width, height, channels, bits } = apart.shape;
            println!(
                "{width} {height} {channels} {bits} | {} | {} | {}",
                hex(&apart.recipe.to_bytes(&mut Blobs::default())),
                hex(&apart.samples),
                hex(&apart.recipe.file(apart.shape, &apart.samples, &cx)?),
            );
        }
    }
    println!("```\n\n```block");
    for content in [&b"abc"[..], &[b'x'; 100]] {
        println!("{} | {}", hex(&pack_bytes(content, false, &cx)?), hex(content));
    }
    let shape = Shape { width: 2, height: 2, channels: 1, bits: 8 };
    let attributes = Attributes { mode: 0o644, seconds: 1_000_000_000, nanos: 5 };
    let mut blobs = Blobs::default();
    blobs.put(b"blob");
    let manifest = Manifest {
        mode: Mode::LosslessFiles,
        data_track: 1,
        slides: None,
        root: Attributes { mode: 0o755, seconds: -1, nanos: 0 },
        folders: vec![Folder { path: b"empty".to_vec(), attributes }],
        files: vec![File {
            path: b"a.pgm".to_vec(),
            restored: None,
            attributes,
            bytes: pgm.len() as u64,
            sha256: Digest::from(sha2::Sha256::digest(pgm)),
            content: Content::Coded { group: 0, place: 0 },
            picture: Some(Picture {
                shape,
                orientation: 1,
                sha256: Digest::from(sha2::Sha256::digest([1, 2, 3, 4])),
                metadata: [Some(0), None, None],
                taken: None,
                score: None,
            }),
        }],
        groups: vec![Group {
            shape,
            coding: Coding::Data,
            segments: vec![Segment { pictures: 1, block: 1, recipes: Some(0) }],
        }],
        blobs: blobs.into_list(),
    };
    println!("```\n\n```manifest\n{}\n```", hex(&manifest.to_bytes()?));
    Ok(())
}

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
