//! Rates of the search on one core and on all: hashes by every route beside the crate `sha2`, tables,
//! look-ups, and one file encoded and decoded.
//!
//! `cargo run --release -p lab-telomere --example rates [FILE]`: the best of interleaved rounds, since other
//! programs may use the machine. `RUSTFLAGS='--cfg sha2_backend="soft"'` compares with the crate without SHA
//! extensions.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use lab_codec::{Context, Result};
use lab_telomere::seed::Salt;
use lab_telomere::sha::Route;
use lab_telomere::table::{self, Filter};
use lab_telomere::{Encoder, Settings, format};
use sha2::{Digest as _, Sha256};

const ROUNDS: usize = 25;
const MESSAGES: usize = 1 << 18;

fn best(rates: Vec<f64>) -> f64 {
    rates.into_iter().fold(0.0, f64::max)
}

fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    count as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn one_by_one(messages: &[u64], out: &mut [u64]) {
    for (message, out) in messages.iter().zip(out) {
        let digest = Sha256::digest(&message.to_be_bytes()[..3]);
        *out = u64::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ]);
    }
}

/// Total hash rate on `threads` threads at once.
fn together(threads: usize, messages: &[u64]) -> f64 {
    let route = Route::fastest();
    rate(threads * 8 * MESSAGES, || {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut out = vec![0; MESSAGES];
                    for _ in 0..8 {
                        route.heads(black_box(messages), 3, &mut out);
                        black_box(&mut out);
                    }
                });
            }
        });
    })
}

fn hashes() {
    let messages: Vec<u64> = (0..MESSAGES as u64).map(|i| i << 40).collect();
    let mut out = vec![0; MESSAGES];
    let routes: Vec<Route> = Route::available().collect();
    let mut rates = vec![Vec::new(); routes.len() + 1];
    for _ in 0..ROUNDS {
        rates[0].push(rate(MESSAGES, || one_by_one(black_box(&messages), &mut out)));
        for (route, rates) in routes.iter().zip(&mut rates[1..]) {
            rates.push(rate(MESSAGES, || route.heads(black_box(&messages), 3, &mut out)));
            black_box(&mut out);
        }
    }
    let base = best(rates[0].clone());
    println!("messages of 3 bytes, one core, Mhash/s:");
    println!("  {:<10} {base:7.2}", "crate sha2");
    for (route, rates) in routes.iter().zip(&rates[1..]) {
        let rate = best(rates.clone());
        println!("  {:<10} {rate:7.2}   {:5.2} x sha2", route.name(), rate / base);
    }
    println!("fastest here: {}", Route::fastest().name());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(together(1, &messages));
        all.push(together(cores, &messages));
    }
    let (one, all) = (best(one), best(all));
    println!("on 1 core {one:.1}, on {cores} cores {all:.1} Mhash/s: {:.2} x", all / one);
}

/// Rates of building the largest table and of looking random heads up in it.
fn tables() -> Result<()> {
    let cx = Context::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, cores] {
        let built = (0..5).map(|_| seconds(|| table::build(Salt::default(), 3, threads, &cx)));
        let seconds = built.fold(f64::INFINITY, f64::min);
        println!("table of 16,843,008 seeds, {threads} threads: {seconds:.2} s");
    }
    let table = table::build(Salt::default(), 3, cores, &cx)?;
    let mut state = 1_u64;
    let heads: Vec<u64> = (0..1 << 20)
        .map(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            state
        })
        .collect();
    for (what, positions, bits) in [
        ("65,536 seeds by 24 bits", 0..65_536, 24),
        ("all seeds by 24 bits", 0..table.entries(), 24),
        ("all seeds by 48 bits", 0..table.entries(), 48),
    ] {
        let filter = Filter::new(&table, &positions, bits);
        let rates = (0..ROUNDS).map(|_| {
            rate(heads.len(), || {
                black_box(heads.iter().filter(|head| filter.may_have(**head)).count());
            })
        });
        println!("look-ups of {what}: {:.0} M/s in the map in front", best(rates.collect()));
    }
    let mut seeds = Vec::new();
    let rates = (0..ROUNDS).map(|_| {
        rate(heads.len(), || {
            for head in &heads {
                seeds.clear();
                table.find(*head, 24, &mut seeds);
                black_box(&seeds);
            }
        })
    });
    println!("look-ups of all seeds by 24 bits, with their positions: {:.1} M/s", best(rates.collect()));
    Ok(())
}

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

/// Rates of encoding and decoding a file on one core, beside SHA-256 over its bytes.
fn file(path: &str) -> Result<()> {
    let input = std::fs::read(path)?;
    let cx = Context::default();
    let encoder = Encoder::new(Settings::default(), 1, None);
    let mut encoded = Vec::new();
    encoder.encode(&input, &mut encoded, &cx)?;
    let (mut out, mut content) = (Vec::new(), Vec::new());
    let (mut encode, mut decode, mut sha) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        out.clear();
        content.clear();
        encode.push(rate(input.len(), || drop(black_box(encoder.encode(&input, &mut out, &cx)))));
        decode.push(rate(input.len(), || drop(black_box(format::read(&encoded, None, &mut content, &cx)))));
        sha.push(rate(input.len(), || {
            black_box(Sha256::digest(&input));
        }));
    }
    assert!(content == input && out == encoded);
    let (encode, decode, sha) = (best(encode), best(decode), best(sha));
    println!(
        "{path}: {} -> {} bytes, ratio {:.6}",
        input.len(),
        encoded.len(),
        input.len() as f64 / encoded.len() as f64
    );
    println!(
        "  encode {encode:.0} MB/s, decode {decode:.0} MB/s, crate sha2 {sha:.0} MB/s: {:.2} x",
        decode / sha
    );
    Ok(())
}

fn main() -> Result<()> {
    hashes();
    tables()?;
    std::env::args().nth(1).map_or(Ok(()), |path| file(&path))
}
