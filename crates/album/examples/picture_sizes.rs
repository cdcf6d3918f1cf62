//! What an album of a folder takes: `measure MODE CODEC ORDER FOLDER...`, all by the library.

#![allow(missing_docs, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use lab_album::Quality;
use lab_album::manifest::{Content, Mode};
use lab_album::{Codec, Options, pack};
use lab_codec::{Context, Error, Result};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, codec, order, folders @ ..] = &args[..] else {
        return Err(Error::usage("measure MODE CODEC ORDER FOLDER..."));
    };
    let options = Options {
        mode: match mode.as_str() {
            "pixels" => Mode::LosslessPixels,
            "visual" => Mode::Visual,
            _ => Mode::LosslessFiles,
        },
        codec: match codec.as_str() {
            "native" => Codec::Native,
            "ffv1" => Codec::Ffv1,
            "h264" => Codec::H264,
            "h265" => Codec::H265,
            "av1" => Codec::Av1,
            _ => Codec::Auto,
        },
        quality: Quality { crf: None, qp: None, target: 80.0, floor: 75.0 },
        preset: None,
        broken_fails: false,
        by_name: order == "name",
        playable: None,
    };
    let scratch = std::env::temp_dir();
    for folder in folders {
        let start = Instant::now();
        let mut out = Vec::new();
        let summary = pack(Path::new(folder), &options, &scratch, &mut out, &Context::default())?;
        let files = &summary.manifest.files;
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let coded = files.iter().filter(|file| matches!(file.content, Content::Coded { .. })).count();
        let scores: Vec<f64> =
            files.iter().filter_map(|file| Some(f64::from(file.picture.as_ref()?.score?) / 100.0)).collect();
        println!(
            "{folder} {mode} {codec} {order}: {bytes} -> {} bytes ({:.3}), {coded} of {} coded, manifest {}, {:.1} s, scores {} {:.1} {:.1}",
            out.len(),
            out.len() as f64 / bytes as f64,
            files.len(),
            summary.manifest_bytes.len(),
            start.elapsed().as_secs_f64(),
            scores.len(),
            scores.iter().sum::<f64>() / scores.len().max(1) as f64,
            scores.iter().copied().fold(f64::INFINITY, f64::min),
        );
        for note in &summary.notes {
            println!("  {note}");
        }
    }
    Ok(())
}
