//! A position among the frames of a video: the next frame, and one frame pushed back.

use std::sync::Arc;

use lab_codec::Result;

use super::Health;
use super::scan::{Scanned, Scanner};

/// A source of frames in order.
pub(super) enum Frames {
    /// Frames read from the video.
    Scanned(Box<Scanner>),
    /// Frames of a short video, all in memory, and the index of the next one.
    Held(Arc<[Scanned]>, usize),
}

impl Frames {
    /// The next frame.
    ///
    /// # Errors
    /// As [`Scanner::next`].
    pub(super) fn next(&mut self, health: &mut Health) -> Result<Option<Scanned>> {
        match self {
            Self::Scanned(scanner) => scanner.next(health),
            Self::Held(frames, next) => {
                let frame = frames.get(*next).cloned();
                *next += usize::from(frame.is_some());
                Ok(frame)
            }
        }
    }
}

/// The current position in a video.
pub(super) struct Cursor {
    frames: Frames,
    /// A frame that was pushed back: it belongs to the next group.
    held: Option<Scanned>,
    /// The number of the frame that was read last; the next one has a higher number.
    at: u64,
}

impl Cursor {
    /// A position before `first`, which is the first frame of `frames` and already read.
    pub(super) fn new(frames: Frames, first: Option<Scanned>) -> Self {
        let at = first.as_ref().map_or(0, |scanned| scanned.header.frame.into());
        Self { frames, held: first, at }
    }

    /// The least number that the next frame can have.
    pub(super) fn least_next(&self) -> u64 {
        self.at + u64::from(self.held.is_none())
    }

    /// The next frame.
    ///
    /// # Errors
    /// As [`Scanner::next`].
    pub(super) fn next(&mut self, health: &mut Health) -> Result<Option<Scanned>> {
        let next = match self.held.take() {
            Some(held) => Some(held),
            None => self.frames.next(health)?,
        };
        if let Some(scanned) = &next {
            self.at = scanned.header.frame.into();
        }
        Ok(next)
    }

    /// Pushes a frame back, so that the next call returns it again.
    pub(super) fn push_back(&mut self, scanned: Scanned) {
        self.held = Some(scanned);
    }
}
