//! Pins a run to chosen processors.

use lab_codec::{Error, Result};

/// Pins the calling thread to these processors, with every thread and child that it starts from now on.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage) if a processor does not exist or the system cannot pin.
#[cfg(target_os = "linux")]
pub fn pin(processors: &[u32]) -> Result<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    for cpu in processors {
        set.set(*cpu as usize).map_err(|e| Error::usage(format!("processor {cpu}: {e}")))?;
    }
    sched_setaffinity(nix::unistd::Pid::from_raw(0), &set)
        .map_err(|e| Error::usage(format!("cannot pin to processors {processors:?}: {e}")))
}

/// Pinning needs Linux.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: &[u32]) -> Result<()> {
    Err(Error::usage("pinning to processors needs Linux"))
}
