//! Entropy coders shared by the codecs of the project.
//!
//! [`rans`] turns decisions of known probability into bytes; [`model`] estimates the probabilities while
//! the data goes by, so that no tables are sent. The two are independent: a model only ever asks the coder
//! for an interval of a power-of-two scale. [`order0`] codes blocks of bytes with one table each, and [`range`]
//! codes single bits with adaptive probabilities: those of one context, or of many, each with its [`history`], which
//! [`mix`] weighs in the [`logistic`] domain. A [`meter`] sees what decoding costs.

pub mod history;
mod lanes;
pub mod logistic;
pub mod meter;
pub mod mix;
pub mod model;
pub mod order0;
pub mod prefetch;
pub mod range;
pub mod rans;
