//! Reed-Solomon codewords over GF(256): correct errors, wrong bytes at unknown places, and erasures, unknown
//! bytes at known places.
//!
//! The code is systematic and shortened: a codeword of `n <= 255` bytes is a message followed by `parity`
//! bytes. As the polynomial whose highest coefficient is the first byte, it is a multiple of the product of
//! `x - 2^i` over `i < parity`. It corrects `e` erasures and `w` errors where `e + 2 w <= parity`. The
//! decoder is Berlekamp-Massey started from the erasure locator, then Chien's search and Forney's magnitudes
//! (Blahut, "Algebraic Codes for Data Transmission", 2003, section 7). Codes for Data Transmission", 2003,
//! section 7).

use super::galois::{evaluate, inverse, multiply, power};

/// Longest codeword in bytes: GF(256) has 255 non-zero elements as locators.
pub const MAX_CODEWORD: usize = 255;

/// A code with a fixed number of parity bytes.
#[derive(Debug, Clone)]
pub struct ReedSolomon {
    parity: usize,
    /// Row `f` is `f` times the generator polynomial without its leading term, highest power first. One row
    /// look-up per message byte replaces `parity` multiplications.
    rows: Vec<u8>,
}

impl ReedSolomon {
    /// The code with `parity` parity bytes, 1 to 254.
    pub fn new(parity: usize) -> Self {
        debug_assert!((1..MAX_CODEWORD).contains(&parity));
        // `generator[i]` is the coefficient of x^i. It is monic; its leading term is left out of the rows.
        let mut generator = vec![0; parity + 1];
        generator[0] = 1;
        for i in 0..parity {
            for j in (0..=i + 1).rev() {
                let lower = if j == 0 { 0 } else { generator[j - 1] };
                generator[j] = lower ^ multiply(generator[j], power(i));
            }
        }
        let rows = (0..=255).flat_map(|f| (0..parity).rev().map(move |i| (f, i)));
        Self { parity, rows: rows.map(|(f, i)| multiply(f, generator[i])).collect() }
    }

    /// Parity bytes of a codeword.
    pub fn parity(&self) -> usize {
        self.parity
    }

    /// Computes the remainder of `bytes` times x^parity, highest power first, in `out[..parity]`.
    fn remainder(&self, bytes: impl Iterator<Item = u8>, out: &mut [u8; MAX_CODEWORD + 1]) {
        let parity = self.parity;
        out[..=parity].fill(0);
        for byte in bytes {
            let feedback = usize::from(byte ^ out[0]);
            let row = &self.rows[feedback * parity..][..parity];
            // The buffer has one element behind the remainder that stays 0, so that the shift needs no
            // special case.
            for i in 0..parity {
                out[i] = out[i + 1] ^ row[i];
            }
        }
    }

    /// Computes the parity bytes of a message; `parity` must have as many bytes as the code.
    pub fn encode(&self, message: impl Iterator<Item = u8>, parity: &mut [u8]) {
        let mut remainder = [0; MAX_CODEWORD + 1];
        self.remainder(message, &mut remainder);
        parity.copy_from_slice(&remainder[..self.parity]);
    }

    /// Corrects `codeword`, a message and its parity; `erasures` are places in it whose bytes are unknown.
    /// Returns the number of bytes that changed, or `None` where it is too far from every codeword; then it
    /// is left unchanged.
    pub fn decode(&self, codeword: &mut [u8], erasures: &[u8]) -> Option<usize> {
        let (length, parity) = (codeword.len(), self.parity);
        if length > MAX_CODEWORD || length < parity || erasures.len() > parity {
            return None;
        }
        let mut remainder = [0; MAX_CODEWORD + 1];
        self.remainder(codeword[..length - parity].iter().copied(), &mut remainder);
        for (r, &byte) in remainder.iter_mut().zip(&codeword[length - parity..]) {
            *r ^= byte;
        }
        let remainder = &mut remainder[..parity];
        if remainder.iter().all(|&r| r == 0) {
            return Some(0);
        }
        // The generator divides every codeword, so syndromes of the remainder equal those of the whole
        // codeword, and cost `parity` steps each instead of `n`.
        remainder.reverse();
        let mut syndromes = [0; MAX_CODEWORD];
        let syndromes = &mut syndromes[..parity];
        for (i, s) in syndromes.iter_mut().enumerate() {
            *s = evaluate(remainder, power(i));
        }

        let (locator, degree) = locate(syndromes, erasures, length)?;
        let locator = &locator[..=degree];
        // The error evaluator: syndromes times locator, modulo x^parity. For a correctable word its degree is
        // below the locator's, so only these terms are computed.
        let mut evaluator = [0; MAX_CODEWORD + 1];
        for i in 0..degree {
            for j in 0..=i {
                evaluator[i] ^= multiply(locator[j], syndromes[i - j]);
            }
        }
        let mut found = [(0, 0); MAX_CODEWORD];
        let mut count = 0;
        // Chien's search over the places of this shortened codeword; a root outside of it makes the count
        // differ below.
        for place in 0..length {
            let x = power(length - 1 - place);
            let x_inverse = inverse(x);
            if evaluate(locator, x_inverse) != 0 {
                continue;
            }
            // Forney's formula needs the locator's derivative. In characteristic 2 it has only the odd
            // powers.
            let square = multiply(x_inverse, x_inverse);
            let derivative = locator
                .iter()
                .skip(1)
                .step_by(2)
                .rev()
                .fold(0, |sum, &coefficient| multiply(sum, square) ^ coefficient);
            if derivative == 0 || count == degree {
                return None;
            }
            let value = multiply(evaluate(&evaluator[..degree], x_inverse), inverse(derivative));
            found[count] = (place, multiply(x, value));
            count += 1;
        }
        if count != degree {
            return None;
        }
        // Beyond the correction radius, a solution may satisfy only some of the syndrome equations: check all
        // of them.
        for (i, &s) in syndromes.iter().enumerate() {
            let sum = found[..count]
                .iter()
                .fold(0, |sum, &(place, value)| sum ^ multiply(value, power((length - 1 - place) * i)));
            if sum != s {
                return None;
            }
        }
        let mut changed = 0;
        for &(place, value) in &found[..count] {
            codeword[place] ^= value;
            changed += usize::from(value != 0);
        }
        Some(changed)
    }
}

/// The locator polynomial, lowest power first, and its degree: its roots are the inverses of the locators of
/// errors and erasures. `None` where there are too many.
fn locate(syndromes: &[u8], erasures: &[u8], length: usize) -> Option<([u8; MAX_CODEWORD + 1], usize)> {
    let parity = syndromes.len();
    let mut locator = [0; MAX_CODEWORD + 1];
    locator[0] = 1;
    for (i, &place) in erasures.iter().enumerate() {
        let x = power(length.checked_sub(1 + usize::from(place))?);
        for j in (0..=i).rev() {
            locator[j + 1] ^= multiply(locator[j], x);
        }
    }
    // Berlekamp-Massey, where the erasure locator stands for the first `erasures.len()` iterations.
    let mut previous = locator;
    let mut degree = erasures.len();
    for r in erasures.len()..parity {
        previous.copy_within(..parity, 1);
        previous[0] = 0;
        let discrepancy = (0..=degree.min(r)).fold(0, |sum, j| sum ^ multiply(locator[j], syndromes[r - j]));
        if discrepancy == 0 {
            continue;
        }
        let next = |locator: &[u8; MAX_CODEWORD + 1], previous: &[u8; MAX_CODEWORD + 1]| {
            let mut next = *locator;
            for (n, &p) in next.iter_mut().zip(previous).take(parity + 1) {
                *n ^= multiply(discrepancy, p);
            }
            next
        };
        let improved = next(&locator, &previous);
        if 2 * degree <= r + erasures.len() {
            degree = r + 1 + erasures.len() - degree;
            let scale = inverse(discrepancy);
            previous = locator;
            for p in previous.iter_mut().take(parity + 1) {
                *p = multiply(*p, scale);
            }
        }
        locator = improved;
    }
    // The degree counts erasures once and errors once: e + 2 w <= parity is 2 (e + w) <= parity + e.
    let fits = 2 * degree <= parity + erasures.len() && locator[degree] != 0;
    (fits && locator[degree + 1..=parity].iter().all(|&c| c == 0)).then_some((locator, degree))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    fn codeword(code: &ReedSolomon, message: &[u8]) -> Vec<u8> {
        let mut codeword = message.to_vec();
        codeword.resize(message.len() + code.parity(), 0);
        code.encode(message.iter().copied(), &mut codeword[message.len()..]);
        codeword
    }

    #[test]
    fn a_word_is_a_multiple_of_the_generator() {
        let code = ReedSolomon::new(16);
        let mut codeword = codeword(&code, b"any message at all");
        codeword.reverse();
        assert!((0..16).all(|i| evaluate(&codeword, power(i)) == 0));
        assert_ne!(evaluate(&codeword, power(16)), 0);
    }

    #[test]
    fn the_symbol_of_the_qr_code_example() {
        // ISO/IEC 18004, annex I: version 1-M, "01234567".
        let message = [16, 32, 12, 86, 97, 128, 236, 17, 236, 17, 236, 17, 236, 17, 236, 17];
        let code = ReedSolomon::new(10);
        let codeword = codeword(&code, &message);
        assert_eq!(codeword[16..], [165, 36, 212, 193, 237, 54, 199, 135, 44, 85]);
    }

    proptest! {
        #[test]
        fn up_to_the_radius_everything_is_put_right(
            parity in select(vec![1usize, 2, 3, 10, 28, 64, 127, 254]),
            seed: u64,
            fill in 0usize..255,
        ) {
            let code = ReedSolomon::new(parity);
            let length = parity + 1 + fill % (255 - parity);
            let mut random = seed;
            let mut next = || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random >> 33
            };
            let message: Vec<u8> = (0..length - parity).map(|_| next() as u8).collect();
            let right = codeword(&code, &message);
            let erasures = next() as usize % (parity + 1);
            let errors = (parity - erasures) / 2;
            let mut places: Vec<u8> = (0..length as u8).collect();
            for i in 0..length { places.swap(i, i + next() as usize % (length - i)); }
            let mut received = right.clone();
            for &place in &places[..erasures.min(length)] { received[usize::from(place)] = next() as u8; }
            for &place in places.iter().skip(erasures).take(errors) {
                received[usize::from(place)] ^= 1 + (next() % 255) as u8;
            }
            let error_count = received.iter().zip(&right).filter(|(a, b)| a != b).count();
            prop_assert_eq!(code.decode(&mut received, &places[..erasures.min(length)]), Some(error_count));
            prop_assert_eq!(received, right);
        }

        #[test]
        fn any_bytes_give_a_word_of_the_code_or_stay(
            parity in 1usize..200,
            received in prop::collection::vec(any::<u8>(), 0..300),
            erasures in subsequence((0u8..=255).collect::<Vec<_>>(), 0..12),
        ) {
            let code = ReedSolomon::new(parity);
            let mut decoded = received.clone();
            match code.decode(&mut decoded, &erasures) {
                None => prop_assert_eq!(decoded, received),
                Some(_) => prop_assert_eq!(code.decode(&mut decoded, &[]), Some(0)),
            }
        }
    }
}
