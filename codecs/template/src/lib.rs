//! Grammar compression: Re-Pair, Sequitur, and the template codec on top of them.

pub mod grammar;
mod maker;
pub mod notes;
pub mod partial;
mod repair;
pub mod report;
pub mod segment;
mod select;
mod sequitur;
pub mod template;
pub mod tokens;

use lab_entropy::prefetch;

pub use grammar::MAX_LEN;
pub use repair::REPAIR;
pub use sequitur::SEQUITUR;
pub use template::TEMPLATE;

/// The codecs whose encoded segments [`partial`] reads.
pub const CODECS: [lab_codec::Entry; 2] = [REPAIR, SEQUITUR];
