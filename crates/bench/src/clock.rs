//! Clocks for wall time and CPU time.

use std::time::Instant;

/// Seconds of wall and CPU time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    /// Wall time.
    pub wall: f64,
    /// CPU time of this process and of its ended children.
    pub cpu: f64,
}

/// Start of a measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    /// Starts both clocks.
    pub(crate) fn start() -> Self {
        let cpu = cpu();
        Self { wall: Instant::now(), cpu }
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Span {
        let wall = self.wall.elapsed().as_secs_f64();
        Span { wall, cpu: cpu() - self.cpu }
    }
}

/// A clock with optional CPU time: reading wall time alone does not enter the kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stopwatch {
    /// Wall and CPU time.
    Both(Clock),
    /// Wall time only.
    Wall(Instant),
}

impl Stopwatch {
    /// Starts the clock.
    pub(crate) fn start(cpu: bool) -> Self {
        if cpu { Self::Both(Clock::start()) } else { Self::Wall(Instant::now()) }
    }

    /// Time since the start; CPU time is 0 if not measured.
    pub(crate) fn elapsed(&self) -> Span {
        match self {
            Self::Both(clock) => clock.elapsed(),
            Self::Wall(start) => Span { wall: start.elapsed().as_secs_f64(), cpu: 0.0 },
        }
    }
}

impl std::ops::AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

impl std::ops::SubAssign for Span {
    /// Subtracts, at least 0: clocks are read one after the other.
    fn sub_assign(&mut self, other: Self) {
        self.wall = (self.wall - other.wall).max(0.0);
        self.cpu = (self.cpu - other.cpu).max(0.0);
    }
}

impl std::ops::Div<f64> for Span {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        Self { wall: self.wall / by, cpu: self.cpu / by }
    }
}

/// CPU seconds of this process and its ended children; 0 if the system does not report them.
#[cfg(unix)]
fn cpu() -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let of = |who| match getrusage(who) {
        Ok(usage) => (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64,
        Err(_) => 0.0,
    };
    (of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)) / 1e6
}

#[cfg(not(unix))]
fn cpu() -> f64 {
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_of_both_kinds() {
        let clock = Clock::start();
        let mut hash = 1u64;
        while clock.elapsed().wall < 0.02 {
            hash = std::hint::black_box(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (hash >> 31));
        }
        let span = clock.elapsed();
        assert!(span.wall >= 0.02, "{span:?}");
        assert!(!cfg!(unix) || span.cpu > 0.0, "{span:?}");
    }
}
