//! Runs one child to its end: input from a slice, output to a vector.

use std::process::Command;

use lab_codec::{Context, Result};

use crate::child::{Child, Pieces, Pipes, Waited, name_of};
use crate::clock::{Limits, excess, stall};

/// Bytes of input per buffer.
const PIECE_BYTES: usize = 256 << 10;

/// Input and limits of one run.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Bytes for standard input.
    pub input: &'a [u8],
    /// Maximum bytes on standard output.
    pub output_limit: usize,
    /// Limits on time and files.
    pub limits: Limits,
}

impl Job<'_> {
    /// No input, and the default stall limit.
    pub fn new(output_limit: usize) -> Self {
        Self { input: &[], output_limit, limits: Limits { stall: Some(stall()), ..Limits::default() } }
    }
}

/// Runs the command and appends its standard output to `out`.
///
/// # Errors
/// [`MissingTool`](lab_codec::ErrorKind::MissingTool) if the program is missing,
/// [`Tool`](lab_codec::ErrorKind::Tool) with the end of standard error if it fails, stalls or exceeds its
/// time, [`Limit`](lab_codec::ErrorKind::Limit) if it writes too much, and
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled). On return, the program and its descendants have ended.
pub fn run(command: &mut Command, job: &Job, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    exchange(command, job, out, cx)?.finish(cx)
}

/// Runs the command and returns whether it exits with status 0: for programs that answer yes or no.
///
/// # Errors
/// As [`run`], except that another exit status is an answer.
pub fn succeeds(command: &mut Command, job: &Job, cx: &Context) -> Result<bool> {
    let mut child = exchange(command, job, &mut Vec::new(), cx)?;
    let status = child.status(cx)?;
    // A child without an exit status was killed.
    if status.code().is_some() { Ok(status.success()) } else { Err(child.failure(status)) }
}

/// Starts the command, feeds it and reads it, until it closes its output.
fn exchange(command: &mut Command, job: &Job, out: &mut Vec<u8>, cx: &Context) -> Result<Child> {
    cx.check()?;
    let name = name_of(command);
    let pipes = Pipes { input: true, output: Some(Pieces::Any) };
    let mut child = Child::start(command, pipes, job.limits.clone())?;
    let start = out.len();
    let mut pieces = job.input.chunks(PIECE_BYTES);
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
            // A program may stop reading before the end of its input; its exit status says whether that is a
            // failure.
            Waited::End if feeding => feeding = false,
            Waited::End => return Ok(child),
        }
    }
}
