//! Telomere: seed search. The encoder replaces blocks by short seeds; the decoder regenerates them with
//! SHA-256.
//!
//! - [`sha`] hashes many short messages at once,
//! - [`table`] sorts all seeds by the digest that they expand to,
//! - [`search`] finds the seeds whose expansion occurs in an input,
//! - [`parse`] chooses seeds and literals with the fewest bits,
//! - [`format`](mod@format) reads and writes the bytes,
//! - [`Encoder`] runs all of this, and [`TELOMERE`] is the codec.
//!
//! Only data that contains expansions of short seeds becomes smaller. By counting, few blocks of ordinary
//! data are: there are 256^3 blocks of three bytes and only 65,792 seeds of one or two.

mod align;
mod codec;
pub mod collect;
pub mod compare;
mod encode;
pub mod format;
pub mod parse;
mod salt;
pub mod search;
pub mod seed;
pub mod sha;
pub mod table;

pub use codec::{INFO, TELOMERE, encode_memory};
pub use encode::{Encoder, SaltChoice, Settings, Summary};
