//! Image albums (work in progress).

pub mod pixels;
