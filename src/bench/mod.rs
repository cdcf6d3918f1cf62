//! Measurements of (sample, chain) cells.

pub mod results;
