//! GVCF frames, and git bundles that carry a stream.

use lab_codec::{Build, Params, Probe, Resources, Source};
use lab_gvcf::frame::{self, Picture};
use lab_gvcf::header::{self, PREFIX};
use lab_gvcf::{GVCF, Rules};

use crate::surroundings::{OUTPUT, context, with_file};

/// A frame, read alone and after a picture of the same shape.
pub(super) fn frame(bytes: &[u8]) {
    let rules =
        Rules { lenient: bytes.len().is_multiple_of(2), max_raw: OUTPUT as u64 / 4, ..Rules::default() };
    let Ok(checked) = header::read(bytes, &rules) else { return };
    let shape = checked.header.shape;
    let length = shape.bytes().expect("the rules bound it") as usize;
    let refers = frame::reference(&checked.header, checked.data).is_ok_and(|number| number.is_some());
    let before =
        Picture::from_pixels(shape, (0..length).map(|i| (7 * i) as u8).collect()).expect("its length");
    for reference in [None, Some(&before)] {
        if let Ok(picture) = frame::decode(&checked, reference) {
            assert!(!refers || reference.is_some(), "a reference is not missed");
            assert_eq!(picture.shape(), shape);
            assert_eq!(picture.pixels().len(), length, "the number of samples");
        }
    }
}

/// Recomputes the prefix fields that count and check the compressed data.
pub(super) fn repair(bytes: &mut [u8]) {
    let Some((prefix, data)) = bytes.split_at_mut_checked(PREFIX) else { return };
    let mut crc = flate2::Crc::new();
    crc.update(data);
    prefix[20..24].copy_from_slice(&(data.len() as u32).to_le_bytes());
    prefix[24..28].copy_from_slice(&crc.sum().to_le_bytes());
}

/// A bundle: opened without git, and read in full.
pub(super) fn bundle(bytes: &[u8]) {
    let Build::Carrier(build) = GVCF.build else { return };
    let carrier = build(&Params::defaults(GVCF.info), &Resources::default()).expect("it has no parameters");
    with_file(bytes, |path| {
        let source = Source { path, head: &bytes[..bytes.len().min(4096)] };
        if carrier.probe(&source) == Probe::No {
            return;
        }
        let Ok(reader) = carrier.open(&source, &context()) else { return };
        let mut content = vec![0; (reader.len() as usize).min(OUTPUT)];
        let from = reader.len() - content.len() as u64;
        for lost in reader.read_at(from, &mut content).into_iter().flatten() {
            assert!(from <= lost.start && lost.start < lost.end && lost.end <= reader.len(), "{lost:?}");
        }
    });
}
