//! SHA-256 (FIPS 180-4, section 6.2.2) of one message of at most 8 bytes, as straight-line code without
//! branches.
//!
//! Such a message fills words 0 and 1 of its only block. Word 2 is padding or zero, word 15 the length in
//! bits, and all others are zero, so the compiler folds much of the message schedule. Only two words of the
//! digest are computed: the last rounds' other results are dead code. Inlined into a loop over lanes, the
//! whole function becomes vector code.

// Round constants (FIPS 180-4, section 4.2.2): fractional parts of the cube roots of the first 64 primes.
#[rustfmt::skip]
const K: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// Initial hash value (FIPS 180-4, section 5.3.3): fractional parts of the square roots of the first 8
/// primes.
#[rustfmt::skip]
pub(super) const INITIAL: [u32; 8] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
];

/// The round constants in groups of four, the unit of the SHA extensions.
pub(super) const fn round_constants(group: usize) -> [u32; 4] {
    [K[4 * group], K[4 * group + 1], K[4 * group + 2], K[4 * group + 3]]
}

/// The first two words of the digest of a one-block message: its words 0 to 2, all others zero, and its
/// length in bits.
#[inline(always)]
pub(super) fn head(w0: u32, w1: u32, w2: u32, length: u32) -> (u32, u32) {
    // The schedule needs only the last 16 words, so it is a ring: `w[t % 16]` is overwritten by the word of
    // round t.
    let mut w = [w0, w1, w2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, length];
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = INITIAL;
    macro_rules! rounds {
        ($($t:literal)*) => { $(
            if $t >= 16 {
                let (x, y) = (w[($t + 1) % 16], w[($t + 14) % 16]);
                // sigma 0 and sigma 1 of FIPS 180-4, equations 4.6 and 4.7.
                let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
                let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
                w[$t % 16] = w[$t % 16].wrapping_add(s0).wrapping_add(w[($t + 9) % 16]).wrapping_add(s1);
            }
            // Sigma 1 and Ch (equations 4.5 and 4.2), then Sigma 0 and Maj (4.4 and 4.3).
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & f) ^ (!e & g);
            let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(K[$t].wrapping_add(w[$t % 16]));
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let t2 = s0.wrapping_add(majority);
            (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
            (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
        )* };
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
    let _ = (c, d, e, f, g, h);
    (a.wrapping_add(INITIAL[0]), b.wrapping_add(INITIAL[1]))
}
