//! Measurements of (sample, chain) cells: what is planned, how it is timed, and in which forms it is written.
//!
//! [`plan`] says which cells there are; [`run`] measures them group by group and hands each finished
//! cell to whoever listens. [`journal`] keeps cells as they come, so that an interrupted run can go on. [`results`] is
//! the schema, [`export`] writes it for others. Nothing here prints.

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
