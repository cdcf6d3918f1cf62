//! `deflate`: raw DEFLATE (RFC 1951) by libdeflate, which compresses whole buffers.
//!
//! Chosen over `flate2` (zlib-rs, miniz_oxide): a segment is a whole buffer, and for that libdeflate is both
//! the fastest and, with its near-optimal parsing at 10 to 12, the smallest; it is maintained and fuzzed, and
//! needs no more than the C compiler that the project needs anyway. Levels 0 to 9 correspond to zlib's. No
//! zlib or gzip wrapper: the container has its own checksums.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};
use libdeflate_sys as ffi;

use crate::parts::{codec, exactly, reserve, used_up};

const LEVEL: Param = Param::int(
    "level",
    0,
    12,
    6,
    "effort: 0 stores, 1 is fastest, 9 like zlib's, 10 to 12 near-optimal parsing",
);

static INFO: Info = Info::new("deflate", "raw DEFLATE: LZ77 with a window of 32 KiB, Huffman coding")
    .params(&[LEVEL])
    .memory(|params, _| Memory::new(if params.int(&LEVEL) >= 10 { 10 << 20 } else { 2 << 20 }, 64 << 10));

/// The registry entry.
pub const DEFLATE: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let level = params.int(&LEVEL) as c_int;
    Ok(codec(move || Deflate { level, compressor: None, decompressor: None }))
}

struct Compressor(NonNull<ffi::libdeflate_compressor>);
struct Decompressor(NonNull<ffi::libdeflate_decompressor>);

// SAFETY: both are plain memory of the library, owned by one value here, and tied to no thread.
unsafe impl Send for Compressor {}
// SAFETY: as above.
unsafe impl Send for Decompressor {}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library's allocation, and nobody else has it.
        unsafe { ffi::libdeflate_free_compressor(self.0.as_ptr()) }
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library's allocation, and nobody else has it.
        unsafe { ffi::libdeflate_free_decompressor(self.0.as_ptr()) }
    }
}

/// Contexts are made when first needed: a worker usually either encodes or decodes.
struct Deflate {
    level: c_int,
    compressor: Option<Compressor>,
    decompressor: Option<Decompressor>,
}

fn no_memory() -> Error {
    Error::limit("deflate: no memory for a context")
}

impl Worker for Deflate {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let compressor = match &mut self.compressor {
            Some(ready) => ready,
            empty => {
                // SAFETY: any level is allowed; the library answers null where it does not know it.
                let made = unsafe { ffi::libdeflate_alloc_compressor(self.level) };
                empty.insert(Compressor(NonNull::new(made).ok_or_else(no_memory)?))
            }
        };
        // SAFETY: the compressor is alive; the call computes a number.
        let bound = unsafe { ffi::libdeflate_deflate_compress_bound(compressor.0.as_ptr(), input.len()) };
        reserve(out, bound)?;
        let space = out.spare_capacity_mut();
        // SAFETY: the compressor is ours alone, the pointers come from slices of the lengths given, and the
        // library writes to the second only.
        let length = unsafe {
            ffi::libdeflate_deflate_compress(
                compressor.0.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                space.as_mut_ptr().cast(),
                space.len(),
            )
        };
        if length == 0 || length > space.len() {
            return Err(Error::limit("deflate: the result does not fit its bound"));
        }
        // SAFETY: the library has written that many bytes of the spare capacity.
        unsafe { out.set_len(out.len() + length) };
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let decompressor = match &mut self.decompressor {
            Some(ready) => ready,
            empty => {
                // SAFETY: the function takes no argument; it answers null where there is no memory.
                let made = unsafe { ffi::libdeflate_alloc_decompressor() };
                empty.insert(Decompressor(NonNull::new(made).ok_or_else(no_memory)?))
            }
        };
        reserve(out, raw_len)?;
        let space = &mut out.spare_capacity_mut()[..raw_len];
        let (mut used, mut length) = (0, 0);
        // SAFETY: the decompressor is ours alone, the pointers come from slices of the lengths given and from
        // two numbers; the library writes to the space, within its length, and to the numbers.
        let result = unsafe {
            ffi::libdeflate_deflate_decompress_ex(
                decompressor.0.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                space.as_mut_ptr().cast(),
                space.len(),
                &mut used,
                &mut length,
            )
        };
        match result {
            ffi::libdeflate_result_LIBDEFLATE_SUCCESS => {}
            ffi::libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE => {
                return Err(Error::corrupt(format!("deflate: more than the {raw_len} bytes expected")));
            }
            _ => return Err(Error::corrupt("deflate: damaged or truncated data")),
        }
        used_up(input.len() - used)?;
        exactly(length, raw_len)?;
        // SAFETY: the library has written exactly `raw_len` bytes of the spare capacity.
        unsafe { out.set_len(out.len() + length) };
        Ok(())
    }
}
