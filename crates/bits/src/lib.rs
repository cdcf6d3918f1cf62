//! Codes for whole numbers and the bits they are made of, shared by every format of the project.

pub mod arity;
pub mod evql;
pub mod exp_golomb;
pub mod lsb;
pub mod msb;
pub mod varint;
