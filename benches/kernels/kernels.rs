//! Criterion benches of the kernels, the inner loops, on generated data.
//!
//! `cargo bench --bench kernels [-- FILTER]`. Rates are in bytes of content.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lab_codec::Context;
use lab_corpus::generate::{find, generate};
use lab_entropy::{order0, range};
use lab_template::grammar::repair::{Stop, repair};
use lab_template::grammar::sequitur::sequitur;
use lab_template::partial::{Parsed, Pattern, Search, costs, decode_range};
use lab_template::segment::{self, Coder};
use lab_video::exact::MB_BYTES;
use lab_video::exact::kernel::{MAX_UNIT, pack, unpack};
use lab_video::exact::whiten::FrameKey;

/// Bytes of each input.
const SIZE: usize = 1 << 20;

/// Kinds of data: without structure, with skewed frequencies, repetitive.
const KINDS: [&str; 3] = ["random", "zipf-text", "versioned"];

fn data(kind: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIZE);
    generate(&find(kind).unwrap(), 1, SIZE as u64, &mut bytes, &Context::default()).unwrap();
    bytes
}

fn varints(c: &mut Criterion) {
    let mut group = c.benchmark_group("varint");
    // Values that take 1 to 5 bytes, as lengths and distances do.
    let values: Vec<u64> =
        (0..SIZE as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) >> (i % 24)).collect();
    let mut coded = Vec::new();
    values.iter().for_each(|value| lab_bits::varint::write(&mut coded, *value));
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function("write", |b| {
        let mut out = Vec::with_capacity(coded.len());
        b.iter(|| {
            out.clear();
            values.iter().for_each(|value| lab_bits::varint::write(&mut out, *value));
            black_box(out.len())
        });
    });
    group.bench_function("read", |b| {
        b.iter(|| {
            let mut rest = &coded[..];
            let mut sum = 0_u64;
            while !rest.is_empty() {
                sum = sum.wrapping_add(lab_bits::varint::read(&mut rest).unwrap());
            }
            black_box(sum)
        });
    });
    group.finish();
}

fn rans(c: &mut Criterion) {
    let mut group = c.benchmark_group("rans0");
    group.throughput(Throughput::Bytes(SIZE as u64));
    for kind in KINDS {
        let raw = data(kind);
        let mut coded = Vec::new();
        order0::Encoder::default().encode(&raw, &mut coded);
        group.bench_with_input(BenchmarkId::new("encode", kind), &raw, |b, raw| {
            let mut encoder = order0::Encoder::default();
            let mut out = Vec::with_capacity(2 * SIZE);
            b.iter(|| {
                out.clear();
                encoder.encode(raw, &mut out);
                black_box(out.len())
            });
        });
        group.bench_with_input(BenchmarkId::new("decode", kind), &coded, |b, coded| {
            let mut decoder = order0::Decoder::default();
            let mut out = Vec::with_capacity(SIZE);
            b.iter(|| {
                out.clear();
                decoder.decode(&mut &coded[..], SIZE, &mut out).unwrap();
                black_box(out.len())
            });
        });
    }
    group.finish();
}

/// Bits of a text, each in the context of the earlier bits of its byte.
fn range_coder(c: &mut Criterion) {
    let mut group = c.benchmark_group("range");
    group.throughput(Throughput::Bytes(SIZE as u64));
    let raw = data("zipf-text");
    let encode = |raw: &[u8], out: Vec<u8>| {
        let mut models = vec![range::Bit::default(); 256];
        let mut encoder = range::Encoder::new(out);
        for byte in raw {
            let mut node = 1;
            for shift in (0..8).rev() {
                let bit = byte >> shift & 1 == 1;
                encoder.bit(bit, models[node].one());
                models[node].update(bit, 255);
                node = node << 1 | usize::from(bit);
            }
        }
        encoder.finish()
    };
    let coded = encode(&raw, Vec::new());
    group.bench_function("encode", |b| b.iter(|| black_box(encode(&raw, Vec::with_capacity(SIZE)).len())));
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut models = vec![range::Bit::default(); 256];
            let mut decoder = range::Decoder::new(&coded);
            let mut sum = 0;
            for _ in 0..SIZE {
                let mut node = 1;
                for _ in 0..8 {
                    let bit = decoder.bit(models[node].one());
                    models[node].update(bit, 255);
                    node = node << 1 | usize::from(bit);
                }
                sum += node;
            }
            black_box(sum)
        });
    });
    group.finish();
}

fn grammars(c: &mut Criterion) {
    let mut group = c.benchmark_group("grammar");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(SIZE as u64));
    for kind in KINDS {
        let raw = data(kind);
        group.bench_with_input(BenchmarkId::new("repair", kind), &raw, |b, raw| {
            let stop = Stop { min_freq: 2, max_rules: u32::MAX };
            b.iter(|| black_box(repair(raw, stop, &Context::default()).unwrap().rules.len()));
        });
        group.bench_with_input(BenchmarkId::new("sequitur", kind), &raw, |b, raw| {
            b.iter(|| black_box(sequitur(raw, &Context::default()).unwrap().rules.len()));
        });
    }
    group.finish();
}

/// Encodes the tokens of Re-Pair's grammar and expands them again, with each coder.
fn tokens(c: &mut Criterion) {
    let mut group = c.benchmark_group("tokens");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(SIZE as u64));
    let cx = Context::default();
    for kind in KINDS {
        let raw = data(kind);
        let grammar = repair(&raw, Stop { min_freq: 2, max_rules: u32::MAX }, &cx).unwrap();
        for (name, coder) in
            [("rans", Coder::Rans), ("raw", Coder::Raw), ("mix", Coder::Mix), ("packed", Coder::Packed)]
        {
            let mut coded = Vec::new();
            segment::encode(&raw, &grammar, coder, &mut coded, &cx).unwrap();
            group.bench_function(BenchmarkId::new(format!("{name} encode"), kind), |b| {
                let mut out = Vec::with_capacity(2 * SIZE);
                b.iter(|| {
                    out.clear();
                    segment::encode(&raw, &grammar, coder, &mut out, &cx).unwrap();
                    black_box(out.len())
                });
            });
            group.bench_function(BenchmarkId::new(format!("{name} decode"), kind), |b| {
                let mut out = Vec::with_capacity(2 * SIZE);
                b.iter(|| {
                    out.clear();
                    segment::decode(&coded, SIZE, &mut out, &cx).unwrap();
                    black_box(out.len())
                });
            });
        }
    }
    group.finish();
}

/// Operations on a grammar without expansion; its tokens are read once per operation.
fn partial(c: &mut Criterion) {
    let mut group = c.benchmark_group("partial");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(SIZE as u64));
    let cx = Context::default();
    for kind in ["zipf-text", "versioned"] {
        let raw = data(kind);
        let grammar = repair(&raw, Stop { min_freq: 2, max_rules: u32::MAX }, &cx).unwrap();
        let mut coded = Vec::new();
        segment::encode(&raw, &grammar, Coder::Rans, &mut coded, &cx).unwrap();
        group.bench_function(BenchmarkId::new("extract 4 KiB of the middle", kind), |b| {
            let mut out = Vec::with_capacity(4096);
            b.iter(|| {
                out.clear();
                decode_range(&coded, SIZE, SIZE / 2..SIZE / 2 + 4096, &mut out, &cx).unwrap();
                black_box(out.len())
            });
        });
        let pattern = Pattern::new(&raw[SIZE / 2..SIZE / 2 + 12]).unwrap();
        group.bench_function(BenchmarkId::new("count 12 bytes", kind), |b| {
            b.iter(|| {
                let segment = Parsed::new(&coded, SIZE, &cx).unwrap();
                black_box(Search::new(&pattern).count(&segment, &cx).unwrap())
            });
        });
        group.bench_function(BenchmarkId::new("costs", kind), |b| {
            b.iter(|| black_box(costs(&coded, SIZE, 0..SIZE, &cx).unwrap().bits));
        });
    }
    group.finish();
}

fn pcm(c: &mut Criterion) {
    let mut group = c.benchmark_group("i-pcm");
    let whole = SIZE / MB_BYTES * MB_BYTES;
    group.throughput(Throughput::Bytes(whole as u64));
    for kind in ["random", "zeros"] {
        let raw = &data(kind)[..whole];
        let mut coded = vec![0; whole / MB_BYTES * MAX_UNIT];
        let mut crc = 0;
        let length = pack(raw, FrameKey::new(1), 0, &mut crc, &mut coded);
        group.bench_function(BenchmarkId::new("pack", kind), |b| {
            let mut out = vec![0; coded.len()];
            b.iter(|| black_box(pack(raw, FrameKey::new(1), 0, &mut crc, &mut out)));
        });
        group.bench_function(BenchmarkId::new("unpack", kind), |b| {
            let mut out = vec![0; whole];
            b.iter(|| black_box(unpack(&coded[..length], FrameKey::new(1), 0, &mut crc, &mut out)));
        });
    }
    group.finish();
}

criterion_group!(kernels, varints, rans, range_coder, grammars, tokens, partial, pcm);
criterion_main!(kernels);
