//! Entropy coders shared by the codecs of the project.
//!
//! [`rans`] turns decisions of known probability into bytes. [`model`] adapts the probabilities to the data,
//! so no tables are stored. The two are independent: a model only asks the coder for an interval of a
//! power-of-two scale.
//!
//! [`order0`] codes blocks of bytes, each with a static table. [`range`] codes single bits with adaptive
//! probabilities: of one context, or of several, whose [`history`] cells [`mix`] combines in the [`logistic`]
//! domain. A [`meter`] reports the information content of each decoded decision.

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
