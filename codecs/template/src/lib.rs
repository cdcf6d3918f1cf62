//! Grammar compression: Re-Pair, and what is built on it.

pub mod grammar;
mod prefetch;
mod repair;
pub mod tokens;

pub use grammar::MAX_LEN;
pub use repair::{INFO, REPAIR};
