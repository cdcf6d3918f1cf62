//! One child from start to end: fed with one piece of input, for its output.

use std::process::Command;

use lab_codec::{Context, Result};

use crate::child::{Child, Pieces, Pipes, Waited, name_of};
use crate::clock::{Limits, excess, stall};

/// Bytes of input that are handed over at a time.
const PIECE: usize = 256 << 10;

/// What a command is given, and within which limits.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// What it finds on standard input.
    pub input: &'a [u8],
    /// Bytes that it may write to standard output.
    pub output_limit: usize,
    /// Its other limits.
    pub limits: Limits,
}

impl Job<'_> {
    /// Without input, and held to the stall limit.
    pub fn new(output_limit: usize) -> Self {
        Self { input: &[], output_limit, limits: Limits { stall: Some(stall()), ..Limits::default() } }
    }
}

/// Runs the command and appends its standard output to `out`.
///
/// # Errors
/// [`MissingTool`](lab_codec::ErrorKind::MissingTool) where there is no such program,
/// [`Tool`](lab_codec::ErrorKind::Tool) with the end of standard error where it fails, stalls or takes too long,
/// [`Limit`](lab_codec::ErrorKind::Limit) where it writes too much, and
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled). In every case it and its descendants have ended.
pub fn run(command: &mut Command, job: &Job, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    cx.check()?;
    let name = name_of(command);
    let pipes = Pipes { input: true, output: Some(Pieces::Any) };
    let mut child = Child::start(command, pipes, job.limits.clone())?;
    let start = out.len();
    let mut pieces = job.input.chunks(PIECE);
    let mut feeding = true;
    loop {
        match child.wait(feeding, cx)? {
            Waited::Empty(mut buffer) => match pieces.next() {
                Some(piece) => {
                    buffer.clear();
                    buffer.extend_from_slice(piece);
                    child.send(buffer);
                }
                None => {
                    feeding = false;
                    child.close_input();
                }
            },
            Waited::Piece(piece) => {
                if out.len() - start + piece.len() > job.output_limit {
                    return Err(excess(job.output_limit as u64).at(format!("{name:?}")));
                }
                out.extend_from_slice(&piece);
                child.recycle(piece);
            }
            // A program may know enough before it has read everything: its status tells.
            Waited::End if feeding => feeding = false,
            Waited::End => return child.finish(cx),
        }
    }
}
