//! Codes for whole numbers, shared by every format of the project.

pub mod varint;
