//! Measures (sample, chain) cells: planning, timing, and output formats.
//!
//! [`plan`] defines the cells; [`run`] measures them group by group and passes each finished cell to a
//! listener. [`journal`] stores cells at once, so that an interrupted run can continue. [`results`] is the
//! schema; [`export`] writes it in other formats. This crate prints nothing.

pub mod affinity;
pub mod claims;
mod clock;
pub mod entropy;
pub mod environment;
pub mod experiment;
pub mod export;
#[cfg(test)]
mod fixture;
pub mod journal;
mod measure;
pub mod memory;
pub mod pareto;
mod passes;
pub mod plan;
pub mod results;
mod round;
pub mod scratch;
pub mod session;
pub mod statistics;
pub mod summary;
pub mod trial;
pub mod trip;

pub use plan::{Key, Plan, Rules};
pub use round::{Listener, Surroundings, run};
