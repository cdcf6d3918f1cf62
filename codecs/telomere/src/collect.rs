//! Seeds of several outputs, collected in one file of 8-byte records.

use std::collections::HashSet;

use lab_codec::{Error, Result};

use crate::Summary;
use crate::format::Record;
use crate::seed::Seed;
use crate::table::RECORD;

/// Appends to the file's `bytes` the records of those seeds of an output that it lacks, in the order in
/// which they occur. Returns how many it lacked.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the bytes are not whole records.
pub fn append(bytes: &mut Vec<u8>, summary: &Summary) -> Result<u64> {
    let (records, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Error::corrupt(format!("{} bytes are no whole records of {RECORD}", bytes.len())));
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
    Ok((bytes.len() as u64 - before) / RECORD)
}
