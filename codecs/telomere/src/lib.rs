//! Telomere: seed search. A decoder regenerates blocks from SHA-256 of short seeds; an encoder finds the seeds.
//!
//! [`sha`] hashes, [`table`] sorts seeds by what they expand to, [`search`] finds them in an input, [`parse`] chooses
//! among them, [`format`](mod@format) has the bytes, [`Encoder`] puts all of this together, and [`TELOMERE`] is the codec.
//! No input gains that does not contain what short seeds expand to: there are fewer short seeds than blocks.

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
