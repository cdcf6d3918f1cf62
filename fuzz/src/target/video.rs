//! MP4 and Matroska files of the profile `exact`; headers of the lossy profiles.

use std::sync::Arc;

use lab_codec::StreamReader as _;
use lab_media::container::{ReadAt, read_index};
use lab_video::exact;
use lab_video::modem::header::{FrameHeader, HEADER_BYTES};
use lab_video::stream::Manifest;

use crate::surroundings::{Memory, OUTPUT, context};

/// A file of either container: reads its index, and the whole stream.
pub(super) fn file(bytes: &[u8]) {
    let file: Arc<dyn ReadAt> = Arc::new(Memory(bytes.to_vec()));
    let cx = context();
    if let Ok(Some(track)) = read_index(&*file, 16, &cx) {
        std::hint::black_box(track.samples.len());
    }
    let Ok(reader) = exact::Reader::open_at(file, &cx) else { return };
    let mut content = vec![0; (reader.len() as usize).min(OUTPUT)];
    for from in [0, reader.len() - content.len() as u64] {
        let mut end = from;
        for lost in reader.read_at(from, &mut content).into_iter().flatten() {
            assert!(end <= lost.start && lost.start < lost.end && lost.end <= reader.len(), "{lost:?}");
            end = lost.end;
        }
    }
    std::hint::black_box(reader.summary());
}

/// Headers of frames: of the lossy profiles, of `exact`, and a manifest.
pub(super) fn header(bytes: &[u8]) {
    if let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() {
        let mut sealed = *bytes;
        let crc = crc32c::crc32c(&sealed[..24]);
        sealed[24..].copy_from_slice(&crc.to_le_bytes());
        if let Some(header) = FrameHeader::parse(&sealed) {
            assert_eq!(header.to_bytes(), sealed, "a header has one form");
        }
    }
    if let Some(bytes) = bytes.first_chunk::<{ exact::HEADER_BYTES }>() {
        std::hint::black_box(exact::header::Header::parse(bytes));
    }
    std::hint::black_box(Manifest::parse(bytes));
}
