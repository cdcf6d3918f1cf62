//! Codes PNG-derived raw pictures: `pixels WIDTH HEIGHT CHANNELS BITS guess|plain inter|intra FILE...`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an example stops where it cannot go on, and prints"
)]

use std::time::Instant;

use lab_album::pixels::{Shape, Way, decode, encode};
use lab_codec::Context;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let shape = Shape {
        width: args[1].parse().unwrap(),
        height: args[2].parse().unwrap(),
        channels: args[3].parse().unwrap(),
        bits: args[4].parse().unwrap(),
    };
    let way = Way { guess: args[5] == "guess", inter: args[6] == "inter" };
    let pictures: Vec<Vec<u8>> = args[7..].iter().map(|path| std::fs::read(path).unwrap()).collect();
    let slices: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
    let mut out = Vec::new();
    let start = Instant::now();
    encode(shape, way, &slices, &mut out, &Context::default()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let raw: usize = slices.iter().map(|p| p.len()).sum();
    let start = Instant::now();
    decode(
        shape,
        way,
        slices.len(),
        slices.len(),
        &out,
        &mut |i, p| {
            assert!(p == slices[i], "{i}");
            Ok(())
        },
        &Context::default(),
    )
    .unwrap();
    println!(
        "{} pictures {raw} -> {} {:.2} MB/s encode {:.2} MB/s decode",
        slices.len(),
        out.len(),
        raw as f64 / 1e6 / seconds,
        raw as f64 / 1e6 / start.elapsed().as_secs_f64()
    );
}
