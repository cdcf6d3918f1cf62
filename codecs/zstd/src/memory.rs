//! Memory requirements of the library, by its own estimates.

#![expect(unsafe_code, reason = "the safe wrapper lacks the memory estimates")]

use std::ffi::c_int;
use std::ptr::NonNull;

use lab_codec::Memory;
use zstd_safe::zstd_sys::{self, ZSTD_cParameter as Parameter};

use crate::Settings;
use crate::frame::MAX_BLOCK;

/// The largest window of any parameter or level, as a power of two.
const MAX_WINDOW_LOG: u32 = 27;

/// Peak memory of one worker for segments of `segment` bytes.
pub(crate) fn declared(settings: &Settings, segment: u64) -> Memory {
    let window = segment.clamp(1 << 10, 1 << MAX_WINDOW_LOG);
    Memory::new(encoder(settings, segment), decoder().max(range_decoder(window)))
}

/// Memory of a compression context for `input` bytes.
pub(crate) fn encoder(settings: &Settings, input: u64) -> u64 {
    let hint = c_int::try_from(input.max(1)).unwrap_or(c_int::MAX);
    // The library's estimate leaves long-distance matching out: a table of entries of 8 bytes, a bucket byte
    // for some of them, and a list of one block's matches. Search strategies from binary trees on, which
    // small inputs get from level 7, have an entry for every 2^4 bytes of the window, the others for every
    // 2^6.
    let window_log = u64::BITS - input.clamp(1 << 10, 1 << MAX_WINDOW_LOG).saturating_sub(1).leading_zeros();
    let rate_log = if settings.level >= 7 { 4 } else { 6 };
    let by_itself = settings.level >= 16; // and a window of 2^27 bytes
    let long = if settings.long || by_itself { (9 << (window_log - rate_log)) + (64 << 10) } else { 0 };
    estimate(settings, hint) as u64 + long
}

/// Memory of a decompression context that decodes a whole frame in one call.
pub(crate) fn decoder() -> u64 {
    // SAFETY: the function takes no argument and reads a constant.
    unsafe { zstd_sys::ZSTD_estimateDCtxSize() as u64 }
}

/// Memory for decoding a frame piece by piece, our buffer included.
pub(crate) fn range_decoder(window: u64) -> u64 {
    let Ok(window) = usize::try_from(window) else { return u64::MAX };
    if window as u64 > 1 << 40 {
        return u64::MAX;
    }
    // SAFETY: the function takes a plain number and computes a sum of sizes; any value is allowed.
    unsafe { zstd_sys::ZSTD_estimateDStreamSize(window) as u64 + MAX_BLOCK }
}

fn estimate(settings: &Settings, size_hint: c_int) -> usize {
    // Long-distance matching widens the window. Asked for here it would divide by zero inside the library,
    // because its own parameters get their values only when a frame begins.
    let window_log = match settings.window_log {
        0 if settings.long => MAX_WINDOW_LOG,
        given => given,
    };
    // SAFETY: the parameter object is created, checked for null, used and freed within this block, by the
    // library's own functions; setting a parameter to a refused value returns a code and changes nothing.
    unsafe {
        let Some(params) = NonNull::new(zstd_sys::ZSTD_createCCtxParams()) else { return 0 };
        let set = |parameter, value| {
            zstd_sys::ZSTD_CCtxParams_setParameter(params.as_ptr(), parameter, value);
        };
        set(Parameter::ZSTD_c_compressionLevel, settings.level);
        set(Parameter::ZSTD_c_windowLog, window_log as c_int);
        set(Parameter::ZSTD_c_experimentalParam7, size_hint); // ZSTD_c_srcSizeHint
        let size = zstd_sys::ZSTD_estimateCCtxSize_usingCCtxParams(params.as_ptr());
        zstd_sys::ZSTD_freeCCtxParams(params.as_ptr());
        size
    }
}
