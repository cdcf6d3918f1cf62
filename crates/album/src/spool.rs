//! A scratch file with the samples of all tracks. A Matroska file begins with its tracks, index and manifest,
//! which are known only after the last sample.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use lab_codec::{Error, Result};
use lab_media::container::matroska::{Sample, TrackPlan, Writer};

/// The writing program, as the file's head names it.
pub(crate) const APPLICATION: &str = "lab album";
/// Codec name of the data track, which holds files, recipes and natively coded pictures.
pub(crate) const DATA_CODEC: &str = "D_LAB/ALBUM";

/// The scratch file and the position of each sample in it.
pub(crate) struct Spool {
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

/// Index of the data track. Matroska numbers tracks from 1, so its number is one more.
const DATA: usize = 0;

impl Spool {
    /// Creates an empty scratch file in the folder `scratch`.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn new(scratch: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(scratch)
            .map_err(|e| Error::from(e).at(format!("cannot write in {}", scratch.display())))?;
        let data = TrackPlan::data(DATA_CODEC, "files and pictures");
        Ok(Self { file, length: 0, tracks: vec![(data, Vec::new())] })
    }

    /// The number of the data track.
    pub(crate) fn data_track(&self) -> u16 {
        DATA as u16 + 1
    }

    /// Appends a block to the data track; returns its number there.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn data(&mut self, bytes: &[u8]) -> Result<u64> {
        self.sample(self.data_track(), bytes, 0, true)
    }

    /// Adds a track; returns its number.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) from track 16,384 on, which needs three bytes in each block.
    pub(crate) fn track(&mut self, plan: TrackPlan) -> Result<u16> {
        self.tracks.push((plan, Vec::new()));
        let number = u16::try_from(self.tracks.len()).ok().filter(|number| *number < 1 << 14);
        number.ok_or_else(|| Error::limit("an album of more than 16,383 tracks; pack its folders one by one"))
    }

    /// Appends a sample to a track; returns its number there.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn sample(&mut self, track: u16, bytes: &[u8], time: u64, key: bool) -> Result<u64> {
        self.file.write_all(bytes)?;
        let entries = &mut self.tracks[usize::from(track) - 1].1;
        entries.push(Entry { offset: self.length, size: bytes.len() as u64, time, key });
        self.length += bytes.len() as u64;
        Ok(entries.len() as u64 - 1)
    }

    /// End time of the last video in milliseconds, if each picture is shown for `step`; 0 without videos.
    pub(crate) fn end(&self, step: u64) -> u64 {
        let times = self.tracks.iter().skip(DATA + 1).flat_map(|(_, entries)| entries);
        times.map(|entry| entry.time + step).max().unwrap_or(0)
    }

    /// Total size of a track's samples.
    pub(crate) fn track_bytes(&self, track: u16) -> u64 {
        self.tracks[usize::from(track) - 1].1.iter().map(|entry| entry.size).sum()
    }

    /// Writes the album: videos interleaved by time, then the data track. `each` is called with the size of
    /// each sample.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn write(
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
        // A track's samples must stay in decoding order, in which display times of B frames go back. So each
        // sample sorts by the latest time of its track so far, and ties by its place.
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
