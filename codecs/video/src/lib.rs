//! The `video` carrier: a byte stream in the pixels of a video that ordinary players play.
//!
//! How the bytes become pixels is a *profile*. [`exact`] stores them as they are, losslessly and without any
//! external tool; the video takes about 1.0053 bytes per payload byte (V/P). The other profiles survive
//! lossy copies, and need ffmpeg. All parameters are in the frames themselves, so reading needs no profile
//! and no side file.
//!
//! | module | what |
//! |---|---|
//! | [`exact`] | the profile `exact`: pixels, H.264 I_PCM, writer and reader |
//! | [`profile`] | the lossy profiles: a modem, an encoder's settings |
//! | [`modem`] | bytes to a picture and back |
//! | [`stream`] | a stream in numbered frames, with parity across them |

mod carrier;
pub mod exact;
pub mod modem;
pub mod profile;
mod splitmix;
pub mod stream;

pub use carrier::{VIDEO, settings};
