//! Rates of the search: hashes by every route beside the crate `sha2`, on one core and on all.
//!
//! `cargo run --release -p lab-telomere --example rates`: medians over interleaved rounds.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use lab_telomere::sha::Route;
use sha2::{Digest as _, Sha256};

const ROUNDS: usize = 15;
const MESSAGES: usize = 1 << 18;

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
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

/// Hashes on `threads` threads at once; the rate of all together.
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

fn main() {
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
    let base = median(rates[0].clone());
    println!("messages of 3 bytes, one core, Mhash/s:");
    println!("  {:<10} {base:7.2}", "crate sha2");
    for (route, rates) in routes.iter().zip(&rates[1..]) {
        let rate = median(rates.clone());
        println!("  {:<10} {rate:7.2}   {:5.2} x sha2", route.name(), rate / base);
    }
    println!("fastest here: {}", Route::fastest().name());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(together(1, &messages));
        all.push(together(cores, &messages));
    }
    let (one, all) = (median(one), median(all));
    println!("on 1 core {one:.1}, on {cores} cores {all:.1} Mhash/s: {:.2} x", all / one);
}
