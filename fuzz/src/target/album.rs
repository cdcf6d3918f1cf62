//! Albums: manifests, recipes, blocks, and the Matroska file around them.

use std::sync::LazyLock;

use lab_album::manifest::Manifest;
use lab_album::pixels::Shape;
use lab_album::{blocks, recipe::Recipe};
use lab_media::container::matroska::File;

use crate::surroundings::{OUTPUT, context, with_file};

/// Offset of a manifest's compressed part.
const HEADER_BYTES: usize = 18;

/// A manifest. After a zero byte, the seeds hold the uncompressed form, so that mutations reach its fields.
/// After any other byte follows a complete manifest.
pub(super) fn manifest(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let cx = context();
    let file = if *kind == 0 {
        let Ok(packed) = zstd::bulk::compress(rest, 1) else { return };
        [&b"\x8aALBUM\r\n"[..], &1_u16.to_le_bytes(), &(rest.len() as u64).to_le_bytes(), &packed].concat()
    } else {
        rest.to_vec()
    };
    let Ok(manifest) = Manifest::from_bytes(&file, &cx) else { return };
    let again = manifest.to_bytes().expect("a manifest that was read can be written");
    assert!(Manifest::from_bytes(&again, &cx).is_ok_and(|again| again == manifest), "it returns changed");
}

/// The part of a manifest that the target `manifest` takes, without header and compression.
pub fn unpacked(file: &[u8]) -> std::io::Result<Vec<u8>> {
    let raw = zstd::bulk::decompress(file.get(HEADER_BYTES..).unwrap_or_default(), OUTPUT)?;
    Ok([&[0][..], &raw].concat())
}

/// Five bytes of shape and kind, then a block of samples, of recipes or of a file, or one recipe.
pub(super) fn block(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<5>() else { return };
    let [width, height, channels, bits, kind] = *head;
    let cx = context();
    // The shapes that a manifest may have: it is checked before any block is read.
    let shape = Shape {
        width: u32::from(width.max(1)),
        height: u32::from(height.max(1)),
        channels: channels % 4 + 1,
        bits: bits % 16 + 1,
    };
    let length = shape.bytes();
    match kind {
        0 => {
            let mut count = 0;
            let mut each = |_: usize, picture: &[u8]| {
                assert_eq!(picture.len(), length, "the samples of a picture");
                count += 1;
                Ok(())
            };
            let read = blocks::unpack_samples(rest, shape, 2, 2, &mut each, &cx);
            assert!(read.is_err() || count <= 2, "more pictures than there are");
        }
        1 => {
            if let Ok(recipes) = blocks::unpack_recipes(rest, 2, &cx) {
                assert_eq!(recipes.len(), 2);
            }
        }
        2 => {
            if let Ok(content) = blocks::unpack_bytes(rest, OUTPUT, &cx) {
                assert!(content.len() <= OUTPUT, "more bytes than the file has");
            }
        }
        _ => {
            if let Ok(recipe) = Recipe::from_bytes(rest, shape, empty()) {
                let samples: Vec<u8> = (0..length).map(|i| (11 * i) as u8).collect();
                let _ = recipe.file(shape, &samples, &cx);
            }
        }
    }
}

/// The manifest of the format's page, which has no blobs.
fn empty() -> &'static Manifest {
    static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
        let lines = lab_conformance::vectors(include_str!("../../../docs/formats/album.md"), "manifest");
        Manifest::from_bytes(&crate::make::hex(&lines[0][0]), &context())
            .expect("the page's manifest is sound")
    });
    &MANIFEST
}

/// A Matroska file: reads every block of every track, and every attachment.
pub(super) fn matroska(bytes: &[u8]) {
    with_file(bytes, |path| {
        let cx = context();
        let Ok(file) = File::open(path, &cx) else { return };
        for track in &file.tracks {
            for number in 0..track.blocks.len().min(64) as u64 {
                if let Ok(block) = file.block(track, number, &cx) {
                    assert!(block.len() <= bytes.len(), "a block is larger than its file");
                }
            }
        }
        for attachment in file.attachments.iter().take(64) {
            let _ = file.read(attachment.offset, attachment.size, &cx);
        }
    });
}
