//! The layout of a stream: number of frames in a group, and the frame of each byte.
//!
//! Frame numbers count every coded frame: each group is one manifest frame, its data frames, its parity
//! frames. All groups but the last have the same shape. Three manifest frames follow the last group.

/// Maximum data bytes of a group; a group is held in memory.
const GROUP_BYTES: usize = 24 << 20;

/// Maximum number of data and parity frames in a group.
const GROUP_FRAMES: usize = 1024;

/// Allowed probability that a group is lost, where each frame is lost with the requested probability.
const MAX_GROUP_LOSS: f64 = 1e-9;

/// Largest loss probability of frames that can be requested.
pub const MAX_LOSS: f64 = 0.4;

/// Manifest frames before each group.
pub const GROUP_MANIFESTS: u64 = 1;

/// Manifest frames at the end, repeated because readers need one of them to know the length of the stream.
pub const LAST_MANIFESTS: u64 = 3;

/// The shape of all groups but the last, which may have fewer data and parity frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Payload bytes of a data or parity frame: even, at least 2.
    pub shard: usize,
    /// Data frames of a group.
    pub data: usize,
    /// Parity frames of a group.
    pub parity: usize,
}

impl Layout {
    /// The layout for frames of `shard` bytes, each lost at random with probability `loss`, 0 to
    /// [`MAX_LOSS`].
    pub fn new(shard: usize, loss: f64) -> Self {
        let mut data = (GROUP_BYTES / shard.max(1)).clamp(1, GROUP_FRAMES);
        // Parity grows with the data frames: shrink the group until both fit, in steps of about 1.6 %.
        while data > 1 && data + parity_for(data, loss) > GROUP_FRAMES {
            data -= 1 + data / 64;
        }
        Self { shard, data, parity: parity_for(data, loss) }
    }

    /// Bytes of the stream in a full group.
    pub fn group_bytes(&self) -> u64 {
        (self.shard * self.data) as u64
    }

    /// Coded frames of a full group.
    pub fn group_frames(&self) -> u64 {
        GROUP_MANIFESTS + (self.data + self.parity) as u64
    }

    /// The frame number of data or parity frame `index` of group `group`.
    pub fn frame(&self, group: u64, index: u64) -> u64 {
        group * self.group_frames() + GROUP_MANIFESTS + index
    }

    /// Number of coded frames of a stream of `len` bytes whose last group has parity for `loss`.
    pub fn frames(&self, len: u64, loss: f64) -> u64 {
        let (full, rest) = (len / self.group_bytes(), len % self.group_bytes());
        let data = rest.div_ceil(self.shard as u64);
        let last = if data > 0 { GROUP_MANIFESTS + data + parity_for(data as usize, loss) as u64 } else { 0 };
        full * self.group_frames() + last + LAST_MANIFESTS
    }
}

/// The least number of parity frames for a group of `data` data frames, so that it is lost with a probability
/// of at most 1e-9. Each of its frames is lost with probability `loss`.
pub fn parity_for(data: usize, loss: f64) -> usize {
    if loss <= 0.0 {
        return 0;
    }
    let loss = loss.min(MAX_LOSS);
    (0..).find(|&parity| loss_probability(data + parity, parity, loss) <= MAX_GROUP_LOSS).unwrap_or(0)
}

/// The probability that more than `max_lost` of `count` frames are lost, each with probability `loss`: the
/// upper tail of the binomial distribution.
fn loss_probability(count: usize, max_lost: usize, loss: f64) -> f64 {
    // The first term is at least 0.6^1024, about 1e-227 within a group's limits: no underflow.
    let mut term = (1.0 - loss).powi(count as i32);
    let (mut below, mut above) = (0.0, 0.0);
    for k in 0..=count {
        if k <= max_lost {
            below += term;
        } else {
            above += term;
            if k as f64 > count as f64 * loss && term < MAX_GROUP_LOSS * 1e-6 {
                break;
            }
        }
        term *= (count - k) as f64 / (k + 1) as f64 * loss / (1.0 - loss);
    }
    // The sums add up to 1: the smaller one has the smaller rounding error.
    if above < 0.5 { above } else { 1.0 - below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_is_what_the_binomial_distribution_asks_for() {
        assert_eq!(parity_for(100, 0.0), 0);
        // All of 1 + n frames are lost with probability p^(1 + n).
        assert_eq!((parity_for(1, 0.2), parity_for(1, 0.01)), (12, 4));
        // Reference: the upper tail summed directly, with logarithms of factorials.
        let exact = |count: usize, max_lost: usize, loss: f64| -> f64 {
            let ln = |n: usize| (1..=n).map(|i| (i as f64).ln()).sum::<f64>();
            (max_lost + 1..=count)
                .map(|k| {
                    let choose = ln(count) - ln(k) - ln(count - k);
                    (choose + k as f64 * loss.ln() + (count - k) as f64 * (1.0 - loss).ln()).exp()
                })
                .sum()
        };
        for (data, loss) in [(20, 0.1), (200, 0.1), (850, 0.1), (500, 0.01), (100, 0.4)] {
            let parity = parity_for(data, loss);
            assert!(exact(data + parity, parity, loss) <= MAX_GROUP_LOSS);
            assert!(exact(data + parity - 1, parity - 1, loss) > MAX_GROUP_LOSS);
        }
    }

    #[test]
    fn groups_fit_into_memory_and_into_their_frames() {
        for (shard, loss) in [(2, 0.0), (1400, 0.0), (4096, 0.01), (43_000, 0.1), (150_000, 0.4)] {
            let layout = Layout::new(shard, loss);
            assert!(
                layout.data * shard <= GROUP_BYTES && layout.data + layout.parity <= GROUP_FRAMES,
                "{layout:?}"
            );
            assert!(layout.data >= 100, "{layout:?}");
            let group = layout.group_bytes();
            assert_eq!(layout.frames(0, loss), LAST_MANIFESTS);
            assert_eq!(layout.frames(3 * group, loss), 3 * layout.group_frames() + LAST_MANIFESTS);
            let more = layout.frames(3 * group + 1, loss) - layout.frames(3 * group, loss);
            assert_eq!(more, 2 + parity_for(1, loss) as u64);
            assert_eq!(layout.frame(2, 0), 2 * layout.group_frames() + 1);
        }
    }
}
