//! Measures the memory of one case with the caller's counting allocator.

use crate::Options;
use crate::report::Outcome;

/// Memory allowed beyond a case's limit, in bytes, for the suite's own strings.
const MEMORY_SLACK: u64 = 64 << 10;

/// Runs `work`, which may use at most `allowed` bytes of heap.
pub(crate) fn measured(options: &Options, allowed: u64, work: impl FnOnce() -> Outcome) -> Outcome {
    let Some(probe) = options.memory_probe else { return work() };
    probe();
    let before = probe(); // no allocation since the last call: the current live bytes
    work()?;
    let taken = probe().saturating_sub(before);
    if taken > allowed.saturating_add(MEMORY_SLACK) {
        return Err(format!("used {taken} bytes of memory, the limit is {allowed}"));
    }
    Ok(())
}
