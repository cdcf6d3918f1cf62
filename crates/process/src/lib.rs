//! Child processes: in a group of their own, ended with all descendants and reaped in any case, and with the end of
//! what they said on standard error.
//!
//! [`run`] feeds a child one piece of input and takes its output. Who streams through a child that lives long uses
//! [`Group`] and [`LastWords`] directly.

mod exchange;
mod group;
mod words;

pub use exchange::{Job, run};
pub use group::Group;
pub use words::LastWords;
