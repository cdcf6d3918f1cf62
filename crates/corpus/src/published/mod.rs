//! Published corpora: their sources, and which of them are absent. This module does not use the network.

pub mod absent;
pub mod catalogue;
mod pack;
pub mod sources;

pub use pack::Pack;
pub use sources::{Source, Sources, Wanted, directory};
