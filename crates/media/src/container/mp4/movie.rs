//! Boxes that describe the samples (ISO/IEC 14496-12, 8): `moov` and `moof`, with one H.264 track.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the writer's own numbers: fewer than 2^32 samples, pictures and parameter sets below 2^16"
)]

use super::boxes::{put_box, put_full_box, put_u16, put_u32};

/// Properties of the track for decoding and display.
#[derive(Debug, Clone)]
pub struct VideoFormat {
    /// Width in luma samples.
    pub width: u32,
    /// Height in luma samples.
    pub height: u32,
    /// Frames per second.
    pub rate: u32,
    /// NAL unit of the sequence parameter set.
    pub sequence_parameters: Vec<u8>,
    /// NAL unit of the picture parameter set.
    pub picture_parameters: Vec<u8>,
}

/// Text tags for players and tools.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// The title.
    pub name: String,
    /// The comment.
    pub comment: String,
    /// Name of the writing program.
    pub tool: String,
}

/// Offset of the `mdat` header: after `ftyp`. An empty `free` box follows and is overwritten if `mdat` needs
/// a 64-bit size.
pub(super) const MDAT: u64 = FILE_TYPE.len() as u64;
/// Offset of the first sample.
pub(super) const FIRST_SAMPLE: u64 = MDAT + 16;

/// `ftyp` of a plain file.
pub(super) const FILE_TYPE: &[u8; 32] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
/// `ftyp` of a fragmented file.
pub(super) const FRAGMENTED_TYPE: &[u8; 36] = b"\0\0\0\x24ftypiso5\0\0\x02\0isomiso5iso6avc1mp41";

/// Appends `moof` and the `mdat` header for one sample.
pub(super) fn fragment_start(number: u32, size: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put_box(&mut out, b"moof", |out| {
        put_full_box(out, b"mfhd", 0, 0, |out| put_u32(out, number.wrapping_add(1)));
        put_box(out, b"traf", |out| {
            put_full_box(out, b"tfhd", 0, 0x02_0000, |out| put_u32(out, 1)); // default-base-is-moof
            put_full_box(out, b"tfdt", 1, 0, |out| out.extend(u64::from(number).to_be_bytes()));
            // data-offset, sample-size
            put_full_box(out, b"trun", 0, 0x201, |out| {
                put_u32(out, 1);
                put_u32(out, FRAGMENT_START);
                put_u32(out, size);
            });
        });
    });
    put_u32(&mut out, size + 8);
    out.extend(b"mdat");
    out
}

/// Length of [`fragment_start`]'s output, in bytes.
pub(super) const FRAGMENT_START: u32 = 8 + 16 + 8 + 16 + 20 + 24 + 8;

/// Appends `moov`. The movie's time unit is one frame.
pub(super) fn movie(
    out: &mut Vec<u8>,
    format: &VideoFormat,
    sizes: &[u32],
    fragmented: bool,
    metadata: &Metadata,
) {
    let duration = sizes.len() as u32;
    put_box(out, b"moov", |out| {
        put_full_box(out, b"mvhd", 0, 0, |out| {
            for value in [0, 0, format.rate, duration, 0x0001_0000] {
                put_u32(out, value); // creation, modification, timescale, duration, rate 1.0
            }
            put_u16(out, 0x0100); // volume 1.0
            out.extend([0; 10]);
            matrix(out);
            out.extend([0; 24]);
            put_u32(out, 2); // next_track_ID
        });
        put_box(out, b"trak", |out| track(out, format, sizes));
        if fragmented {
            put_box(out, b"mvex", |out| {
                // Track 1, description 1, one time unit, no default size, sample_is_non_sync_sample 0
                // and sample_depends_on 2 (on no other).
                put_full_box(out, b"trex", 0, 0, |out| {
                    [1, 1, 1, 0, 0x0200_0000].into_iter().for_each(|value| put_u32(out, value));
                });
            });
        }
        put_box(out, b"udta", |out| {
            put_full_box(out, b"meta", 0, 0, |out| {
                handler(out, b"mdir", b"appl", "");
                put_box(out, b"ilst", |out| {
                    for (kind, text) in [
                        (b"\xA9nam", &metadata.name),
                        (b"\xA9too", &metadata.tool),
                        (b"\xA9cmt", &metadata.comment),
                    ] {
                        if !text.is_empty() {
                            put_box(out, kind, |out| {
                                put_box(out, b"data", |out| {
                                    put_u32(out, 1); // UTF-8
                                    put_u32(out, 0); // locale
                                    out.extend(text.as_bytes());
                                });
                            });
                        }
                    }
                });
            });
        });
    });
}

/// The unity matrix (6.2.2).
fn matrix(out: &mut Vec<u8>) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        put_u32(out, value);
    }
}

/// `hdlr` (8.4.3).
fn handler(out: &mut Vec<u8>, kind: &[u8; 4], manufacturer: &[u8; 4], name: &str) {
    put_full_box(out, b"hdlr", 0, 0, |out| {
        put_u32(out, 0);
        out.extend(kind);
        out.extend(manufacturer);
        out.extend([0; 8]);
        out.extend(name.as_bytes());
        out.push(0);
    });
}

/// The content of `trak`.
fn track(out: &mut Vec<u8>, format: &VideoFormat, sizes: &[u32]) {
    let duration = sizes.len() as u32;
    // track_enabled, track_in_movie
    put_full_box(out, b"tkhd", 0, 3, |out| {
        // creation, modification, track_ID, reserved, duration, reserved, layer, volume
        for value in [0, 0, 1, 0, duration, 0, 0, 0, 0] {
            put_u32(out, value);
        }
        matrix(out);
        put_u32(out, format.width << 16);
        put_u32(out, format.height << 16);
    });
    put_box(out, b"mdia", |out| {
        put_full_box(out, b"mdhd", 0, 0, |out| {
            for value in [0, 0, format.rate, duration] {
                put_u32(out, value);
            }
            put_u16(out, 0x55C4); // language "und"
            put_u16(out, 0);
        });
        handler(out, b"vide", &[0; 4], "lab video");
        put_box(out, b"minf", |out| {
            put_full_box(out, b"vmhd", 0, 1, |out| out.extend([0; 8]));
            put_box(out, b"dinf", |out| {
                put_full_box(out, b"dref", 0, 0, |out| {
                    put_u32(out, 1);
                    put_full_box(out, b"url ", 0, 1, |_| {}); // in this file
                });
            });
            put_box(out, b"stbl", |out| sample_table(out, format, sizes));
        });
    });
}

/// The content of `stbl` (8.5 to 8.7): one sample per chunk, all of them key frames.
fn sample_table(out: &mut Vec<u8>, format: &VideoFormat, sizes: &[u32]) {
    let count = sizes.len() as u32;
    let table = |out: &mut Vec<u8>, kind, entry: &[u32]| {
        put_full_box(out, kind, 0, 0, |out| {
            put_u32(out, u32::from(count > 0));
            if count > 0 {
                entry.iter().for_each(|&value| put_u32(out, value));
            }
        });
    };
    put_full_box(out, b"stsd", 0, 0, |out| {
        put_u32(out, 1);
        put_box(out, b"avc1", |out| sample_description(out, format));
    });
    table(out, b"stts", &[count, 1]);
    if count > 0 {
        put_full_box(out, b"stss", 0, 0, |out| {
            put_u32(out, count);
            (1..=count).for_each(|number| put_u32(out, number));
        });
    }
    table(out, b"stsc", &[1, 1, 1]);
    put_full_box(out, b"stsz", 0, 0, |out| {
        put_u32(out, 0);
        put_u32(out, count);
        sizes.iter().for_each(|&size| put_u32(out, size));
    });
    let offsets = sizes.iter().scan(FIRST_SAMPLE, |next, &size| {
        let offset = *next;
        *next += u64::from(size);
        Some(offset)
    });
    let wide = offsets.clone().last().is_some_and(|offset| offset > u64::from(u32::MAX));
    put_full_box(out, if wide { b"co64" } else { b"stco" }, 0, 0, |out| {
        put_u32(out, count);
        for offset in offsets {
            if wide { out.extend(offset.to_be_bytes()) } else { put_u32(out, offset as u32) }
        }
    });
}

/// The content of `avc1` (12.1.3 and ISO/IEC 14496-15, 5.3.3.1, 5.4.2).
fn sample_description(out: &mut Vec<u8>, format: &VideoFormat) {
    out.extend([0; 6]);
    put_u16(out, 1); // data_reference_index
    out.extend([0; 16]);
    put_u16(out, format.width as u16);
    put_u16(out, format.height as u16);
    put_u32(out, 0x0048_0000); // 72 dpi
    put_u32(out, 0x0048_0000);
    put_u32(out, 0);
    put_u16(out, 1); // frame_count
    out.extend([0; 32]); // compressorname
    put_u16(out, 24); // depth
    put_u16(out, 0xFFFF); // pre_defined: -1
    put_box(out, b"avcC", |out| {
        out.push(1);
        // profile, constraints, level
        out.extend(format.sequence_parameters.get(1..4).unwrap_or(&[0; 3]));
        out.push(0xFC | 3); // lengths of 4 bytes
        out.push(0xE0 | 1);
        put_u16(out, format.sequence_parameters.len() as u16);
        out.extend(&format.sequence_parameters);
        out.push(1);
        put_u16(out, format.picture_parameters.len() as u16);
        out.extend(&format.picture_parameters);
    });
}
