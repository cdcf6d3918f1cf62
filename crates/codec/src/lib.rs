//! The interface of codecs and carriers.
//!
//! A [`Codec`] transforms one segment of bytes and back; a [`Carrier`] holds one finished byte stream on a
//! medium and reads it at any offset. Both describe themselves with a static [`Info`], take typed
//! [`Params`], and are listed in a [`Registry`]. This crate performs no compression and prints nothing.

mod carrier;
pub mod cid;
mod codec;
mod context;
pub mod costs;
mod error;
mod info;
mod param;
mod registry;
mod reserve;
mod resource;
pub mod text;

pub use carrier::{Carrier, Lost, Probe, Source, StreamReader, StreamWriter, Summary, Target, check_read};
pub use codec::{Codec, Worker, check_range, memory_of};
pub use context::{Cancel, Context, Limits, Observer, Silent};
pub use error::{Error, ErrorKind, Hint, Result};
pub use info::{Capabilities, Info, Memory, Role, Tool};
pub use param::{Param, ParamKind, Params, Value, format_count, format_size, parse_duration, parse_size};
pub use registry::{Build, Entry, Registry, Resources, nearest};
pub use reserve::{is_fallible, reserve};
pub use resource::{Digest, Find};
