//! Free room of the system: disk and memory.

use std::path::Path;

/// Free bytes on the disk under `path`, if the system tells.
#[cfg(unix)]
pub fn free_disk(path: &Path) -> Option<u64> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(parent).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

/// Unknown on this system.
#[cfg(not(unix))]
pub fn free_disk(_: &Path) -> Option<u64> {
    None
}

/// Bytes of memory that the system can give without swapping, if it tells.
pub fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
