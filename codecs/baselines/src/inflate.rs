//! Raw DEFLATE decoding by libdeflate, with the number of bytes that the coded data takes.
//!
//! The calls are unsafe because the safe wrapper `libdeflater` does not return that number. Without it, bytes
//! behind the coded data would go unnoticed.

#![expect(unsafe_code, reason = "the safe wrapper does not return the number of bytes used")]

use std::ptr::NonNull;

use lab_codec::{Error, Result};
use libdeflate_sys as ffi;

use crate::parts::{exactly, reserve, used_up};

/// A decoding context of the library.
pub(crate) struct Inflater(NonNull<ffi::libdeflate_decompressor>);

// SAFETY: the context is plain memory of the library, owned by one value, and tied to no thread.
unsafe impl Send for Inflater {}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library's allocation, and nobody else has it.
        unsafe { ffi::libdeflate_free_decompressor(self.0.as_ptr()) }
    }
}

impl Inflater {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the function takes no argument; it returns null where there is no memory.
        let context = unsafe { ffi::libdeflate_alloc_decompressor() };
        NonNull::new(context).map(Self).ok_or_else(|| Error::limit("deflate: no memory for a context"))
    }

    /// Appends the `raw_len` bytes that `input` decodes to.
    pub(crate) fn inflate(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>) -> Result<()> {
        reserve(out, raw_len)?;
        let space = &mut out.spare_capacity_mut()[..raw_len];
        let (mut used, mut length) = (0, 0);
        // SAFETY: the context is ours alone, the pointers come from slices of the lengths given and from two
        // numbers; the library writes to the space, within its length, and to the numbers.
        let result = unsafe {
            ffi::libdeflate_deflate_decompress_ex(
                self.0.as_ptr(),
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
