//! Keeping a run on chosen processors.

use lab_codec::{Error, Result};

/// Keeps the calling thread, and every thread and child that it starts from now on, on these processors.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage), where there is no such processor or the system cannot pin.
#[cfg(target_os = "linux")]
pub fn pin(processors: &[u32]) -> Result<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    for cpu in processors {
        set.set(*cpu as usize).map_err(|e| Error::usage(format!("processor {cpu}: {e}")))?;
    }
    sched_setaffinity(nix::unistd::Pid::from_raw(0), &set)
        .map_err(|e| Error::usage(format!("cannot stay on the processors {processors:?}: {e}")))
}

/// As on Linux, which this is not.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: &[u32]) -> Result<()> {
    Err(Error::usage("staying on chosen processors needs Linux"))
}
