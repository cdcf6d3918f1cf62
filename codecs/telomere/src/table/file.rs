//! The file of a seed table: header, bucket offsets, records. docs/formats/tlmr.md specifies every byte.

use std::fs::File;
use std::io::{ErrorKind as IoKind, Read, Write};
use std::path::Path;

use lab_codec::{Error, Hint, Result};
use memmap2::MmapMut;

use super::{BUCKET_BITS, BUCKETS, SeedTable, Store};
use crate::seed::{MAX_SALT_LEN, MAX_SEED_LEN, Salt, seeds_up_to};

/// Default file name.
pub const FILE_NAME: &str = "hash_table.bin";
/// Bytes of a record.
pub const RECORD: u64 = 8;

const MAGIC: [u8; 8] = *b"\x89LABTLM\n";
const VERSION: u8 = 1;
const HEADER: usize = 64;
/// Offset of the header's own checksum, which covers all bytes before it.
const HEADER_CRC: usize = 60;
/// Offset of the first record, behind header and bucket offsets.
const RECORDS_AT: usize = HEADER + 4 * (BUCKETS + 1);

/// What follows the header of a table file, in memory of its own. The file itself is not mapped: if another
/// process truncates a mapped file, the system ends this one. All bytes are read for the checksum anyway.
#[derive(Debug)]
pub(super) struct Loaded(MmapMut);

impl Loaded {
    /// Record number `at`, which must be below the number of entries.
    pub(super) fn record(&self, at: u32) -> u64 {
        let from = RECORDS_AT - HEADER + at as usize * RECORD as usize;
        // `open` has checked the length, so the default is never taken; it keeps a panic out of the search.
        self.0.get(from..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// File size in bytes of a table of all seeds up to a length.
pub fn file_bytes(max_seed_len: u8) -> u64 {
    RECORDS_AT as u64 + u64::from(seeds_up_to(max_seed_len)) * RECORD
}

/// Writes a table file. It goes over the records twice, since the header needs their checksum first.
///
/// # Errors
/// I/O errors.
pub fn write(table: &SeedTable, out: &mut dyn Write) -> Result<()> {
    let offsets: Vec<u8> = table.offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let mut crc = crc32c::crc32c(&offsets);
    let mut buffer = Vec::with_capacity(1 << 16);
    let each_chunk = |buffer: &mut Vec<u8>, each: &mut dyn FnMut(&[u8]) -> Result<()>| -> Result<()> {
        for at in 0..table.entries() {
            buffer.extend(table.record(at).to_le_bytes());
            if buffer.len() == 1 << 16 {
                each(buffer)?;
                buffer.clear();
            }
        }
        each(buffer)?;
        buffer.clear();
        Ok(())
    };
    each_chunk(&mut buffer, &mut |bytes| {
        crc = crc32c::crc32c_append(crc, bytes);
        Ok(())
    })?;
    out.write_all(&header(table, crc))?;
    out.write_all(&offsets)?;
    each_chunk(&mut buffer, &mut |bytes| Ok(out.write_all(bytes)?))
}

fn header(table: &SeedTable, crc: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8] = VERSION;
    header[9] = table.max_seed_len;
    header[10] = RECORD as u8;
    header[11] = BUCKET_BITS as u8;
    header[12..16].copy_from_slice(&table.entries().to_le_bytes());
    let salt = table.salt.bytes();
    header[16] = salt.len() as u8;
    header[17..17 + salt.len()].copy_from_slice(salt);
    header[24..28].copy_from_slice(&crc.to_le_bytes());
    let header_crc = crc32c::crc32c(&header[..HEADER_CRC]);
    header[HEADER_CRC..].copy_from_slice(&header_crc.to_le_bytes());
    header
}

/// Reads a table file and verifies all of it.
///
/// # Errors
/// I/O errors; [`Corrupt`](lab_codec::ErrorKind::Corrupt),
/// [`Unsupported`](lab_codec::ErrorKind::Unsupported), or [`Limit`](lab_codec::ErrorKind::Limit) without
/// memory for it. The message names the command that builds a new table.
pub fn open(path: &Path) -> Result<SeedTable> {
    let at = |e: Error| e.at(path.display().to_string());
    File::open(path).map_err(Error::from).and_then(read).map_err(at)
}

fn corrupt(what: impl Into<String>) -> Error {
    Error::corrupt(what.into()).with_hint(Hint::RebuildTable)
}

fn read(mut file: File) -> Result<SeedTable> {
    let length = file.metadata()?.len();
    let mut header = [0; HEADER];
    file.read_exact(&mut header).map_err(|e| match e.kind() {
        IoKind::UnexpectedEof => corrupt("the file is too short for a seed table"),
        _ => e.into(),
    })?;
    if header[..8] != MAGIC {
        return Err(Error::unsupported("the file is not a seed table"));
    }
    if header[8] != VERSION {
        return Err(Error::unsupported(format!(
            "seed table version {}; this program reads version 1",
            header[8]
        )));
    }
    let number = |from: usize| {
        u32::from_le_bytes([header[from], header[from + 1], header[from + 2], header[from + 3]])
    };
    if number(HEADER_CRC) != crc32c::crc32c(&header[..HEADER_CRC]) {
        return Err(corrupt("the header is damaged"));
    }
    let (max_seed_len, salt_len) = (header[9], usize::from(header[16]));
    if !(1..=MAX_SEED_LEN).contains(&max_seed_len)
        || u64::from(header[10]) != RECORD
        || u32::from(header[11]) != BUCKET_BITS
        || number(12) != seeds_up_to(max_seed_len)
        || salt_len > MAX_SALT_LEN
    {
        return Err(corrupt("the header holds invalid values"));
    }
    let expected = file_bytes(max_seed_len);
    if length != expected {
        return Err(corrupt(format!("the file has {length} bytes where {expected} are expected")));
    }
    let mut map = MmapMut::map_anon(expected as usize - HEADER)
        .map_err(|e| Error::limit(format!("no memory for a seed table of {expected} bytes: {e}")))?;
    // Lookups are at random places: large pages save most misses of the address cache. Without them, only
    // speed is lost.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    file.read_exact(&mut map).map_err(|e| match e.kind() {
        IoKind::UnexpectedEof => corrupt("the file became shorter while it was read"),
        _ => e.into(),
    })?;
    if number(24) != crc32c::crc32c(&map) {
        return Err(corrupt("the records are damaged"));
    }
    let salt = Salt::new(&header[17..17 + salt_len])?;
    let offsets: Vec<u32> = map[..RECORDS_AT - HEADER]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect();
    if offsets.first() != Some(&0) || offsets.last() != Some(&number(12)) || !offsets.is_sorted() {
        return Err(corrupt("the buckets are not in order"));
    }
    Ok(SeedTable { max_seed_len, salt, offsets, records: Store::File(Loaded(map)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::build_here;

    fn saved(salt: &str, len: u8) -> (tempfile::TempDir, std::path::PathBuf, SeedTable) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let table = build_here(Salt::from_hex(salt).unwrap(), len, &lab_codec::Context::default()).unwrap();
        let mut bytes = Vec::new();
        write(&table, &mut bytes).unwrap();
        std::fs::write(&path, bytes).unwrap();
        (dir, path, table)
    }

    #[test]
    fn what_is_written_is_read() {
        for (salt, len, records) in [("", 1, 2048), ("0102", 2, 526_336)] {
            let (_dir, path, table) = saved(salt, len);
            let read = open(&path).unwrap();
            assert!(read.seeds().eq(table.seeds()));
            assert_eq!((read.salt(), read.max_seed_len()), (table.salt(), len));
            assert_eq!(std::fs::metadata(&path).unwrap().len(), 64 + 65_537 * 4 + records);
        }
        assert_eq!(file_bytes(3), 64 + 65_537 * 4 + 134_744_064);
    }

    #[test]
    fn damage_is_found() {
        let (_dir, path, _) = saved("", 1);
        let good = std::fs::read(&path).unwrap();
        let mut bad: Vec<Vec<u8>> = [0, 8, 9, 12, 16, 24, 63, 64, 1000, good.len() - 1]
            .into_iter()
            .map(|at| {
                let mut bytes = good.clone();
                bytes[at] ^= 1;
                bytes
            })
            .collect();
        bad.extend([
            good[..63].to_vec(),
            good[..good.len() - 1].to_vec(),
            [&good[..], &[0]].concat(),
            vec![],
        ]);
        for bytes in bad {
            std::fs::write(&path, bytes).unwrap();
            let error = open(&path).unwrap_err().to_string();
            assert!(error.contains(FILE_NAME), "{error}");
        }
    }
}
