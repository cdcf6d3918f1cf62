//! Frames of every type: vectors of the page, damage, limits, whole clips.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lab_codec::ErrorKind;
use lab_gvcf::frame::{self, Picture, Source};
use lab_gvcf::header::{self, MAX_COMPRESSED, PREFIX};
use lab_gvcf::planes::Colour;
use lab_gvcf::sequence::{Content, Decoder, Encoder, Options, Types};
use lab_gvcf::{Code, Header, Kind, Rules, Shape};

/// Pixels with a smooth ground, noise in one corner, and a square that moves with `time`.
fn pixels(shape: Shape, time: u32) -> Vec<u8> {
    let (width, height) = (shape.width, shape.height);
    let mut noise = 12_345_u32;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let inside = (time..time + 9).contains(&x) && (3..12).contains(&y);
            let rough = if x < 8 && y < 8 { (noise >> 26) as u8 } else { 0 };
            for channel in 0..shape.channels {
                let ground = ((x * 2 + y * 3 + channel * 40) & 255) as u8;
                pixels.push(if inside { 250 - 60 * channel as u8 } else { ground.wrapping_add(rough) });
            }
        }
    }
    pixels
}

fn picture(shape: Shape, time: u32) -> Arc<Picture> {
    Arc::new(Picture::from_pixels(shape, pixels(shape, time)).unwrap())
}

fn colour(shape: Shape) -> Colour {
    if shape.channels == 1 { Colour::Plain } else { Colour::GreenDifference }
}

/// Shapes that are no multiples of anything.
fn shapes() -> Vec<Shape> {
    let sizes = [(1, 1), (1, 40), (40, 1), (17, 16), (33, 47)];
    sizes
        .into_iter()
        .flat_map(|(width, height)| [1, 3, 4].map(|channels| Shape { width, height, channels }))
        .collect()
}

#[test]
fn every_type_gives_every_shape_back() {
    for shape in shapes() {
        for kind in Kind::ALL {
            for reference in [false, true] {
                let reference = reference.then(|| (6, picture(shape, 2)));
                let source = Source::new(7, picture(shape, 3), reference.clone());
                if kind == Kind::Delta && reference.is_none() {
                    let error = frame::encode(&source, kind, colour(shape)).unwrap_err();
                    assert_eq!(error.code(), Code::Format);
                    continue;
                }
                let blob = frame::encode(&source, kind, colour(shape)).unwrap();
                let checked = header::read(&blob, &Rules::default()).unwrap();
                assert_eq!(
                    (checked.header.number, checked.header.shape, checked.header.kind),
                    (7, shape, kind)
                );
                assert!(checked.warnings.is_empty());
                let before = reference.as_ref().map(|(_, picture)| &**picture);
                let back = frame::decode(&checked, before).unwrap();
                assert!(back.pixels() == source.picture.pixels(), "{shape} {kind:?}");
            }
        }
    }
}

#[test]
fn damage_is_an_error_or_shows_in_the_checksum_never_a_panic() {
    let shape = Shape { width: 33, height: 20, channels: 3 };
    for kind in Kind::ALL {
        let source = Source::new(1, picture(shape, 3), Some((0, picture(shape, 2))));
        let blob = frame::encode(&source, kind, colour(shape)).unwrap();
        for at in 0..blob.len() {
            let cut = header::read(&blob[..at], &Rules::default()).unwrap_err();
            assert_eq!(cut.code(), Code::Format);
            for bit in 0..8 {
                let mut damaged = blob.clone();
                damaged[at] ^= 1 << bit;
                let seen = header::read(&damaged, &Rules::default());
                // The number is the one thing that neither a rule nor the checksum covers; the type may be
                // another.
                if at >= PREFIX || (24..28).contains(&at) {
                    assert!(seen.unwrap_err().to_string().contains("CRC-32"));
                }
                // The same damage with a right checksum reaches the decoders.
                if at >= PREFIX {
                    let data = &damaged[PREFIX..];
                    let header = Header::for_data(1, shape, kind, data).unwrap();
                    let mut repaired = header.to_bytes().to_vec();
                    repaired.extend_from_slice(data);
                    let checked = header::read(&repaired, &Rules::default()).unwrap();
                    let before = source.reference.as_ref().map(|(_, picture)| &**picture);
                    if let Err(error) = frame::decode(&checked, before) {
                        assert_eq!(error.code(), Code::Compression, "{kind:?} {at}: {error}");
                    }
                }
            }
        }
    }
}

#[test]
fn each_broken_rule_has_its_own_error() {
    let shape = Shape { width: 4, height: 2, channels: 3 };
    let source = Source::new(5, picture(shape, 0), None);
    let blob = frame::encode(&source, Kind::Zlib, colour(shape)).unwrap();
    let told = |change: &dyn Fn(&mut Vec<u8>), rules: &Rules| {
        let mut blob = blob.clone();
        change(&mut blob);
        let error = header::read(&blob, rules).map(|_| ()).unwrap_err();
        (error.code(), error.to_string())
    };
    let strict = Rules::default();
    let put = |at: usize, value: u32| {
        move |blob: &mut Vec<u8>| blob[at..at + 4].copy_from_slice(&value.to_le_bytes())
    };
    let magic = told(&put(0, 1), &strict);
    let order = told(&|blob| blob[..4].reverse(), &strict);
    let width = told(&put(8, 0), &strict);
    let channels = told(&put(16, 2), &strict);
    let hd = told(&|_| (), &Rules { shape: Some(Shape::FULL_HD), ..strict });
    let empty = told(&put(20, 0), &strict);
    let beyond = told(&put(20, blob.len() as u32), &strict);
    let large = told(&put(20, MAX_COMPRESSED + 1), &strict);
    let crc = told(&|blob| blob[24] ^= 1, &strict);
    let kind = told(&|blob| blob[28] = 7, &strict);
    let reserved = told(&|blob| blob[30] = 1, &strict);
    let memory = told(&put(8, 1 << 31), &strict);
    let all = [
        (&magic, "the magic number is 0x00000001"),
        (&order, "big-endian"),
        (&width, "a picture of 0x2x3"),
        (&channels, "a picture of 4x2x2"),
        (&hd, "a picture of 4x2x3 instead of 1920x1080x3"),
        (&empty, "the compressed size is 0"),
        (&beyond, "bytes are left"),
        (&large, "above 100000000"),
        (&crc, "CRC-32"),
        (&kind, "compression type 7"),
        (&reserved, "reserved bytes"),
    ];
    for ((code, text), part) in all {
        assert_eq!(*code, Code::Format, "{text}");
        assert!(text.contains(part) && text.ends_with("(GVC_ERROR_FORMAT)"), "{text}");
    }
    assert_eq!(memory.0, Code::Memory);
    // A lenient reader warns of the reserved bytes; the order of numbers and what follows are warnings for
    // all.
    let mut odd = blob.clone();
    odd[29] = 7;
    odd.push(0);
    let rules = Rules { lenient: true, number: Some(4), ..strict };
    let warnings = header::read(&odd, &rules).unwrap().warnings;
    let parts = ["reserved bytes are [07, 00, 00]", "frame number 5 instead of 4", "1 bytes follow"];
    assert_eq!(warnings.len(), parts.len());
    assert!(warnings.iter().zip(parts).all(|(warning, part)| warning.contains(part)), "{warnings:?}");
}

#[test]
fn a_frame_holds_a_hundred_million_bytes_and_no_more() {
    let shape = Shape { width: 20_000, height: 20_000, channels: 1 };
    let mut data = vec![0; MAX_COMPRESSED as usize];
    let header = Header::for_data(0, shape, Kind::Zlib, &data).unwrap();
    let mut blob = header.to_bytes().to_vec();
    blob.extend_from_slice(&data);
    assert_eq!(header::read(&blob, &Rules::default()).unwrap().data.len(), data.len());
    data.push(0);
    let error = Header::for_data(0, shape, Kind::Zlib, &data).unwrap_err();
    assert_eq!((error.code(), error.kind()), (Code::Memory, ErrorKind::Limit));
    // One that says more is refused although the bytes are there.
    blob.push(0);
    blob[20..24].copy_from_slice(&(MAX_COMPRESSED + 1).to_le_bytes());
    assert!(header::read(&blob, &Rules::default()).unwrap_err().to_string().contains("above 100000000"));
}

/// Runs a clip through an encoder in batches of `batch`, checks every frame in order, backwards and alone,
/// and returns what was stored.
fn clip(frames: &[Vec<u8>], shape: Shape, options: Options, batch: usize) -> Vec<(Content, Arc<Vec<u8>>)> {
    let mut encoder = Encoder::new(shape, 0, options);
    let mut stored: Vec<(Content, Arc<Vec<u8>>)> = Vec::new();
    for batch in frames.chunks(batch) {
        for coded in encoder.encode(batch.to_vec()).unwrap() {
            assert_eq!(coded.number as usize, stored.len());
            let blob = match &coded.content {
                Content::Blob(kind, blob) => {
                    let checked = header::read(blob, &Rules::default()).unwrap();
                    assert_eq!((checked.header.number, checked.header.kind), (coded.number, *kind));
                    assert_eq!(frame::reference(&checked.header, checked.data).unwrap(), coded.reference);
                    assert!(coded.number - coded.key < options.key);
                    Arc::new(blob.clone())
                }
                Content::Same(number) => stored[*number as usize].1.clone(),
            };
            stored.push((coded.content, blob));
        }
    }
    let fetch = |number: u32| Ok(stored[number as usize].1.clone());
    let mut decoder = Decoder::new(Rules::default());
    for i in (0..frames.len()).chain((0..frames.len()).rev()) {
        assert!(decoder.picture(i as u32, fetch).unwrap().pixels() == frames[i], "frame {i}");
    }
    for (i, pixels) in frames.iter().enumerate() {
        let alone = Decoder::new(Rules::default()).picture(i as u32, fetch).unwrap();
        assert!(alone.pixels() == pixels, "frame {i} alone");
    }
    stored
}

#[test]
fn a_clip_comes_back_whatever_the_types() {
    let shape = Shape { width: 50, height: 35, channels: 3 };
    // Movement, a still, a return to an earlier picture, a cut, and a colour that luma and chroma cannot
    // make.
    let mut frames: Vec<Vec<u8>> = [0, 1, 2, 2, 2, 3, 1, 4, 5].map(|t| pixels(shape, t)).to_vec();
    frames.extend([9, 10].map(|t| pixels(shape, t).into_iter().map(|b| !b.rotate_left(3)).collect()));
    let types =
        Kind::ALL.map(Types::Only).into_iter().chain([Types::Auto, Types::Classic, Types::ClassicStrict]);
    for types in types {
        let options = Options { types, key: 8, reach: 3 * 50 * 35 };
        let stored = clip(&frames, shape, options, 4);
        let same = stored.iter().filter(|(content, _)| matches!(content, Content::Same(_))).count();
        assert_eq!(same, if types == Types::ClassicStrict { 0 } else { 3 });
        // The pieces in which pictures arrive do not matter.
        let again = clip(&frames, shape, options, 11);
        assert!(stored.iter().zip(&again).all(|(a, b)| a.1 == b.1));
    }
}

#[test]
fn pictures_from_luma_and_chroma_are_stored_as_such() {
    let shape = Shape { width: 64, height: 48, channels: 3 };
    let frames: Vec<Vec<u8>> = (0..4_u8)
        .map(|t| {
            let mut planes = Colour::from_number(2, shape).unwrap().planes(shape);
            for (p, plane) in planes.iter_mut().enumerate() {
                for (i, sample) in plane.samples.iter_mut().enumerate() {
                    *sample = 90 + 20 * p as u8 + ((i / 7) as u8 & 15) + t;
                }
            }
            lab_gvcf::planes::join(&planes, Colour::from_number(2, shape).unwrap(), shape)
        })
        .collect();
    let options = Options { types: Types::Only(Kind::Context), ..Options::default() };
    let stored = clip(&frames, shape, options, 4);
    assert!(stored.iter().all(|(_, blob)| blob[PREFIX + 4] == 2));
    let size: usize = stored.iter().map(|(_, blob)| blob.len()).sum();
    assert!(size < frames.len() * frames[0].len() / 20, "{size}");
}

#[test]
fn references_that_cannot_be_are_refused() {
    let shape = Shape { width: 20, height: 20, channels: 3 };
    let source = Source::new(4, picture(shape, 1), Some((2, picture(shape, 0))));
    let blob = frame::encode(&source, Kind::Context, colour(shape)).unwrap();
    let checked = header::read(&blob, &Rules::default()).unwrap();
    assert_eq!(frame::reference(&checked.header, checked.data).unwrap(), Some(2));
    let told = |before: Option<&Picture>| frame::decode(&checked, before).unwrap_err().to_string();
    assert!(told(None).contains("missing"));
    assert!(told(Some(&picture(Shape { width: 21, ..shape }, 0))).contains("after a reference of"));
    // Before the first frame there is nothing.
    let mut early = Header { number: 1, ..checked.header };
    assert_eq!(frame::reference(&early, checked.data).unwrap_err().code(), Code::Compression);
    early.kind = Kind::Delta;
    assert_eq!(frame::reference(&early, &[]).unwrap(), Some(0));
    // A blob of a later frame in the place of an earlier one would run in a circle.
    let blob = Arc::new(blob);
    let error = Decoder::new(Rules::default()).picture(3, |_| Ok(blob.clone())).unwrap_err();
    assert!(error.to_string().contains("later frame 4"), "{error}");
}
