//! Grammar compression: Re-Pair, and what is built on it.

pub mod grammar;
mod repair;
pub mod tokens;

use lab_entropy::prefetch;

pub use grammar::repair::MAX_LEN;
pub use repair::{INFO, REPAIR};
