//! Every encoder setting of every profile, through ffmpeg: the frames come back, the grey pictures are
//! where they belong.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use lab_codec::Context;
use lab_media::ffmpeg::{Decoder, EncodeOptions, EncodedVideo, Output};
use lab_media::{Colour, Frame, Rate, Video};
use lab_video::modem::grid::Axis;
use lab_video::modem::rgba::to_rgba;
use lab_video::modem::{Detection, FrameHeader, Kind, Refusal, grey};
use lab_video::profile::{PROFILES, Pixels, Structure};

const FRAMES: usize = 10;

/// Where the frame fills a picture of its own size.
const WHOLE: Axis = Axis { start: 0.0, step: 1.0 };

fn header(frame: usize) -> FrameHeader {
    FrameHeader {
        kind: Kind::Data,
        profile: 0,
        style: 3,
        parity: 0,
        stream_id: 7,
        frame: frame as u32,
        length: 0,
        group: 0,
        index: frame as u16,
        data_frames: FRAMES as u16,
        parity_frames: 0,
    }
}

#[test]
fn every_setting_gives_a_video_that_is_read_without_loss() {
    let cx = Context::default();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("video.mp4");
    for profile in PROFILES {
        let modem = (profile.modem)(640, 368, profile.parity).unwrap();
        for setting in profile.encoders {
            let what = format!("{} by {}", profile.name, setting.encoder.word());
            let mut pictures = Vec::new();
            for number in 0..FRAMES {
                if let Structure::Grey { data, .. } = profile.structure
                    && number % data == 0
                {
                    pictures.push(grey(modem.as_ref()));
                }
                let mut picture = Frame::new(modem.shape());
                modem.render(&header(number), &[number as u8; 50], &mut picture);
                if profile.pixels == Pixels::Rgba {
                    let drawn = picture.clone();
                    to_rgba(&drawn, &mut picture).unwrap();
                }
                pictures.push(picture);
            }
            if profile.structure != Structure::Plain {
                pictures.push(grey(modem.as_ref()));
            }
            let video = Video {
                shape: pictures[0].shape(),
                colour: Colour::default(),
                rate: Rate { num: 30, den: 1 },
                frames: None,
            };
            let mut options = EncodeOptions::new(setting.encoder, "mp4");
            options.arguments = setting.arguments.iter().map(|a| a.to_string()).collect();
            let mut encoded = EncodedVideo::create(Output::File(path.clone()), video, &options, &cx).unwrap();
            for picture in &pictures {
                encoded.write(picture).unwrap();
            }
            encoded.finish().unwrap_or_else(|e| panic!("{what}: {e}"));

            let mut decoder = Decoder::open(&path, &Default::default(), &cx).unwrap();
            let mut picture = Frame::new(modem.shape());
            let (mut numbers, mut blank) = (Vec::new(), 0);
            while decoder.read(&mut picture).unwrap() {
                match modem.detect(&picture, None) {
                    Detection::Frame { header, payload, grid, .. } => {
                        assert_eq!((grid.x, grid.y), (WHOLE, WHOLE), "{what}");
                        assert_eq!(payload, [header.frame as u8; 50], "{what}");
                        numbers.push(header.frame as usize);
                    }
                    Detection::None(Refusal::Blank) => blank += 1,
                    other => panic!("{what}: {other:?}"),
                }
            }
            assert_eq!(numbers, (0..FRAMES).collect::<Vec<_>>(), "{what}");
            assert_eq!(blank, pictures.len() - FRAMES, "{what}");
        }
    }
}
