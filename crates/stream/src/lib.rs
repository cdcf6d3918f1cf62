//! Chains of codecs and the `.lab` stream: encode, decode, read a range, verify.
//!
//! A chain of codecs in, a self-describing stream out, and back:
//!
//! ```
//! use lab_stream::{Chain, decode_vec, encode_vec};
//!
//! let mut registry = lab_codec::Registry::new();
//! registry.register(lab_template::REPAIR).register(lab_zstd::ZSTD);
//! let chain = Chain::parse(&registry, "repair,zstd:19")?;
//! let content = b"she sells sea shells by the sea shore".repeat(1000);
//! let stream = encode_vec(&registry, &chain, &content)?;
//! assert_eq!(decode_vec(&registry, &stream)?, content);
//! # Ok::<(), lab_codec::Error>(())
//! ```
//!
//! Content of any size goes through [`encode::encode`] and [`decode::decode`]: segments run through the chain
//! in parallel, in bounded memory. The data path is one straight line, and the modules show it:
//!
//! ```text
//! input -> segments -> codec, codec, ... -> .lab stream -> carrier -> medium
//! medium -> carrier -> .lab stream -> codec, codec, ... -> output, SHA-256 checked
//! ```
//!
//! [`chain`] parses what the user types. [`pipeline`] applies it to a segment, observed by an optional
//! [`probe`]. [`encode`](mod@encode) and [`decode`](mod@decode) drive segments through the [`container`] and
//! a carrier. A [`Reader`](container::Reader) reads any range. This crate contains no codec: the caller
//! passes a [`Registry`](lab_codec::Registry). The `examples/` of the repository encode a file, read a range,
//! and register a codec of another crate.

pub mod buffers;
pub mod chain;
pub mod cleanup;
pub mod container;
pub mod decode;
pub mod encode;
pub mod entropy;
pub mod file;
pub mod growing;
pub mod input;
pub mod memory;
pub mod ordered;
pub mod output;
pub mod pipeline;
pub mod probe;
pub mod reads;
pub mod resource;
pub mod room;
pub mod walk;

pub use chain::Chain;
pub use memory::{decode_vec, encode_vec};
