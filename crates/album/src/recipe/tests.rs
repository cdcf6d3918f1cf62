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

/// A PNG by the `png` crate, with a text chunk and several IDAT chunks.
fn png_file(colour: png_crate::ColorType, depth: png_crate::BitDepth, width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png_crate::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    // `preflate` cannot rebuild the streams of the fast compressor; such files are stored as bytes.
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
        // The unused bits at the end of a row are zero.
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

/// An interlaced PNG of gray samples, in the seven passes of the PNG specification (section 8.2), in a stored
/// block.
fn interlaced(width: usize, height: usize, samples: &[u8]) -> Vec<u8> {
    let mut rows = Vec::new();
    for (x, y, right, down) in
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    {
        for row in (y..height).step_by(down).filter(|_| x < width) {
            rows.push(0);
            rows.extend((x..width).step_by(right).map(|column| samples[row * width + column]));
        }
    }
    let length = u16::try_from(rows.len()).unwrap();
    let (a, b) = rows.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let stored = [&[0x78, 0x01, 0x01], &length.to_le_bytes()[..], &(!length).to_le_bytes(), &rows].concat();
    let data = [&stored[..], &(b << 16 | a).to_be_bytes()].concat();
    let size = [width as u32, height as u32].map(u32::to_be_bytes).concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in
        [(b"IHDR", [&size[..], &[8, 0, 0, 0, 1]].concat()), (b"IDAT", data), (b"IEND", Vec::new())]
    {
        file.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let content = [&name[..], &data].concat();
        file.extend_from_slice(&content);
        file.extend_from_slice(&crc32fast::hash(&content).to_be_bytes());
    }
    file
}

#[test]
fn interlaced_pngs_come_back_in_rows_or_as_they_are() {
    let cx = Context::default();
    for (width, height) in [(1, 1), (3, 5), (61, 43)] {
        let samples = noise(width * height);
        let file = interlaced(width, height, &samples);
        let decoded = kind::decode(Kind::Png, &file, &cx).unwrap();
        assert_eq!(decoded.samples, samples);
        assert!(take_apart(Kind::Png, &file, &decoded, true, &cx).is_none());
        let apart = take_apart(Kind::Png, &file, &decoded, false, &cx).unwrap();
        let back = apart.recipe.file(apart.shape, &apart.samples, &cx).unwrap();
        assert_eq!(back[28], 0, "the rebuilt file is marked as interlaced");
        assert_eq!(kind::decode(Kind::Png, &back, &cx).unwrap().samples, samples);
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
