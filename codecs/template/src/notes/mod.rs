//! Notes: pieces of a segment that are known from a dictionary or from before, or else said in full once.

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
