//! The figures of an album that was packed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::manifest::{Coding, Content};
use crate::{Summary, scan};

/// The figures of an album.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`Mode::name`](crate::manifest::Mode::name).
    pub mode: &'static str,
    /// Bytes of all files.
    pub input_bytes: u64,
    /// Bytes of the album.
    pub output_bytes: u64,
    /// Files over album; `None` for a folder without bytes.
    pub ratio: Option<f64>,
    /// Time that the packing took.
    pub seconds: f64,
    /// Number of files.
    pub files: usize,
    /// Files that are pictures.
    pub pictures: usize,
    /// Files that are stored as bytes.
    pub stored: usize,
    /// Files with the same content as another.
    pub same: usize,
    /// Pictures in groups of the native coder.
    pub coded: usize,
    /// Pictures in video tracks.
    pub video: usize,
    /// Groups of pictures of one shape.
    pub groups: usize,
    /// Bytes of the attached manifest.
    pub manifest_bytes: u64,
    /// Bytes of the slide show's samples.
    pub slide_show_bytes: u64,
    /// The lowest SSIMULACRA2 of the pictures that were coded with loss.
    pub least_score: Option<f64>,
    /// The mean SSIMULACRA2 of the same pictures.
    pub mean_score: Option<f64>,
    /// Broken pictures, stored as bytes, and what is wrong with them.
    pub broken: BTreeMap<String, String>,
    /// Links, devices and the like, which are not packed.
    pub left_out: Vec<String>,
    /// Encoders that were chosen or left out, and why.
    pub notes: Vec<String>,
}

impl Report {
    /// The figures of `summary`, for an album of `output_bytes` that took `seconds`.
    pub fn new(summary: &Summary, output_bytes: u64, seconds: f64) -> Self {
        let manifest = &summary.manifest;
        let input_bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
        let count =
            |is: &dyn Fn(&Content) -> bool| manifest.files.iter().filter(|file| is(&file.content)).count();
        let is_video = |content: &Content| match content {
            Content::Coded { group, .. } => !matches!(manifest.groups[*group as usize].coding, Coding::Data),
            _ => false,
        };
        let scores: Vec<f64> = manifest
            .files
            .iter()
            .filter_map(|file| file.picture.as_ref()?.score)
            .map(|score| f64::from(score) / 100.0)
            .collect();
        Self {
            mode: manifest.mode.name(),
            input_bytes,
            output_bytes,
            ratio: (input_bytes > 0).then(|| input_bytes as f64 / output_bytes as f64),
            seconds,
            files: manifest.files.len(),
            pictures: manifest.files.iter().filter(|file| file.picture.is_some()).count(),
            stored: count(&|content| matches!(content, Content::Stored { .. })),
            same: count(&|content| matches!(content, Content::Same { .. })),
            coded: count(&|content| matches!(content, Content::Coded { .. }) && !is_video(content)),
            video: count(&is_video),
            groups: manifest.groups.len(),
            manifest_bytes: summary.manifest_bytes.len() as u64,
            slide_show_bytes: summary.slides_bytes,
            least_score: scores.iter().copied().reduce(f64::min),
            mean_score: (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64),
            broken: summary.broken.iter().map(|(path, why)| (scan::text(path), why.clone())).collect(),
            left_out: summary.others.iter().map(|path| scan::text(path)).collect(),
            notes: summary.notes.clone(),
        }
    }
}
