//! The Zstandard codec (RFC 8878): one frame per segment, and a reader for plain `.zst` files.
//!
//! The frame carries its content size and neither a checksum nor a dictionary id: the container has its own
//! checksums. A segment is compressed by one thread in one call, so the bytes depend on nothing but the
//! input, the parameters and the version of the library.

mod codec;
mod error;
mod foreign;
mod frame;
mod memory;

use std::sync::Arc;

use lab_codec::{Codec, Entry, Error, Info, Param, Params, Resources, Result};

pub use foreign::{Find, decode_foreign, dictionary_id};

const LEVEL: Param = Param::int("level", -7, 22, 3, "effort: negative is fastest, 22 is smallest");
const WINDOW_LOG: Param = Param::int(
    "window_log",
    0,
    27,
    0,
    "how far back matches may reach: 2^window_log bytes, 10 to 27; 0 leaves it to the level",
)
.or_called(&["window"]);
const LONG: Param = Param::flag("long", false, "long-distance matching, with a window of up to 2^27 bytes");

/// The smallest window of the format, as a power of two.
const MIN_WINDOW_LOG: i64 = 10;

static INFO: Info = Info::new("zstd", "Zstandard: LZ77 with a large window, Huffman and FSE coding")
    .params(&[LEVEL, WINDOW_LOG, LONG])
    .memory(|params, segment| memory::declared(&Settings::read(params), segment))
    .range_decode();

/// The codec `zstd`.
pub const ZSTD: Entry = Entry::codec(&INFO, build);

/// The parameters as the library takes them.
#[derive(Debug, Clone, Copy)]
struct Settings {
    level: i32,
    /// 0 leaves the window to the level.
    window_log: u32,
    long: bool,
}

impl Settings {
    fn read(params: &Params) -> Self {
        // The declared ranges fit both types.
        Self {
            level: params.int(&LEVEL) as i32,
            window_log: params.int(&WINDOW_LOG) as u32,
            long: params.flag(&LONG),
        }
    }
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    if (1..MIN_WINDOW_LOG).contains(&params.int(&WINDOW_LOG)) {
        return Err(Error::param(format!(
            "window_log={} is not allowed; window_log takes {MIN_WINDOW_LOG}..27, or 0 for the level's own",
            params.int(&WINDOW_LOG)
        )));
    }
    Ok(Arc::new(codec::Zstd(Settings::read(params))))
}
