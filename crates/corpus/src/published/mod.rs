//! Published corpora: where they can be had, and which of them are not here yet. Nothing here uses the network.

pub mod absent;
pub mod catalogue;
mod pack;
pub mod sources;

pub use pack::Pack;
pub use sources::{Source, Sources, Wanted, directory};
