//! Records machine, program and time of a run, which a reader needs to judge its figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use lab_codec::{Registry, Result};

use super::results::Environment;
use lab_corpus::Manifest;

/// Crates whose versions determine a codec's bytes and speed, by codec id.
pub const LIBRARIES: &[(&str, &str)] = &[
    ("zstd", "zstd-sys"),
    ("lz4", "lz4_flex"),
    ("snappy", "snap"),
    ("deflate", "libdeflate-sys"),
    ("brotli", "brotli"),
    ("xz", "liblzma-sys"),
    ("bzip2", "bzip2"),
    ("ppmd", "ppmd-rust"),
    ("lzfse", "lzfse_rust"),
    ("bwt", "libsais-sys"),
];

/// The program under measurement, as its build script describes it.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its version.
    pub version: &'static str,
    /// The compiler's name and version.
    pub compiler: &'static str,
    /// The commit; only in release builds.
    pub revision: Option<&'static str>,
    /// Text of Cargo.lock, with the version of every library.
    pub lock: &'static str,
}

/// Describes the machine and `program`. `paths` are the arguments; their manifests are recorded.
///
/// # Errors
/// Errors of manifests.
pub fn observe(
    program: &Program,
    registry: &Registry,
    paths: &[PathBuf],
    scratch: &str,
    pinned: &[u32],
) -> Result<Environment> {
    Ok(Environment {
        unix_time: now(),
        lab_version: program.version.to_string(),
        compiler: program.compiler.to_string(),
        revision: program.revision.map(ToString::to_string),
        cpu: processor(),
        cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        load: first_word("/proc/loadavg").and_then(|word| word.parse().ok()),
        governor: first_word("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        scratch: scratch.to_string(),
        codec_versions: codec_versions(registry, program.lock),
        manifests: manifests(paths)?,
        command: std::env::args().collect(),
        pinned: pinned.to_vec(),
        plan: None,
    })
}

/// Seconds since 1970, UTC.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Formats a time as `2026-01-31T23:59:59Z`.
///
/// The date is that of the proleptic Gregorian calendar; source: Hinnant, chrono-compatible low-level date
/// algorithms.
pub fn utc(unix_time: u64) -> String {
    let (days, second) = (unix_time / 86_400, unix_time % 86_400);
    // Days since 1 March of the year 0, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn first_word(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.split_whitespace().next().map(ToString::to_string)
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name") || line.starts_with("Model"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    name.unwrap_or(std::env::consts::ARCH).to_string()
}

/// Version of the library behind each registered codec, or else the codec's own.
pub fn codec_versions(registry: &Registry, lock: &str) -> BTreeMap<String, String> {
    let of = |id: &str| {
        let library = LIBRARIES.iter().find(|(codec, _)| *codec == id).map(|(_, library)| *library);
        match library.and_then(|library| Some((library, locked(lock, library)?))) {
            Some((library, version)) => format!("{library} {version}"),
            None => format!("lab {}", env!("CARGO_PKG_VERSION")),
        }
    };
    registry.entries().iter().map(|e| (e.info.id.to_string(), of(e.info.id))).collect()
}

/// Version of a crate in the text of a lock file.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\n"))?;
    after.lines().next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// SHA-256 of each manifest that applies to the paths, by its path relative to `here`.
fn manifests(paths: &[PathBuf]) -> Result<BTreeMap<String, String>> {
    let here = std::env::current_dir().and_then(|d| d.canonicalize()).unwrap_or_default();
    let mut found = BTreeMap::new();
    for path in paths {
        let Ok(real) = path.canonicalize() else { continue };
        let directory = if real.is_dir() { real.as_path() } else { real.parent().unwrap_or(Path::new("/")) };
        if let Some(manifest) = Manifest::nearest(directory)? {
            let shown = relative(&manifest.directory, &here);
            found.insert(shown, manifest.digest.to_string());
        }
    }
    Ok(found)
}

/// A path relative to `here`; only the file name if they share too little, because a full path reveals
/// private directory names.
fn relative(path: &Path, here: &Path) -> String {
    if let Ok(below) = path.strip_prefix(here) {
        return below.join(lab_corpus::manifest::FILE_NAME).display().to_string();
    }
    let name = path.file_name().unwrap_or_default();
    Path::new(name).join(lab_corpus::manifest::FILE_NAME).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(time), text);
        }
    }
    #[test]
    fn everything_is_filled_in() {
        let program = Program { version: "1.2.3", compiler: "rustc 1.2.3", revision: None, lock: "" };
        let environment = observe(&program, &crate::fixture::registry(), &[], "disk", &[1]).unwrap();
        assert!(environment.unix_time > 1_700_000_000 && environment.cores > 0);
        assert_eq!((&*environment.lab_version, &*environment.compiler), ("1.2.3", "rustc 1.2.3"));
        assert!(!environment.cpu.is_empty() && environment.pinned == [1]);
    }
}
