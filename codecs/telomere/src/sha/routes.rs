//! The routes: the same scalar function in loops compiled for different processors, and the SHA extensions.
//!
//! The only unsafe code calls functions that were compiled for a processor feature, after that feature was
//! detected.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "functions compiled for a detected processor feature")
)]

use super::Padding;
use super::kernel;

/// Messages that the vector routes hash together: 16 words of 32 bits fill one AVX-512 register or two of
/// AVX2.
const LANES: usize = 16;

/// An implementation that computes many digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// One message at a time.
    Scalar,
    /// Sixteen lanes, compiled for the baseline features of the architecture.
    Lanes,
    /// Sixteen lanes in 256-bit vectors (x86-64).
    Avx2,
    /// Sixteen lanes in 512-bit vectors (x86-64).
    Avx512,
    /// The SHA extensions, four messages interleaved (x86-64).
    ShaNi,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 5] = [Self::Scalar, Self::Lanes, Self::Avx2, Self::Avx512, Self::ShaNi];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Lanes => "lanes",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::ShaNi => "sha-ni",
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) fn is_available(route: Route) -> bool {
    match route {
        Route::Scalar | Route::Lanes => true,
        Route::Avx2 => is_x86_feature_detected!("avx2"),
        Route::Avx512 => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
        }
        Route::ShaNi => {
            is_x86_feature_detected!("sha")
                && is_x86_feature_detected!("ssse3")
                && is_x86_feature_detected!("sse4.1")
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn is_available(route: Route) -> bool {
    matches!(route, Route::Scalar | Route::Lanes)
}

/// Hashes with a route. An unavailable one is replaced by the portable lanes.
pub(super) fn run(route: Route, messages: &[u64], padding: Padding, out: &mut [u64]) {
    match route {
        Route::Scalar => scalar(messages, padding, out),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the features that the function was compiled for.
        Route::Avx2 if is_available(route) => unsafe { x86::avx2(messages, padding, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the features that the function was compiled for.
        Route::Avx512 if is_available(route) => unsafe { x86::avx512(messages, padding, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the features that the function was compiled for.
        Route::ShaNi if is_available(route) => unsafe { x86::sha_ni(messages, padding, out) },
        _ => lanes(messages, padding, out),
    }
}

#[inline(always)]
fn one(message: u64, padding: Padding) -> u64 {
    let block = message | padding.mark;
    let (h0, h1) = kernel::head((block >> 32) as u32, block as u32, padding.word2, padding.bits);
    u64::from(h0) << 32 | u64::from(h1)
}

fn scalar(messages: &[u64], padding: Padding, out: &mut [u64]) {
    for (message, out) in messages.iter().zip(out) {
        // The black box keeps the compiler from turning this loop into lanes.
        *out = std::hint::black_box(one(*message, padding));
    }
}

fn lanes(messages: &[u64], padding: Padding, out: &mut [u64]) {
    in_lanes(messages, padding, out);
}

#[inline(always)]
fn in_lanes(messages: &[u64], padding: Padding, out: &mut [u64]) {
    let (groups, rest) = messages.as_chunks::<LANES>();
    let (outs, rest_out) = out.as_chunks_mut::<LANES>();
    for (group, out) in groups.iter().zip(outs) {
        lane_group(group, padding, out);
    }
    if !rest.is_empty() {
        let (mut group, mut heads) = ([0; LANES], [0; LANES]);
        group[..rest.len()].copy_from_slice(rest);
        // The last, partial group is padded with zero messages, whose digests are dropped.
        lane_group(&group, padding, &mut heads);
        rest_out.copy_from_slice(&heads[..rest.len()]);
    }
}

#[inline(always)]
fn lane_group(group: &[u64; LANES], padding: Padding, out: &mut [u64; LANES]) {
    let (mut w0, mut w1, mut h0, mut h1) = ([0; LANES], [0; LANES], [0; LANES], [0; LANES]);
    for lane in 0..LANES {
        let block = group[lane] | padding.mark;
        (w0[lane], w1[lane]) = ((block >> 32) as u32, block as u32);
    }
    for lane in 0..LANES {
        (h0[lane], h1[lane]) = kernel::head(w0[lane], w1[lane], padding.word2, padding.bits);
    }
    for lane in 0..LANES {
        out[lane] = u64::from(h0[lane]) << 32 | u64::from(h1[lane]);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Padding, in_lanes, kernel};

    /// Messages whose rounds are interleaved. Each round waits for the round before it of the same message,
    /// so several messages keep the unit busy.
    const STREAMS: usize = 4;

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(messages: &[u64], padding: Padding, out: &mut [u64]) {
        in_lanes(messages, padding, out);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn avx512(messages: &[u64], padding: Padding, out: &mut [u64]) {
        in_lanes(messages, padding, out);
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    pub(super) fn sha_ni(messages: &[u64], padding: Padding, out: &mut [u64]) {
        let (groups, rest) = messages.as_chunks::<STREAMS>();
        let (outs, rest_out) = out.as_chunks_mut::<STREAMS>();
        for (group, out) in groups.iter().zip(outs) {
            sha_ni_group(group, padding, out);
        }
        for (message, out) in rest.iter().zip(rest_out) {
            let mut heads = [0; STREAMS];
            sha_ni_group(&[*message; STREAMS], padding, &mut heads);
            *out = heads[0];
        }
    }

    /// Hashes one group. The state is in the layout of the SHA extensions: words A, B, E, F in one register
    /// and C, D, G, H in the other, the first of them uppermost.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn sha_ni_group(group: &[u64; STREAMS], padding: Padding, out: &mut [u64; STREAMS]) {
        let words = |v: [u32; 4]| _mm_set_epi32(v[3] as i32, v[2] as i32, v[1] as i32, v[0] as i32);
        let [a, b, c, d, e, f, g, h] = kernel::INITIAL;
        let (abef_start, cdgh_start) = (words([f, e, b, a]), words([h, g, d, c]));
        let mut abef = [abef_start; STREAMS];
        let mut cdgh = [cdgh_start; STREAMS];
        let zero = _mm_setzero_si128();
        let last = words([0, 0, 0, padding.bits]);
        let mut w = [[zero, zero, zero, last]; STREAMS];
        for s in 0..STREAMS {
            let block = group[s] | padding.mark;
            w[s][0] = words([(block >> 32) as u32, block as u32, padding.word2, 0]);
        }
        for quad in 0..16 {
            let k = words(kernel::round_constants(quad));
            for s in 0..STREAMS {
                let at = quad % 4;
                if quad >= 4 {
                    // The schedule for four rounds at once: sigma 0 by msg1, w[t - 7] by the shift over two
                    // registers, sigma 1 by msg2. The last also handles that w[t + 2] depends on w[t].
                    let (w0, w1, w2, w3) =
                        (w[s][at], w[s][(at + 1) % 4], w[s][(at + 2) % 4], w[s][(at + 3) % 4]);
                    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
                    w[s][at] = _mm_sha256msg2_epu32(sum, w3);
                }
                let wk = _mm_add_epi32(w[s][at], k);
                // Two rounds use the lower two words, the next two the upper ones. After two rounds the old
                // A, B, E, F are the new C, D, G, H, so the registers change roles.
                let next = _mm_sha256rnds2_epu32(cdgh[s], abef[s], wk);
                let after = _mm_sha256rnds2_epu32(abef[s], next, _mm_shuffle_epi32(wk, 0x0E));
                (cdgh[s], abef[s]) = (next, after);
            }
        }
        for s in 0..STREAMS {
            let sum = _mm_add_epi32(abef[s], abef_start);
            let (a, b) = (_mm_extract_epi32(sum, 3) as u32, _mm_extract_epi32(sum, 2) as u32);
            out[s] = u64::from(a) << 32 | u64::from(b);
        }
    }
}
