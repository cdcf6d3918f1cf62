//! Samples of all tracks while an album is made: in a scratch file, since a Matroska file begins with what is known
//! last.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use lab_codec::{Error, Result};
use lab_media::container::matroska::{Sample, TrackPlan, Writer};

/// The program that wrote the file, as its head says.
pub const APPLICATION: &str = "lab album";
/// Codec of the track that holds everything that is no video.
pub const DATA_CODEC: &str = "D_LAB/ALBUM";

/// A scratch file with the samples of tracks.
pub struct Spool {
    file: fs::File,
    length: u64,
    tracks: Vec<(TrackPlan, Vec<Entry>)>,
}

#[derive(Clone, Copy)]
struct Entry {
    offset: u64,
    size: u64,
    time: u64,
    key: bool,
}

/// The index of the data track; its number is one more.
const DATA: usize = 0;

impl Spool {
    /// An empty one in the folder `scratch`.
    ///
    /// # Errors
    /// I/O errors.
    pub fn new(scratch: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(scratch)
            .map_err(|e| Error::from(e).at(format!("cannot write in {}", scratch.display())))?;
        let data = TrackPlan::data(DATA_CODEC, "files and pictures");
        Ok(Self { file, length: 0, tracks: vec![(data, Vec::new())] })
    }

    /// The number of the data track.
    pub fn data_track(&self) -> u16 {
        DATA as u16 + 1
    }

    /// Adds a block to the data track; its number there.
    ///
    /// # Errors
    /// I/O errors.
    pub fn data(&mut self, bytes: &[u8]) -> Result<u64> {
        self.sample(self.data_track(), bytes, 0, true)
    }

    /// Adds a track; its number.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) where there are too many.
    pub fn track(&mut self, plan: TrackPlan) -> Result<u16> {
        self.tracks.push((plan, Vec::new()));
        let number = u16::try_from(self.tracks.len()).ok().filter(|number| *number < 1 << 14);
        number.ok_or_else(|| Error::limit("an album of more than 16,383 tracks; pack its folders one by one"))
    }

    /// Adds a sample to a track; its number there.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sample(&mut self, track: u16, bytes: &[u8], time: u64, key: bool) -> Result<u64> {
        self.file.write_all(bytes)?;
        let entries = &mut self.tracks[usize::from(track) - 1].1;
        entries.push(Entry { offset: self.length, size: bytes.len() as u64, time, key });
        self.length += bytes.len() as u64;
        Ok(entries.len() as u64 - 1)
    }

    /// When the last video ends, whose last picture is shown for `step` milliseconds; 0 without one.
    pub fn end(&self, step: u64) -> u64 {
        let times = self.tracks.iter().skip(DATA + 1).flat_map(|(_, entries)| entries);
        times.map(|entry| entry.time + step).max().unwrap_or(0)
    }

    /// Bytes of the samples of a track.
    pub fn track_bytes(&self, track: u16) -> u64 {
        self.tracks[usize::from(track) - 1].1.iter().map(|entry| entry.size).sum()
    }

    /// Writes the file: videos first, side by side, then the data at their end; `each` sees how many bytes went by.
    ///
    /// # Errors
    /// I/O errors.
    pub fn write(
        mut self,
        attachment: (&str, &str, Vec<u8>),
        duration: u64,
        sink: &mut dyn Write,
        each: &dyn Fn(u64),
    ) -> Result<()> {
        self.file.flush()?;
        let mut order: Vec<(u16, Entry)> = Vec::new();
        for (number, (_, entries)) in (1_u16..).zip(&self.tracks) {
            let time = |entry: &Entry| if number == self.data_track() { duration } else { entry.time };
            order.extend(entries.iter().map(|entry| (number, Entry { time: time(entry), ..*entry })));
        }
        // Frames that are shown earlier than the one before them stay behind it: the order within a track is that of
        // decoding, and a sort by time that is not allowed to go back keeps it.
        let mut latest = vec![0; self.tracks.len() + 1];
        let mut keyed: Vec<(u64, usize)> = Vec::with_capacity(order.len());
        for (place, (track, entry)) in order.iter().enumerate() {
            let last = &mut latest[usize::from(*track)];
            *last = entry.time.max(*last);
            keyed.push((*last, place));
        }
        keyed.sort_unstable();
        let order: Vec<(u16, Entry)> = keyed.into_iter().map(|(_, place)| order[place]).collect();
        let plans = self.tracks.iter().map(|(plan, _)| plan.clone()).collect();
        let mut writer = Writer::new(APPLICATION, plans, duration);
        for (track, entry) in &order {
            writer.sample(Sample { track: *track, time: entry.time, key: entry.key, size: entry.size });
        }
        let (name, media_type, data) = attachment;
        writer.attach(name, media_type, data);
        let file = std::sync::Arc::new(self.file);
        writer.write(sink, &mut |number| {
            let entry = order[number].1;
            each(entry.size);
            Ok(Box::new(Part { file: file.clone(), offset: entry.offset, left: entry.size }))
        })
    }
}

/// A part of the scratch file.
struct Part {
    file: std::sync::Arc<fs::File>,
    offset: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let wanted = (buffer.len() as u64).min(self.left) as usize;
        let read = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
