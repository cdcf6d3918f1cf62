//! Codecs that others are compared with, one short file each.

mod store;

pub use store::STORE;
