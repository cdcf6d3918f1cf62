use lab_codec::Context;
use proptest::prelude::*;

use super::*;
use crate::kind;

fn manifest(blobs: Blobs) -> Manifest {
    Manifest {
        mode: crate::manifest::Mode::LosslessFiles,
        data_track: 1,
        slides: None,
        root: Default::default(),
        folders: Vec::new(),
        files: Vec::new(),
        groups: Vec::new(),
        blobs: blobs.into_list(),
    }
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    (0..length)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (i as u8 / 3).wrapping_add((state >> 29) as u8)
        })
        .collect()
}

/// A PNG by the `png` crate, with a text chunk, in several chunks of samples.
fn png_file(colour: png_crate::ColorType, depth: png_crate::BitDepth, width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png_crate::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    // The fast compressor makes codes that `preflate` does not know; such files are kept as they are.
    encoder.set_compression(png_crate::Compression::Balanced);
    if colour == png_crate::ColorType::Indexed {
        encoder.set_palette(noise(3 << depth as u8));
        encoder.set_trns(vec![0, 128]);
    }
    encoder.add_text_chunk("Comment".into(), "long ".repeat(60)).unwrap();
    let mut writer = encoder.write_header().unwrap();
    let row = writer_row(colour, depth, width);
    let mut data = noise(row * height as usize);
    let bits = (width as usize * colour.samples() * depth as usize) % 8;
    if bits > 0 {
        // What is behind the last sample of a row is zero.
        data.chunks_exact_mut(row).for_each(|row| *row.last_mut().unwrap() &= 0xFF << (8 - bits));
    }
    writer.write_image_data(&data).unwrap();
    writer.finish().unwrap();
    file
}

use ::png as png_crate;

fn writer_row(colour: png_crate::ColorType, depth: png_crate::BitDepth, width: u32) -> usize {
    (width as usize * colour.samples() * depth as usize).div_ceil(8)
}

#[test]
fn every_kind_of_png_comes_back() {
    use png_crate::BitDepth::*;
    use png_crate::ColorType::*;
    let cx = Context::default();
    for (colour, depths) in [
        (Grayscale, &[One, Two, Four, Eight, Sixteen][..]),
        (Indexed, &[One, Two, Four, Eight]),
        (GrayscaleAlpha, &[Eight, Sixteen]),
        (Rgb, &[Eight, Sixteen]),
        (Rgba, &[Eight, Sixteen]),
    ] {
        for depth in depths {
            let file = png_file(colour, *depth, 61, 43);
            let decoded = kind::decode(Kind::Png, &file, &cx).unwrap();
            for exact in [true, false] {
                let apart = take_apart(Kind::Png, &file, &decoded, exact, &cx);
                let apart = apart.unwrap_or_else(|| panic!("{colour:?} {depth:?} {exact}"));
                let mut blobs = Blobs::default();
                let bytes = apart.recipe.to_bytes(&mut blobs);
                let recipe = Recipe::from_bytes(&bytes, apart.shape, &manifest(blobs)).unwrap();
                assert_eq!(recipe, apart.recipe);
                let back = recipe.file(apart.shape, &apart.samples, &cx).unwrap();
                assert!(!exact || back == file);
                assert_eq!(kind::decode(Kind::Png, &back, &cx).unwrap().samples, decoded.samples);
                assert!(back.windows(10).any(|window| window == b"long long "));
            }
        }
    }
}

#[test]
fn rasters_come_back() {
    let cx = Context::default();
    let mut files = vec![
        (Kind::Pnm, [&b"P5 7 3 255\n"[..], &noise(21)].concat()),
        (Kind::Pnm, [&b"P6\n# a comment\n7 3\n255\n"[..], &noise(63)].concat()),
        (
            Kind::Pnm,
            [
                &b"P6 7 3 1023\n"[..],
                &noise(126)
                    .iter()
                    .enumerate()
                    .map(|(i, b)| if i % 2 == 0 { b & 3 } else { *b })
                    .collect::<Vec<_>>(),
            ]
            .concat(),
        ),
    ];
    let mut bmp = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_raw(7, 3, noise(63)).unwrap().write_to(&mut bmp, image::ImageFormat::Bmp).unwrap();
    files.push((Kind::Bmp, bmp.into_inner()));
    for (kind, file) in files {
        let decoded = kind::decode(kind, &file, &cx).unwrap();
        let apart = take_apart(kind, &file, &decoded, true, &cx).unwrap();
        assert_eq!(apart.samples.len(), apart.shape.bytes());
        let bytes = apart.recipe.to_bytes(&mut Blobs::default());
        let recipe = Recipe::from_bytes(&bytes, apart.shape, &manifest(Blobs::default())).unwrap();
        assert_eq!(recipe.file(apart.shape, &apart.samples, &cx).unwrap(), file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recipes_never_panic(at in 0usize..2000, value in any::<u8>()) {
        let cx = Context::default();
        let file = png_file(png_crate::ColorType::Rgb, png_crate::BitDepth::Eight, 13, 9);
        let decoded = kind::decode(Kind::Png, &file, &cx).unwrap();
        let apart = take_apart(Kind::Png, &file, &decoded, true, &cx).unwrap();
        let mut blobs = Blobs::default();
        let mut bytes = apart.recipe.to_bytes(&mut blobs);
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(recipe) = Recipe::from_bytes(&bytes, apart.shape, &manifest(blobs)) {
            let _ = recipe.file(apart.shape, &apart.samples, &cx);
        }
    }
}
