//! Frame sizes, the frame rate, and the H.264 level that both need (Table A-1).

use super::{HEADER_BYTES, MB_BYTES};

/// Frames per second of every video. Low enough for a 1920x1088 frame of 3.1 MB to play smoothly, and for
/// level 5: 126 Mbit/s.
pub const FRAMES_PER_SECOND: u32 = 5;

/// The size of a frame in macroblocks of 16x16 samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSize {
    /// Macroblocks in a row.
    pub columns: u16,
    /// Rows of macroblocks.
    pub rows: u16,
}

/// The sizes that a writer chooses from, ascending: 64x64, 160x96, 320x176, 640x368, 1280x720, 1920x1088.
pub const LADDER: [FrameSize; 6] = [
    FrameSize { columns: 4, rows: 4 },
    FrameSize { columns: 10, rows: 6 },
    FrameSize { columns: 20, rows: 11 },
    FrameSize { columns: 40, rows: 23 },
    FrameSize { columns: 80, rows: 45 },
    LARGEST,
];

/// The size of every frame of a stream that takes more than one.
pub const LARGEST: FrameSize = FrameSize { columns: 120, rows: 68 };

/// The most macroblocks that a reader accepts in a frame (the `MaxFS` of level 5.1).
pub const MAX_MACROBLOCKS: u32 = 36_864;

impl FrameSize {
    /// The smallest size of the ladder whose frame holds `payload` bytes, or the largest.
    pub fn for_payload(payload: u64) -> Self {
        LADDER.into_iter().find(|size| size.capacity() as u64 >= payload).unwrap_or(LARGEST)
    }

    /// Macroblocks in a frame.
    pub fn macroblocks(self) -> u32 {
        u32::from(self.columns) * u32::from(self.rows)
    }

    /// Payload bytes that a frame holds.
    pub fn capacity(self) -> usize {
        (self.macroblocks() as usize * MB_BYTES).saturating_sub(HEADER_BYTES)
    }

    /// Luma samples in a row.
    pub fn width(self) -> u32 {
        u32::from(self.columns) * 16
    }

    /// Rows of luma samples.
    pub fn height(self) -> u32 {
        u32::from(self.rows) * 16
    }

    /// `level_idc`: the lowest level whose frame size, macroblock rate, bit rate and buffer hold full frames
    /// of this size at [`FRAMES_PER_SECOND`] (A.3.1).
    pub fn level(self) -> u8 {
        let macroblocks = self.macroblocks();
        let kilobits = (macroblocks * 386 * 8).div_ceil(1000);
        let side = u32::from(self.columns.max(self.rows));
        LEVELS
            .iter()
            .find(|level| {
                macroblocks <= level.frame
                    && side * side <= 8 * level.frame
                    && macroblocks * FRAMES_PER_SECOND <= level.rate
                    && kilobits * FRAMES_PER_SECOND <= level.bit_rate
                    && kilobits <= level.buffer
            })
            .map_or(52, |level| level.idc)
    }
}

/// A row of Table A-1: macroblocks per second and per frame, kbit/s and kbit of the coded picture buffer.
struct Level {
    idc: u8,
    rate: u32,
    frame: u32,
    bit_rate: u32,
    buffer: u32,
}

const fn level(idc: u8, rate: u32, frame: u32, bit_rate: u32, buffer: u32) -> Level {
    Level { idc, rate, frame, bit_rate, buffer }
}

const LEVELS: [Level; 16] = [
    level(10, 1_485, 99, 64, 175),
    level(11, 3_000, 396, 192, 500),
    level(12, 6_000, 396, 384, 1_000),
    level(13, 11_880, 396, 768, 2_000),
    level(20, 11_880, 396, 2_000, 2_000),
    level(21, 19_800, 792, 4_000, 4_000),
    level(22, 20_250, 1_620, 4_000, 4_000),
    level(30, 40_500, 1_620, 10_000, 10_000),
    level(31, 108_000, 3_600, 14_000, 14_000),
    level(32, 216_000, 5_120, 20_000, 20_000),
    level(40, 245_760, 8_192, 20_000, 25_000),
    level(41, 245_760, 8_192, 50_000, 62_500),
    level(42, 522_240, 8_704, 50_000, 62_500),
    level(50, 589_824, 22_080, 135_000, 135_000),
    level(51, 983_040, 36_864, 240_000, 240_000),
    level(52, 2_073_600, 36_864, 240_000, 240_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_ascends_and_each_size_is_taken_up_to_its_capacity() {
        assert_eq!(LADDER.map(FrameSize::capacity), [5_888, 22_784, 84_224, 353_024, 1_382_144, 3_133_184]);
        for pair in LADDER.windows(2) {
            assert_eq!(FrameSize::for_payload(pair[0].capacity() as u64), pair[0]);
            assert_eq!(FrameSize::for_payload(pair[0].capacity() as u64 + 1), pair[1]);
        }
        assert_eq!(FrameSize::for_payload(0), LADDER[0]);
        assert_eq!(FrameSize::for_payload(u64::MAX), LARGEST);
    }

    #[test]
    fn levels_hold_the_bit_rate() {
        assert_eq!(LADDER.map(FrameSize::level), [12, 20, 21, 32, 50, 50]);
    }
}
