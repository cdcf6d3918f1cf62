//! Chains of codecs and the `.lab` stream: encode, decode, read a range, verify.
//!
//! The data path is one straight line, and the modules show it:
//!
//! ```text
//! input -> segments -> codec, codec, ... -> .lab stream -> carrier -> medium
//! medium -> carrier -> .lab stream -> codec, codec, ... -> output, SHA-256 checked
//! ```
//! [`chain`] reads what the user types, [`pipeline`] applies it to a segment, [`encode`] and [`decode`] drive
//! segments through [`container`] and a carrier. This crate knows no codec: the caller hands it a registry.

pub mod buffers;
pub mod chain;
pub mod cleanup;
pub mod container;
pub mod decode;
pub mod encode;
pub mod entropy;
pub mod file;
pub mod input;
pub mod ordered;
pub mod output;
pub mod pipeline;
pub mod probe;
pub mod resource;
