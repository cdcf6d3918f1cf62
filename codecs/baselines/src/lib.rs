//! Baseline codecs for comparison, and simple transforms for chains: one short file each.

mod bitshuffle;
mod brotli;
mod bwt;
mod bzip2;
mod deflate;
mod delta;
mod inflate;
mod lz4;
mod lzfse;
mod memcpy;
mod mtf;
mod parts;
mod ppmd;
mod range;
mod rans0;
mod rle;
mod snappy;
mod store;
mod xz;

pub use bitshuffle::BITSHUFFLE;
pub use brotli::BROTLI;
pub use bwt::BWT;
pub use bzip2::BZIP2;
pub use deflate::DEFLATE;
pub use delta::DELTA;
pub use lz4::LZ4;
pub use lzfse::LZFSE;
pub use memcpy::MEMCPY;
pub use mtf::MTF;
pub use ppmd::PPMD;
pub use range::RANGE;
pub use rans0::RANS0;
pub use rle::RLE;
pub use snappy::SNAPPY;
pub use store::STORE;
pub use xz::XZ;
