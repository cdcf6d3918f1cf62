//! Pictures as videos: lossless tracks, tracks that look the same, slide shows. By way of ffmpeg.

mod coded;
mod lossless;
pub mod slides;
mod trial;
mod visual;

use lab_codec::{Context, Result};
use lab_media::PixelFormat;
use lab_media::ffmpeg::{EncodeOptions, Encoder};

pub use coded::decode_blocks;
pub(crate) use lossless::lossless;
pub(crate) use slides::slides;
pub(crate) use visual::visual;

use crate::manifest::SEGMENT_PICTURES;
use crate::options::{Codec, Quality};
use crate::pixels::Shape;

/// A lossy encoder and how it is used.
#[derive(Debug, Clone, Copy)]
struct Lossy {
    encoder: Encoder,
    /// Whether every picture stands alone; otherwise each may lean on others of its segment.
    intra: bool,
    /// The pixel format that is coded.
    format: PixelFormat,
    /// Levels to a step of the encoder's own measure of quality: about one point of the score each.
    fineness: u32,
    /// The range of levels.
    range: (u32, u32),
    /// About the level for a score of 80.
    start: u32,
}

const AV1: Lossy = Lossy {
    encoder: Encoder::SvtAv1,
    intra: false,
    format: PixelFormat::Yuv420p10,
    fineness: 1,
    range: (4, 60),
    start: 18,
};
const H265: Lossy = Lossy {
    encoder: Encoder::X265,
    intra: false,
    format: PixelFormat::Yuv444p10,
    fineness: 2,
    range: (8, 88),
    start: 54,
};
const H264: Lossy = Lossy {
    encoder: Encoder::X264,
    intra: false,
    format: PixelFormat::Yuv444p,
    fineness: 2,
    range: (8, 88),
    start: 50,
};
const NVENC: Lossy = Lossy {
    encoder: Encoder::Nvenc,
    intra: false,
    format: PixelFormat::Yuv420p,
    fineness: 1,
    range: (4, 44),
    start: 25,
};

impl Lossy {
    /// The ways of a codec that work here.
    fn candidates(codec: Codec, notes: &mut Vec<String>, cx: &Context) -> Result<Vec<Self>> {
        let list: &[Self] = match codec {
            Codec::Av1 => &[AV1],
            Codec::H265 => &[H265],
            Codec::H264 => &[H264],
            Codec::Nvenc => &[NVENC],
            Codec::Auto | Codec::Native | Codec::Ffv1 => &[AV1, H265],
        };
        let mut working = Vec::new();
        for lossy in list {
            match lossy.encoder.probe(cx)? {
                Ok(()) => working.push(*lossy),
                Err(why) if codec == Codec::Auto => {
                    notes.push(format!("{} does not work here: {why}", lossy.encoder.word()));
                }
                Err(why) => {
                    let choice = Encoder::choose(Some(lossy.encoder), &[], cx)?;
                    let instead = if choice.encoder == Encoder::X264 { H264 } else { H265 };
                    notes.push(format!(
                        "{} does not work here ({why}); {} is taken",
                        lossy.encoder.word(),
                        choice.encoder.word()
                    ));
                    working.push(instead);
                }
            }
        }
        if working.is_empty() && codec == Codec::Auto && H264.encoder.probe(cx)?.is_ok() {
            working.push(H264);
        }
        Ok(working.into_iter().flat_map(|lossy| [lossy, Self { intra: true, ..lossy }]).collect())
    }

    /// The level to try first for a score.
    fn start(self, target: f64) -> u32 {
        (f64::from(self.start) + 80.0 - target).max(0.0) as u32
    }

    /// Options for a quality `level`: what is asked for by `quality`, or else the level. All pictures count
    /// the same, so that none may be coded worse because others lean on it less, or because it is busier
    /// than the one before, and none is smoothed so that others can lean on it more.
    fn options(self, quality: &Quality, level: u32, preset: Option<&str>) -> EncodeOptions {
        let mut options = EncodeOptions::new(self.encoder, "matroska");
        options.pixels = Some(self.format.name().to_string());
        let gop = if self.intra { 1 } else { SEGMENT_PICTURES }.to_string();
        let mut add = |words: &[&str]| options.arguments.extend(words.iter().map(|word| word.to_string()));
        let crf = quality.crf.map_or(f64::from(level) / f64::from(self.fineness), f64::from).to_string();
        match (quality.qp, self.encoder) {
            (Some(qp), _) => add(&["-qp", &qp.to_string()]),
            (None, Encoder::Nvenc) => add(&["-rc", "vbr", "-cq", &crf]),
            (None, _) => add(&["-crf", &crf]),
        }
        add(&["-g", &gop]);
        match self.encoder {
            Encoder::SvtAv1 => {
                let flat = "tune=0:enable-tf=0:use-fixed-qindex-offsets=1:key-frame-qindex-offset=0:\
                            qindex-offsets=[0,0,0,0,0,0]";
                let parameters = if self.intra { "tune=0" } else { flat };
                add(&["-preset", preset.unwrap_or("5"), "-svtav1-params", parameters]);
            }
            Encoder::X265 => add(&[
                "-preset",
                preset.unwrap_or("medium"),
                "-x265-params",
                &format!("keyint={gop}:open-gop=0:log-level=error:ipratio=1:pbratio=1:cutree=0:qcomp=1"),
            ]),
            Encoder::X264 => {
                add(&[
                    "-preset",
                    preset.unwrap_or("slow"),
                    "-x264-params",
                    "ipratio=1:pbratio=1:mbtree=0:qcomp=1",
                ]);
            }
            _ => {
                if let Some(preset) = preset {
                    add(&["-preset", preset]);
                }
            }
        }
        options
    }

    /// Whether the encoder takes pictures of this size.
    fn takes(self, shape: Shape) -> bool {
        let sides = [shape.width, shape.height];
        sides.iter().all(|side| (64..=8192).contains(side))
    }
}
