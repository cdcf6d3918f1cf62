//! Limits on disk and memory, checked before anything is written.

use std::path::Path;

use lab_codec::{Error, Result};
use lab_stream::room::{free_disk, free_memory};

use super::super::{options, table};

/// How much a file may take.
#[derive(clap::Args)]
pub struct Room {
    /// The most bytes that a seed file or table may take on disk
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = options::size)]
    max_disk: u64,
    /// The memory that shall stay available to the system
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = options::size)]
    min_free_memory: u64,
}

impl Room {
    /// Fails unless a file of `bytes` may be written at `path`, and `memory` bytes may be taken for it.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit), with the numbers.
    pub fn check(&self, path: &Path, bytes: u64, memory: u64) -> Result<()> {
        let at = |e: Error| e.at(path.display().to_string());
        let count = table::count;
        if bytes > self.max_disk {
            let text = format!("{} bytes are more than --max-disk {}", count(bytes), count(self.max_disk));
            return Err(at(Error::limit(text)));
        }
        // The old file stays until the new one is complete.
        if let Some(free) = free_disk(path).filter(|free| bytes > *free) {
            let text =
                format!("{} bytes do not fit on the disk, which has {} free", count(bytes), count(free));
            return Err(at(Error::limit(text)));
        }
        let needed = memory.saturating_add(self.min_free_memory);
        if let Some(free) = free_memory().filter(|free| needed > *free) {
            return Err(at(Error::limit(format!(
                "{} bytes of memory are needed and {} shall stay free (--min-free-memory), {} are available",
                count(memory),
                count(self.min_free_memory),
                count(free)
            ))));
        }
        Ok(())
    }
}
