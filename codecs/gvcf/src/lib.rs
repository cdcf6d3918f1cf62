//! GVCF: video frames as git blobs, to the byte.
//!
//! A frame is a blob of 32 bytes of [`header`] and compressed data of one of seven [types](header::Kind);
//! docs/formats/gvcf.md describes them to the byte. Everything here works on slices of pixels: rows from
//! the top, one byte for each of 1, 3 or 4 interleaved channels.
//!
//! | module | what |
//! |---|---|
//! | [`header`] | the 32 bytes before the data, and the rules of a strict and of a lenient reader |
//! | [`bands`] | parts of a picture that are coded independently |
//! | [`rle`] | runs of equal and different bytes |
//! | [`residual`] | prediction, context modelling: the lossless coder of planes |
//! | [`colours`] | the lossless coder of pixels as wholes, for what was drawn |
//! | [`planes`], [`yuv`] | colour transforms that lose nothing |
//! | [`frame`] | one frame: its data from pixels, and back |
//! | [`carrier`] | any byte stream in frames, in a git bundle |
//! | [`repository`] | frames as commits: import, log, pictures by number |
//! | [`clip`] | a clip on its way into a repository, in batches |
//! | [`difference`] | what differs between two pictures |
//! | [`sequence`] | a whole clip: key frames, references, the smallest type for each frame |

pub mod bands;
mod bytes;
pub mod carrier;
pub mod clip;
pub mod colours;
pub mod difference;
pub mod error;
pub mod frame;
pub mod header;
pub mod planes;
pub mod repository;
pub mod residual;
pub mod rle;
pub mod sequence;
pub mod yuv;

pub use carrier::GVCF;
pub use error::{Code, Error, Result};
pub use header::{Header, Kind, Rules, Shape};
