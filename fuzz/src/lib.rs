//! Fuzz targets, one per format, and a driver that needs no nightly compiler.
//!
//! A target is a plain function of bytes that panics on a finding. The [`driver`] mutates the committed
//! seeds. Execution `n` of seed number `s` depends on `s` and `n` only, so these two numbers reproduce a
//! finding. In a build with [`coverage`] counters, inputs that reach something new are mutated further; there
//! a finding is repeated from its saved input.

pub mod coverage;
pub mod driver;
pub mod make;
pub mod mutate;
mod random;
mod surroundings;
pub mod target;

pub use random::Random;
pub use target::{TARGETS, Target};
