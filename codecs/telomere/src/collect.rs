//! `--persist`: the seeds of outputs, collected in a file of 8-byte records.

use std::collections::HashSet;
use std::path::Path;

use lab_codec::{Error, Result};
use lab_telomere::Summary;
use lab_telomere::format::Record;
use lab_telomere::seed::Seed;
use lab_telomere::table::RECORD;

use super::room::Room;
use lab_stream::output::Output;

/// Appends the seeds of an output that the file lacks, in the order in which they occur. Returns how many these are.
///
/// # Errors
/// [`Limit`](lab_codec::ErrorKind::Limit) where the file or the memory would exceed its limit; the file stays as it was.
pub fn append(path: &Path, summary: &Summary, room: &Room) -> Result<u64> {
    let at = |e: Error| e.at(path.display().to_string());
    let mut bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(at(e.into())),
    };
    let (records, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(at(Error::corrupt(format!("{} bytes are no whole records of {RECORD}", bytes.len()))));
    }
    let mut known: HashSet<u64> = records.iter().map(|record| u64::from_le_bytes(*record)).collect();
    let before = bytes.len() as u64;
    for record in &summary.records.records {
        let Record::Seed { index, .. } = record else { continue };
        let Some(seed) = Seed::at(*index) else { continue };
        let link = summary.salt.first_link(seed);
        let head = link.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let record = head >> 26 << 26 | u64::from(seed.len) << 24 | u64::from(seed.value);
        if known.insert(record) {
            bytes.extend(record.to_le_bytes());
        }
    }
    let added = (bytes.len() as u64 - before) / RECORD;
    room.check(path, bytes.len() as u64, 0)?;
    if added > 0 {
        let mut output = Output::open(path, true)?;
        output.sink()?.write_all(&bytes).map_err(|e| at(e.into()))?;
        output.commit()?;
    }
    Ok(added)
}
