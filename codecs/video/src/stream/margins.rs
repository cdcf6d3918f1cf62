//! How close a copy of a video is to failing, as its reader found.

use std::collections::BTreeMap;
use std::fmt;

use lab_codec::format_count as count;
use serde::Serialize;

use super::Health;

/// How close a copy is to failing. Displayed as indented lines, each with its line end.
#[derive(Debug, Clone, Serialize)]
pub struct Margins {
    /// Pictures of the video.
    pub pictures: u64,
    /// Frames that were read.
    pub frames: u64,
    /// Frames of known groups that are missing.
    pub lost_frames: u64,
    /// Frames of which only the header could be read.
    pub damaged_frames: u64,
    /// Frames that came again.
    pub repeated_frames: u64,
    /// Parity bytes that the worst word needed, and those that it has.
    pub worst_word: [usize; 2],
    /// Wrong bytes that were corrected, per Reed-Solomon word.
    pub corrected_per_word: f64,
    /// The group of frames that is closest to failing.
    pub weakest_group: Option<Weakest>,
    /// Pictures that are not frames, by reason.
    pub other_pictures: BTreeMap<String, u64>,
}

/// The group of frames that is closest to failing.
#[derive(Debug, Clone, Serialize)]
pub struct Weakest {
    /// Its number.
    pub group: u32,
    /// Data frames that were sent.
    pub data_frames: u32,
    /// Parity frames that were sent: the frames that may be lost.
    pub parity_frames: u32,
    /// Frames that are missing.
    pub lost_frames: u32,
}

impl Margins {
    /// The margins of a copy that was read to its end.
    pub fn of(health: &Health) -> Self {
        let weakest = health.weakest().map(|(group, it)| Weakest {
            group,
            data_frames: it.data,
            parity_frames: it.parity,
            lost_frames: it.lost(),
        });
        Self {
            pictures: health.pictures,
            frames: health.frames,
            lost_frames: health.lost(),
            damaged_frames: health.damaged,
            repeated_frames: health.repeated,
            worst_word: [health.worst.worst, health.worst.parity],
            corrected_per_word: health.corrected as f64 / health.words.max(1) as f64,
            weakest_group: weakest,
            other_pictures: health.refused.clone(),
        }
    }
}

impl fmt::Display for Margins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [worst, parity] = self.worst_word;
        writeln!(
            f,
            "  worst word: {worst} of {parity} parity bytes needed; {:.2} wrong bytes a word\n  \
             frames: {} read, {} lost, {} damaged, {} repeated, in {} pictures",
            self.corrected_per_word,
            count(self.frames),
            count(self.lost_frames),
            count(self.damaged_frames),
            count(self.repeated_frames),
            count(self.pictures),
        )?;
        if let Some(weakest) = &self.weakest_group {
            let Weakest { group, data_frames, parity_frames, lost_frames } = weakest;
            let sent = data_frames + parity_frames;
            writeln!(
                f,
                "  weakest group: number {group}, {lost_frames} of {sent} frames lost, {parity_frames} may be"
            )?;
        }
        for (why, pictures) in &self.other_pictures {
            writeln!(f, "  {} pictures: {why}", count(*pictures))?;
        }
        Ok(())
    }
}
