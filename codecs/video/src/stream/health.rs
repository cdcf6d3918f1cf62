//! How close to failing a copy is.

use std::collections::BTreeMap;

use crate::modem::{FrameHeader, Kind, Margin};

/// What was seen of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Pictures that were looked at.
    pub pictures: u64,
    /// Pictures of one colour: grey ones of the encoder's structure.
    pub blank: u64,
    /// Frames of the stream, repetitions left out.
    pub frames: u64,
    /// Frames that came again.
    pub repeated: u64,
    /// Frames of which only the header could be read.
    pub damaged: u64,
    /// Pictures that are no frame, by reason.
    pub refused: BTreeMap<String, u64>,
    /// The highest need of parity bytes in a word among all frames, and how many there were.
    pub worst: Margin,
    /// Wrong bytes that were put right.
    pub corrected: u64,
    /// Reed-Solomon words that were read.
    pub words: u64,
    /// What is there of each group: data and parity frames that were read, and how many there are of them.
    pub groups: BTreeMap<u32, Group>,
}

/// What is there of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// Data and parity frames that were read.
    pub read: u32,
    /// Data frames there are.
    pub data: u32,
    /// Parity frames there are.
    pub parity: u32,
}

impl Group {
    /// Frames that are missing.
    pub fn lost(&self) -> u32 {
        (self.data + self.parity).saturating_sub(self.read)
    }
}

impl Health {
    /// Takes note of a frame that was read for the first time.
    pub(super) fn note(&mut self, header: &FrameHeader, margin: &Margin, whole: bool) {
        self.frames += 1;
        self.damaged += u64::from(!whole);
        self.corrected += margin.corrected as u64;
        self.words += margin.words as u64;
        if margin.worst > self.worst.worst || self.worst.parity == 0 {
            self.worst = *margin;
        }
        if matches!(header.kind, Kind::Data | Kind::Parity) {
            let group = self.groups.entry(header.group).or_default();
            group.read += u32::from(whole);
            (group.data, group.parity) = (header.data_frames.into(), header.parity_frames.into());
        }
    }

    /// The group that is closest to failing: the least difference of frames that were read to data frames.
    pub fn weakest(&self) -> Option<(u32, Group)> {
        let (number, group) =
            self.groups.iter().min_by_key(|(_, group)| i64::from(group.read) - i64::from(group.data))?;
        Some((*number, *group))
    }

    /// Frames that are missing in all groups of which anything is there.
    pub fn lost(&self) -> u64 {
        self.groups.values().map(|group| u64::from(group.lost())).sum()
    }
}
