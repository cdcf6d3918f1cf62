//! Measuring the memory that one case takes, where the caller's allocator counts.

use crate::Options;
use crate::report::Outcome;

/// What a case may take beyond its allowance, for the suite's own strings and the like.
const SLACK: u64 = 64 << 10;

/// Does `work`, which may take `allowed` bytes of heap at most.
pub fn measured(options: &Options, allowed: u64, work: impl FnOnce() -> Outcome) -> Outcome {
    let Some(probe) = options.memory_probe else { return work() };
    probe();
    let before = probe(); // nothing happened in between, so these are the live bytes of now
    work()?;
    let taken = probe().saturating_sub(before);
    if taken > allowed.saturating_add(SLACK) {
        return Err(format!("took {taken} bytes of memory, allowed are {allowed}"));
    }
    Ok(())
}
