//! Encodes the frames of a clip in batches, and describes the clip for the first commit.

use lab_codec::{Context, Result};

use crate::header::Shape;
use crate::sequence::{Coded, Content, Encoder};

/// The sound's name in the first commit.
pub const SOUND_FILE: &str = "sound.mka";

/// Maximum size of a batch of frames in bytes, which bounds memory; larger frames are coded one by one.
const MAX_BATCH_BYTES: usize = 1 << 29;

/// Sums over the frames of a clip.
#[derive(Debug, Default)]
pub struct Sums {
    /// Number of frames.
    pub frames: u64,
    /// Frames that refer to no other.
    pub key_frames: u64,
    /// Frames that repeat another one's picture.
    pub same_frames: u64,
    /// Bytes of all pixels.
    pub input_bytes: u64,
    /// Bytes of all blobs.
    pub blob_bytes: u64,
    /// Frames of each compression type, by number.
    pub types: [u64; 7],
}

/// Encodes all frames of `next`, and passes them to `put` in order. A batch has two frames for each thread,
/// so that threads stay busy if frames differ in cost. The observer counts the bytes of the pixels.
///
/// # Errors
/// Errors of `next`, of the encoder and of `put`.
pub fn code(
    shape: Shape,
    encoder: &mut Encoder,
    mut next: impl FnMut() -> Result<Option<Vec<u8>>>,
    mut put: impl FnMut(&Coded) -> Result<()>,
    cx: &Context,
) -> Result<Sums> {
    let bytes = shape.bytes().unwrap_or(u64::MAX);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let batch =
        (2 * threads).min(MAX_BATCH_BYTES / usize::try_from(bytes).unwrap_or(usize::MAX).max(1)).max(1);
    let mut sums = Sums::default();
    loop {
        let mut waiting = Vec::with_capacity(batch);
        while waiting.len() < batch {
            let Some(pixels) = next()? else { break };
            waiting.push(pixels);
        }
        let last = waiting.len() < batch;
        for coded in encoder.encode(waiting)? {
            put(&coded)?;
            sums.frames += 1;
            sums.key_frames += u64::from(coded.reference.is_none());
            sums.input_bytes += bytes;
            match &coded.content {
                Content::Blob(kind, blob) => {
                    sums.types[*kind as usize] += 1;
                    sums.blob_bytes += blob.len() as u64;
                }
                Content::Same(_) => sums.same_frames += 1,
            }
            cx.observer().advance(bytes);
        }
        if last {
            return Ok(sums);
        }
    }
}

/// The properties common to all frames, as TOML. Rate and time base are fractions as text.
pub fn describe(shape: Shape, rate: &str, time_base: &str, sound: bool) -> String {
    let Shape { width, height, channels } = shape;
    let mut text = format!(
        "format = \"gvc\"\nversion = 1\nwidth = {width}\nheight = {height}\nchannels = {channels}\n\
         rate = \"{rate}\"\ntime_base = \"{time_base}\"\n"
    );
    if sound {
        text += &format!("sound = \"{SOUND_FILE}\"\n");
    }
    text
}
