//! Processor time of one call of the codec against a bare streaming call of the library at the same level:
//! `cargo run --release -p lab-zstd --example overhead -- FILE [LEVEL]` (FILE is repeated to 100 MB).

use lab_codec::{Build, Context, Params, Resources, Result, Value};
use lab_zstd::ZSTD;
use zstd_safe::zstd_sys::ZSTD_EndDirective as Directive;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

const SIZE: usize = 100_000_000;
const ROUNDS: usize = 5;

/// Seconds of processor time that this process has used, user and system.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn timed(work: impl FnOnce() -> usize) -> (f64, usize) {
    let before = processor_seconds();
    let bytes = work();
    (processor_seconds() - before, bytes)
}

fn bare(input: &[u8], level: i32) -> usize {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(level)).expect("a level");
    let mut piece = Vec::with_capacity(CCtx::out_size());
    let mut total = 0;
    let mut source = InBuffer::around(input);
    loop {
        piece.clear();
        let mut sink = OutBuffer::around(&mut piece);
        let left =
            context.compress_stream2(&mut sink, &mut source, Directive::ZSTD_e_end).expect("compression");
        total += piece.len();
        if left == 0 {
            return total;
        }
    }
}

/// As `bare`, with the input given in pieces of 128 KiB, as a file would be read.
fn bare_in_pieces(input: &[u8], level: i32) -> usize {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(level)).expect("a level");
    let mut piece = Vec::with_capacity(CCtx::out_size());
    let mut total = 0;
    let mut chunks = input.chunks(CCtx::in_size()).peekable();
    while let Some(chunk) = chunks.next() {
        let last = chunks.peek().is_none();
        let directive = if last { Directive::ZSTD_e_end } else { Directive::ZSTD_e_continue };
        let mut source = InBuffer::around(chunk);
        loop {
            piece.clear();
            let mut sink = OutBuffer::around(&mut piece);
            let left = context.compress_stream2(&mut sink, &mut source, directive).expect("compression");
            total += piece.len();
            if if last { left == 0 } else { source.pos() == chunk.len() } {
                break;
            }
        }
    }
    total
}

#[allow(clippy::print_stdout)]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = std::fs::read(arguments.next().unwrap_or_else(|| "Cargo.lock".into()))?;
    let level: i32 = arguments.next().and_then(|l| l.parse().ok()).unwrap_or(3);
    let input: Vec<u8> = file.iter().copied().cycle().take(SIZE).collect();

    let mut params = Params::defaults(ZSTD.info);
    params.set(0, Value::Int(level.into()));
    let Build::Codec(build) = ZSTD.build else { unreachable!() };
    let codec = build(&params, &Resources::default())?;

    let mut best = [f64::MAX; 3];
    let mut sizes = [0; 3];
    for _ in 0..ROUNDS {
        let codec_call = || {
            let mut out = Vec::new();
            codec.worker().encode(&input, &mut out, &Context::default()).expect("encoding");
            out.len()
        };
        let rounds =
            [timed(codec_call), timed(|| bare(&input, level)), timed(|| bare_in_pieces(&input, level))];
        for (index, (seconds, bytes)) in rounds.into_iter().enumerate() {
            best[index] = best[index].min(seconds);
            sizes[index] = bytes;
        }
    }
    for (name, index) in [("codec", 0), ("bare streaming", 1), ("bare streaming in pieces", 2)] {
        println!(
            "{name}: {:.2} s, {} bytes, codec/this = {:.3}",
            best[index],
            sizes[index],
            best[0] / best[index]
        );
    }
    Ok(())
}
