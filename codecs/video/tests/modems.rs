//! The modems as their callers see them: round trips, noise, copies on other grids, hostile pictures,
//! golden frames.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use lab_media::{Frame, PixelFormat, Shape};
use lab_video::modem::art::ArtModem;
use lab_video::modem::art::scenes::STYLES;
use lab_video::modem::band::Bands;
use lab_video::modem::grid::Axis;
use lab_video::modem::rgba::to_rgba;
use lab_video::modem::sign::{Parameters, SignModem};
use lab_video::modem::{Codewords, Detection, FrameHeader, Grid, Kind, Modem, Refusal, grey};
use lab_video::profile::{PROFILES, Structure, by_name, by_number};
use proptest::prelude::*;

fn header(frame: u32) -> FrameHeader {
    FrameHeader {
        kind: Kind::Data,
        profile: 0,
        style: 0,
        parity: 0,
        stream_id: 0x0102_0304,
        frame,
        length: 0,
        group: 2,
        index: 3,
        data_frames: 40,
        parity_frames: 5,
    }
}

fn random(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// The modem of a profile for small pictures, so that tests are quick.
fn small(name: &str) -> Box<dyn Modem> {
    let profile = by_name(name).unwrap();
    (profile.modem)(640, 368, profile.parity).unwrap()
}

fn rendered(modem: &dyn Modem, seed: u64) -> (Frame, Vec<u8>) {
    let payload = random(seed, modem.payload_len());
    let mut frame = Frame::new(modem.shape());
    modem.render(&header(seed as u32), &payload, &mut frame);
    (frame, payload)
}

/// Adds noise of about `deviation` to all samples.
fn disturb(frame: &mut Frame, seed: u64, deviation: f64) {
    let noise = random(seed, 4 * frame.data().len());
    for (sample, noise) in frame.data_mut().iter_mut().zip(noise.chunks(4)) {
        // The sum of four equal deviations is nearly normal.
        let sum: f64 = noise.iter().map(|&n| (f64::from(n) - 127.5) / 147.2).sum();
        *sample = (f64::from(*sample) + sum * deviation).round() as u8;
    }
}

/// `frame` as a copy: place `(x, y)` of the copy shows place `((x - x0) / sx, (y - y0) / sy)` of the frame,
/// areas are averaged, and what is outside is `outside`.
fn copied(frame: &Frame, size: (usize, usize), grid: Grid, outside: u8) -> Frame {
    let (width, height) = (size.0 as u32, size.1 as u32);
    let mut copy = Frame::new(Shape { width, height, format: PixelFormat::Yuv420p });
    for plane in 0..3 {
        let half = if plane == 0 { 1.0 } else { 2.0 };
        let (from_width, from_height) = frame.shape().plane_size(plane);
        let (to_width, _) = copy.shape().plane_size(plane);
        let samples = frame.plane(plane);
        for (i, out) in copy.plane_mut(plane).iter_mut().enumerate() {
            let (mut sum, mut count) = (0.0, 0.0);
            for (dx, dy) in
                (0..64).map(|i| (f64::from(i % 8) / 8.0 + 0.0625, f64::from(i / 8) / 8.0 + 0.0625))
            {
                let x = ((i % to_width) as f64 + dx - grid.x.start / half) / grid.x.step;
                let y = ((i / to_width) as f64 + dy - grid.y.start / half) / grid.y.step;
                let inside = x >= 0.0 && y >= 0.0 && (x as usize) < from_width && (y as usize) < from_height;
                sum +=
                    f64::from(if inside { samples[y as usize * from_width + x as usize] } else { outside });
                count += 1.0;
            }
            *out = (sum / count).round() as u8;
        }
    }
    copy
}

fn grid(x: (f64, f64), y: (f64, f64)) -> Grid {
    Grid { x: Axis { start: x.0, step: x.1 }, y: Axis { start: y.0, step: y.1 } }
}

#[test]
fn every_profile_reads_what_it_draws() {
    for profile in PROFILES {
        assert_eq!(by_number(profile.number).unwrap().name, profile.name);
        let modem = small(profile.name);
        for length in [0, 1, modem.payload_len() - 1, modem.payload_len()] {
            let payload = random(length as u64, length);
            let mut frame = grey(modem.as_ref());
            modem.render(&header(7), &payload, &mut frame);
            let Detection::Frame { header: found, payload: back, margin, .. } = modem.detect(&frame, None)
            else {
                panic!("{}: a clean frame is not read", profile.name);
            };
            assert_eq!(back, payload);
            // Sums of ten coefficients are clipped to samples in a few blocks; nothing else is ever wrong.
            assert!(margin.corrected == 0, "{}: {margin:?}", profile.name);
            let sent = FrameHeader {
                profile: profile.number,
                parity: profile.parity as u8,
                length: length as u32,
                ..header(7)
            };
            assert_eq!(found, sent);
        }
        assert_eq!(modem.detect(&grey(modem.as_ref()), None), Detection::None(Refusal::Blank));
    }
}

#[test]
fn noise_is_corrected_and_too_much_of_it_is_a_lost_frame_with_its_number() {
    for (name, survives, fails) in
        [("dense", 14.0, 60.0), ("share", 20.0, 90.0), ("tough", 35.0, 200.0), ("art", 25.0, 80.0)]
    {
        let modem = small(name);
        let (clean, payload) = rendered(modem.as_ref(), 5);
        let mut frame = clean.clone();
        disturb(&mut frame, 1, survives);
        let Detection::Frame { payload: back, margin, .. } = modem.detect(&frame, None) else {
            panic!("{name}: noise of {survives} is too much");
        };
        assert_eq!(back, payload);
        assert!(margin.worst <= margin.parity && margin.lost == 0, "{name}: {margin:?}");
        // The payload's part of the picture goes, the bands stay.
        let mut frame = clean;
        let width = frame.shape().width as usize;
        let mut middle = Frame::new(frame.shape());
        middle.data_mut().copy_from_slice(frame.data());
        disturb(&mut middle, 2, fails);
        let rows = 40 * width..300 * width;
        frame.plane_mut(0)[rows.clone()].copy_from_slice(&middle.plane(0)[rows]);
        let lost = modem.detect(&frame, None);
        let Detection::Lost { header, margin, .. } = lost else { panic!("{name}: {lost:?}") };
        assert_eq!(header.frame, 5);
        assert!(margin.lost > 0 && margin.worst > margin.parity);
    }
}

#[test]
fn copies_on_other_grids_are_read() {
    let share = small("share");
    let (frame, payload) = rendered(share.as_ref(), 9);
    for (what, size, place) in [
        ("smaller", (480, 276), grid((0.0, 0.75), (0.0, 0.75))),
        ("wider than high", (456, 276), grid((0.0, 456.0 / 640.0), (0.0, 0.75))),
        ("larger", (960, 552), grid((0.0, 1.5), (0.0, 1.5))),
        ("framed", (700, 400), grid((31.0, 1.0), (17.0, 1.0))),
        ("framed and smaller", (640, 368), grid((80.0, 0.75), (46.0, 0.75))),
        ("cropped", (633, 362), grid((-3.0, 1.0), (-5.0, 1.0))),
        ("cropped and enlarged", (640, 368), grid((-5.09, 1.019), (-4.07, 1.0175))),
        ("shifted by a part of a sample", (640, 368), grid((0.4, 1.0), (-0.3, 1.0))),
    ] {
        let copy = copied(&frame, size, place, 16);
        let found = share.detect(&copy, None);
        let Detection::Frame { payload: back, grid, .. } = found else { panic!("{what}: {found:?}") };
        assert_eq!(back, payload, "{what}");
        let near = |a: Axis, b: Axis, length: f64| {
            (a.start - b.start).abs() < 0.45 && ((a.step - b.step) * length).abs() < 0.3
        };
        assert!(near(grid.x, place.x, 640.0) && near(grid.y, place.y, 368.0), "{what}: {grid:?}");
        // The next frame of the copy is where this one was.
        let again = share.detect(&copy, Some(grid));
        assert!(matches!(again, Detection::Frame { grid: same, .. } if same == grid), "{what}");
    }
    let art = small("art");
    let (frame, payload) = rendered(art.as_ref(), 3);
    for (size, place) in
        [((480, 276), grid((0.0, 0.75), (0.0, 0.75))), ((700, 400), grid((30.0, 1.0), (16.0, 1.0)))]
    {
        let found = art.detect(&copied(&frame, size, place, 16), None);
        assert!(matches!(&found, Detection::Frame { payload: back, .. } if *back == payload), "{found:?}");
    }
}

#[test]
fn a_copy_that_cannot_be_read_is_refused_with_the_reason() {
    let share = small("share");
    let (frame, _) = rendered(share.as_ref(), 9);
    let refusal = |copy: &Frame| match share.detect(copy, None) {
        Detection::None(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    let cut = copied(&frame, (560, 300), grid((-40.0, 1.0), (-34.0, 1.0)), 16);
    assert_eq!(refusal(&cut), Refusal::CutOff);
    assert!(refusal(&cut).to_string().contains("cropped"));
    assert_eq!(refusal(&copied(&frame, (160, 92), grid((0.0, 0.25), (0.0, 0.25)), 16)), Refusal::TooSmall);
    let mut noise = frame.clone();
    noise.data_mut().copy_from_slice(&random(1, frame.data().len()));
    assert_eq!(refusal(&noise), Refusal::NoHeader);
    assert_eq!(refusal(&Frame::new(Shape { format: PixelFormat::Rgba, ..frame.shape() })), Refusal::Format);
    let (dense, _) = rendered(small("dense").as_ref(), 1);
    assert_eq!(refusal(&dense), Refusal::Profile(1));
}

#[test]
fn brighter_and_duller_copies_are_read() {
    for name in ["dense", "share", "tough", "art"] {
        let modem = small(name);
        let (frame, payload) = rendered(modem.as_ref(), 4);
        let mut copy = frame.clone();
        for sample in copy.plane_mut(0) {
            *sample = (f64::from(*sample) * 0.8 + 40.0).round().min(255.0) as u8;
        }
        let found = modem.detect(&copy, None);
        assert!(
            matches!(&found, Detection::Frame { payload: back, .. } if *back == payload),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn the_parity_of_a_frame_is_the_one_that_its_header_says() {
    let make = |parity| (by_name("share").unwrap().modem)(640, 368, parity).unwrap();
    let (few, many) = (make(10), make(60));
    assert!(few.payload_len() > many.payload_len());
    let (frame, payload) = rendered(many.as_ref(), 1);
    let found = few.detect(&frame, None);
    assert!(matches!(&found, Detection::Frame { payload: back, .. } if *back == payload));
}

#[test]
fn a_chunk_of_f2v2f_fits_into_a_frame_and_survives_the_way_over_rgb() {
    let profile = by_name("f2v2f").unwrap();
    let modem = (profile.modem)(1920, 1080, profile.parity).unwrap();
    assert!(modem.payload_len() >= lab_video::profile::F2V2F_CHUNK);
    let (frame, _) = rendered(modem.as_ref(), 1);
    let mut rgba = frame.clone();
    to_rgba(&frame, &mut rgba).unwrap();
    // What a converter makes of it: means of four pixels for chroma (BT.601).
    let mut back = frame.clone();
    let pixels = rgba.data().as_chunks::<4>().0;
    let weigh = |p: &[u8; 4], w: [f64; 3], offset: f64| {
        offset + (0..3).map(|i| w[i] * f64::from(p[i])).sum::<f64>() / 256.0
    };
    for (y, row) in back.plane_mut(0).iter_mut().zip(pixels) {
        *y = weigh(row, [65.738, 129.057, 25.064], 16.0).round() as u8;
    }
    for (plane, w) in [(1, [-37.945, -74.494, 112.439]), (2, [112.439, -94.154, -18.285])] {
        for (i, out) in back.plane_mut(plane).iter_mut().enumerate() {
            let at = i / 960 * 2 * 1920 + i % 960 * 2;
            let four = [at, at + 1, at + 1920, at + 1921].map(|p| weigh(&pixels[p], w, 128.0));
            *out = (four.iter().sum::<f64>() / 4.0).round() as u8;
        }
    }
    let Detection::Frame { margin, .. } = modem.detect(&back, None) else { panic!("not read") };
    assert_eq!(margin.corrected, 0);
}

#[test]
fn key_frames_stand_at_the_beginning_of_a_group_of_pictures() {
    for profile in PROFILES {
        if let Structure::Grey { data, groups } = profile.structure {
            let distance = (groups * (data + 1) + 1).to_string();
            for setting in profile.encoders {
                let arguments = setting.arguments.join(" ");
                assert!(
                    arguments.contains(&format!("keyint={distance}:min-keyint={distance}:bframes={data}:"))
                );
            }
            assert_eq!(profile.structure.key_distance().to_string(), distance);
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    for profile in PROFILES {
        for (width, height) in [(0, 0), (4, 4), (1920, 16), (96, 1080), (1921, 1080), (1920, 1081)] {
            assert!((profile.modem)(width, height, profile.parity).is_none(), "{width}x{height}");
        }
        assert!((profile.modem)(640, 368, 0).is_none() && (profile.modem)(640, 368, 255).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_number_of_coefficients_and_any_payload(
        coefficients in 1usize..=10, amplitude in 30.0..60.0f64, parity in 2usize..60, frame: u32, seed: u64,
        fill in 0.0..1.0f64,
    ) {
        let parameters = Parameters { profile: 9, coefficients, amplitude, band_amplitude: 200.0, parity };
        let modem = SignModem::new(parameters, 256, 144).unwrap();
        let payload = random(seed, (fill * modem.payload_len() as f64) as usize);
        let mut picture = grey(&modem);
        modem.render(&header(frame), &payload, &mut picture);
        let Detection::Frame { header, payload: back, .. } = modem.detect(&picture, None) else {
            panic!("not read");
        };
        prop_assert_eq!((header.frame, header.profile), (frame, 9));
        prop_assert_eq!(back, payload);
    }

    #[test]
    fn hostile_pictures_and_grids_do_no_harm(
        width in 1u32..200, height in 1u32..150, format in 0usize..14, kind in 0u8..3, seed: u64,
        start in prop::num::f64::ANY, step in prop::num::f64::ANY,
    ) {
        let format = PixelFormat::all().nth(format).unwrap();
        let mut picture = Frame::new(Shape { width, height, format });
        let length = picture.data().len();
        match kind {
            0 => picture.data_mut().copy_from_slice(&random(seed, length)),
            1 => picture.data_mut().fill(seed as u8),
            _ => picture.data_mut().iter_mut().enumerate().for_each(|(i, s)| *s = if i / 3 % 2 == 0 { 0 } else { 255 }),
        }
        let hint = Grid { x: Axis { start, step }, y: Axis { start: step, step: start } };
        let sign = SignModem::new(
            Parameters { profile: 2, coefficients: 3, amplitude: 120.0, band_amplitude: 220.0, parity: 28 }, 256, 144,
        ).unwrap();
        let art = ArtModem::new(4, 16, 256, 144).unwrap();
        for modem in [&sign as &dyn Modem, &art] {
            for hint in [None, Some(hint)] {
                prop_assert!(matches!(modem.detect(&picture, hint), Detection::None(_)));
            }
        }
    }

    #[test]
    fn a_header_that_lies_does_no_harm(parity: u8, profile in 0u8..16, style in 0u8..16, seed: u64) {
        // The frame of a modem whose header says something else than what the reader expects.
        let parameters = Parameters { profile: 2, coefficients: 3, amplitude: 120.0, band_amplitude: 220.0, parity: 28 };
        let reader = SignModem::new(parameters, 256, 144).unwrap();
        let parity = usize::from(parity.clamp(1, 200));
        let Some(writer) = SignModem::new(Parameters { coefficients: 4, profile, parity, ..parameters }, 256, 144) else {
            return Ok(());
        };
        let mut picture = grey(&writer);
        writer.render(&FrameHeader { style, ..header(1) }, &random(seed, writer.payload_len()), &mut picture);
        let read = |modem: &dyn Modem| matches!(modem.detect(&picture, None), Detection::Frame { .. });
        prop_assert!(!read(&reader));
        let art = ArtModem::new(profile, 16, 256, 144).unwrap();
        prop_assert!(!read(&art));
    }
}

/// The tables and vectors of `docs/formats/video-modems.md`.
#[test]
fn the_page_has_the_scenes_and_the_golden_frames() {
    let page = include_str!("../../../docs/formats/video-modems.md");
    let mut lines = Vec::new();
    for (number, style) in STYLES.iter().enumerate() {
        let colours: Vec<String> =
            style.palette.iter().map(|c| c.iter().map(|c| format!("{c:02X}")).collect()).collect();
        lines.push(format!("| {number} | {} | {} |", style.name, colours.join(" ")));
        if number % 2 == 0 {
            assert_eq!(style.layers, STYLES[number + 1].layers);
            for (i, layer) in style.layers.iter().enumerate() {
                let [(_, y0), (_, y1)] = layer.axis;
                let [a, b] = layer.colours;
                lines.push(format!("| {number} | {i} | {:?} | {y0} {y1} | {a} {b} |", layer.outline));
            }
        }
    }
    let payload: Vec<u8> = (0..100).collect();
    for profile in PROFILES {
        for style in if profile.number < 4 { 0..1 } else { 0..8 } {
            let modem = (profile.modem)(640, 368, profile.parity).unwrap();
            let mut frame = grey(modem.as_ref());
            modem.render(&FrameHeader { style, ..header(7) }, &payload, &mut frame);
            let crc = [0, 1, 2].map(|plane| format!("{:08X}", crc32c::crc32c(frame.plane(plane))));
            lines.push(format!(
                "| {} | {style} | {} | {} |",
                profile.name,
                modem.payload_len(),
                crc.join(" | ")
            ));
        }
    }
    // The words of a frame that is small enough to be given whole.
    let words = Codewords::new(40, 8).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ");
    lines.push(format!("    {}", hex(&words.encode(7, &payload[..20]))));
    let bands = Bands::new(48, 80, 4).unwrap();
    let sent = FrameHeader { profile: 2, parity: 28, length: 100, ..header(7) };
    lines.push(format!("    {}", hex(&sent.to_bytes())));
    for band in 0..2 {
        let row: String =
            bands.write(&sent, band)[..48].iter().map(|&white| if white { '#' } else { '.' }).collect();
        lines.push(format!("    {row}"));
    }
    let modem = small("share");
    let mut frame = grey(modem.as_ref());
    modem.render(&header(7), &payload, &mut frame);
    for row in frame.plane(0).chunks(640).take(4) {
        lines.push(format!("    {}", hex(&row[..16])));
    }
    let missing: Vec<_> = lines.iter().filter(|line| !page.contains(*line)).cloned().collect();
    assert!(missing.is_empty(), "the page lacks:\n{}", missing.join("\n"));
}
