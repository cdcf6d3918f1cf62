//! The health of a copy: how much of its parity it needs, and how many frames are lost.

use std::collections::BTreeMap;

use crate::modem::{FrameHeader, Kind, Margin};

/// Statistics of a copy, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Pictures that were read.
    pub pictures: u64,
    /// Uniform pictures: the grey ones of the encoder's structure.
    pub blank: u64,
    /// Frames of the stream, without repetitions.
    pub frames: u64,
    /// Repeated frames.
    pub repeated: u64,
    /// Frames with a readable header whose payload could not be corrected.
    pub damaged: u64,
    /// Pictures without a frame of the stream, by reason.
    pub refused: BTreeMap<String, u64>,
    /// The margin of the frame whose worst codeword needed the most parity bytes.
    pub worst: Margin,
    /// Wrong bytes that were corrected.
    pub corrected: u64,
    /// Reed-Solomon codewords that were read.
    pub words: u64,
    /// Frames read of each group, and how many it has.
    pub groups: BTreeMap<u32, Group>,
}

/// Frames read of a group, and how many it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// Data and parity frames that were read.
    pub read: u32,
    /// Data frames of the group.
    pub data: u32,
    /// Parity frames of the group.
    pub parity: u32,
}

impl Group {
    /// Lost frames.
    pub fn lost(&self) -> u32 {
        (self.data + self.parity).saturating_sub(self.read)
    }
}

impl Health {
    /// Counts a frame that was read for the first time.
    pub(super) fn note(&mut self, header: &FrameHeader, margin: &Margin, whole: bool) {
        self.frames += 1;
        self.damaged += u64::from(!whole);
        self.corrected += margin.corrected as u64;
        self.words += margin.codewords as u64;
        if margin.worst > self.worst.worst || self.worst.parity == 0 {
            self.worst = *margin;
        }
        if matches!(header.kind, Kind::Data | Kind::Parity) {
            let group = self.groups.entry(header.group).or_default();
            group.read += u32::from(whole);
            (group.data, group.parity) = (header.data_frames.into(), header.parity_frames.into());
        }
    }

    /// The group closest to failing: the one with the fewest frames read beyond its number of data frames.
    pub fn weakest(&self) -> Option<(u32, Group)> {
        let (number, group) =
            self.groups.iter().min_by_key(|(_, group)| i64::from(group.read) - i64::from(group.data))?;
        Some((*number, *group))
    }

    /// Lost frames of all groups with at least one frame read.
    pub fn lost(&self) -> u64 {
        self.groups.values().map(|group| u64::from(group.lost())).sum()
    }
}
