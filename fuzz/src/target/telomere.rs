//! `.tlmr` files and seed tables.

use std::sync::LazyLock;

use lab_telomere::seed::Salt;
use lab_telomere::{format, table};

use crate::surroundings::{context, with_file};

/// A `.tlmr` file whose decoded length is read from the file itself.
pub(super) fn file(bytes: &[u8]) {
    let mut out = Vec::new();
    if format::read(bytes, None, &mut out, &context()).is_ok() {
        let mut again = Vec::new();
        let read = format::read(bytes, Some(out.len() as u64), &mut again, &context());
        assert!(read.is_ok() && out == again, "the length that the file tells is refused: {read:?}");
    }
}

/// Size of a table's header and the offsets of its checksums, in bytes.
const HEADER: usize = 64;
const RECORDS_CRC: usize = 24;
const HEADER_CRC: usize = 60;

/// A seed table as edits of a valid one, because the smallest table has 264 KB and few of its bytes matter.
/// An edit is seven bytes: four of its place, modulo the length, and three new bytes. An odd place leaves the
/// checksums wrong.
pub(super) fn table(bytes: &[u8]) {
    static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let table = table::build_here(Salt::default(), 1, &context()).expect("256 seeds fit");
        let mut file = Vec::new();
        table::write(&table, &mut file).expect("memory takes every byte");
        file
    });
    let mut file = SOUND.clone();
    let mut sealed = true;
    for edit in bytes.as_chunks::<7>().0.iter().take(64) {
        let place = u32::from_le_bytes([edit[0], edit[1], edit[2], edit[3]]);
        // Half of the places lie in the header.
        let reach = if place & 2 == 0 { HEADER } else { file.len() - 3 };
        sealed &= place & 1 == 0;
        let at = place as usize / 4 % reach;
        file[at..at + 3].copy_from_slice(&edit[4..]);
    }
    if sealed {
        let crc = crc32c::crc32c(&file[HEADER..]);
        file[RECORDS_CRC..RECORDS_CRC + 4].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32c::crc32c(&file[..HEADER_CRC]);
        file[HEADER_CRC..HEADER].copy_from_slice(&crc.to_le_bytes());
    }
    with_file(&file, |path| {
        let Ok(table) = table::open(path) else { return };
        let mut seeds = Vec::new();
        for head in [0, 1 << 40, u64::MAX, 0x6e34_0b9c_ffb3_7a98] {
            for bits in [table::BUCKET_BITS, 24, table::KNOWN_BITS] {
                table.find(head, bits, &mut seeds);
            }
        }
        assert!(table.seeds().count() <= table.entries() as usize, "more seeds than entries");
    });
}
