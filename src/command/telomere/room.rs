//! Limits on disk and memory, checked before anything is written.

use std::path::Path;

use lab_codec::{Error, Result};
use lab_stream::room::{free_disk, free_memory};

use super::super::{options, table};

/// Options that limit disk and memory for a file.
#[derive(clap::Args)]
pub(super) struct Room {
    /// Maximum size of a seed file or table on disk
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = options::size)]
    max_disk: u64,
    /// Minimum memory that stays available to the system
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = options::size)]
    min_free_memory: u64,
}

impl Room {
    /// Fails unless the limits allow a file of `bytes` bytes at `path` and `memory` bytes of memory.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit), with the numbers.
    pub(super) fn check(&self, path: &Path, bytes: u64, memory: u64) -> Result<()> {
        let at = |e: Error| e.at(path.display().to_string());
        let count = table::count;
        if bytes > self.max_disk {
            let text = format!("{} bytes exceed --max-disk {}", count(bytes), count(self.max_disk));
            return Err(at(Error::limit(text)));
        }
        // The old file stays until the new one is complete.
        if let Some(free) = free_disk(path).filter(|free| bytes > *free) {
            let text =
                format!("{} bytes do not fit on the disk with {} bytes free", count(bytes), count(free));
            return Err(at(Error::limit(text)));
        }
        let needed = memory.saturating_add(self.min_free_memory);
        if let Some(free) = free_memory().filter(|free| needed > *free) {
            return Err(at(Error::limit(format!(
                "{} bytes of memory are needed and {} must stay free (--min-free-memory), {} are available",
                count(memory),
                count(self.min_free_memory),
                count(free)
            ))));
        }
        Ok(())
    }
}
