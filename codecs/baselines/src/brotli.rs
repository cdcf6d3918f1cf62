//! `brotli`: Brotli (RFC 7932) by the crate of that name, which is pure Rust.

use std::sync::Arc;

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use brotli::{BrotliCompressCustomAlloc, BrotliDecompressStream, BrotliResult, BrotliState};
use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};

use crate::parts::{Watched, codec, exactly, reserve, used_up};

const QUALITY: Param = Param::int("quality", 0, 11, 6, "effort: 0 is fastest, 11 is smallest and very slow")
    .or_called(&["level"]);
const LGWIN: Param =
    Param::int("lgwin", 10, 24, 22, "the window: 2^lgwin - 16 bytes").or_called(&["window_log"]);

const BUFFER: usize = 64 << 10;
/// Upper bound for a decoder's prefix codes and context maps, in bytes.
const TABLES: u64 = 8 << 20;

static INFO: Info =
    Info::new("brotli", "Brotli: LZ77 with a built-in dictionary, context modelling, Huffman coding")
        .params(&[QUALITY, LGWIN])
        .memory(|params, _| {
            Memory::new((20 << params.int(&LGWIN)) + (48 << 20), (1 << params.int(&LGWIN)) + TABLES)
        });

/// The registry entry.
pub const BROTLI: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let (quality, lgwin) = (params.int(&QUALITY) as i32, params.int(&LGWIN) as i32);
    Ok(codec(move || Brotli { quality, lgwin, buffers: None }))
}

struct Brotli {
    quality: i32,
    lgwin: i32,
    buffers: Option<Box<[[u8; BUFFER]; 2]>>,
}

impl Brotli {
    fn buffers(&mut self) -> &mut [[u8; BUFFER]; 2] {
        self.buffers.get_or_insert_with(|| Box::new([[0; BUFFER]; 2]))
    }
}

/// The window size in a stream's header, as a power of two (RFC 7932, section 9.1).
fn window_bits(input: &[u8]) -> Result<u32> {
    let first = *input.first().ok_or_else(|| Error::truncated("an empty Brotli stream"))?;
    match (first & 1, first >> 1 & 7, first >> 4 & 7) {
        (0, _, _) => Ok(16),
        (_, 0, 0) => Ok(17),
        (_, 0, 1) => Err(Error::unsupported("the Brotli stream needs the large-window extension")),
        (_, 0, n) => Ok(8 + u32::from(n)),
        (_, n, _) => Ok(17 + u32::from(n)),
    }
}

impl Worker for Brotli {
    fn encode(&mut self, mut input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let params = BrotliEncoderParams {
            quality: self.quality,
            lgwin: self.lgwin,
            size_hint: input.len(),
            ..Default::default()
        };
        reserve(out, input.len() / 4 + 4096)?;
        let [source, sink] = self.buffers();
        let result = BrotliCompressCustomAlloc(
            &mut Watched(&mut input, cx),
            out,
            source,
            sink,
            &params,
            StandardAlloc::default(),
        );
        cx.check()?;
        result?;
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory((1 << window_bits(input)?) + TABLES, "the Brotli window")?;
        reserve(out, raw_len)?;
        let [_, buffer] = self.buffers();
        let alloc = StandardAlloc::default;
        let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
        let (mut left, mut at, mut total) = (input.len(), 0, 0);
        loop {
            cx.check()?;
            let (mut space, mut length) = (BUFFER, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                input,
                &mut space,
                &mut length,
                buffer,
                &mut total,
                &mut state,
            );
            exactly(total.min(raw_len), total)?;
            out.extend_from_slice(&buffer[..length]);
            match result {
                BrotliResult::ResultSuccess => break,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => {
                    return Err(Error::truncated("the Brotli stream ends early"));
                }
                BrotliResult::ResultFailure => return Err(Error::corrupt("brotli: damaged data")),
            }
        }
        used_up(left)?;
        exactly(total, raw_len)
    }
}
