//! Notes: chunks of a segment that a dictionary holds, that occurred before, or that are coded once as new.

pub mod build;
pub mod cid;
pub mod cut;
pub mod dictionary;
pub mod files;
pub mod list;
pub mod map;
mod merkle;
pub mod partial;
pub mod score;
pub mod sequence;
