//! Maps the library's error codes to the project's errors.

use lab_codec::{Error, ErrorKind};
use zstd_safe::zstd_sys::ZSTD_ErrorCode as Code;

/// The error for a code that the library returned from decoding.
pub(crate) fn decoding(code: usize) -> Error {
    let is = |known: Code| code == (known as usize).wrapping_neg();
    let kind = if is(Code::ZSTD_error_srcSize_wrong) {
        ErrorKind::Truncated
    } else if is(Code::ZSTD_error_memory_allocation) || is(Code::ZSTD_error_frameParameter_windowTooLarge) {
        ErrorKind::Limit
    } else if is(Code::ZSTD_error_prefix_unknown)
        || is(Code::ZSTD_error_version_unsupported)
        || is(Code::ZSTD_error_dictionary_wrong)
    {
        ErrorKind::Unsupported
    } else {
        ErrorKind::Corrupt
    };
    Error::new(kind, describe(code))
}

/// The error for a code that the library returned from setup or encoding.
pub(crate) fn encoding(code: usize) -> Error {
    let kind = if code == (Code::ZSTD_error_memory_allocation as usize).wrapping_neg() {
        ErrorKind::Limit
    } else {
        ErrorKind::Param
    };
    Error::new(kind, describe(code))
}

fn describe(code: usize) -> String {
    format!("zstd: {}", zstd_safe::get_error_name(code).to_lowercase())
}
