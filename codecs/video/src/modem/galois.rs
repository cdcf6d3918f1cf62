//! Arithmetic in GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (`0x11D`), where 2 generates all
//! non-zero elements. Log tables turn products into sums.

const POLYNOMIAL: u16 = 0x11D;

const fn tables() -> ([u8; 510], [u8; 256]) {
    let (mut exp, mut log) = ([0; 510], [0; 256]);
    let (mut power, mut i) = (1, 0);
    while i < 255 {
        exp[i] = power as u8;
        exp[i + 255] = power as u8;
        log[power as usize] = i as u8;
        power <<= 1;
        if power > 255 {
            power ^= POLYNOMIAL;
        }
        i += 1;
    }
    (exp, log)
}

/// Powers of the generator, repeated once, so that the sum of two logarithms needs no reduction modulo 255.
static EXP: [u8; 510] = tables().0;
/// Logarithms of 1 to 255; entry 0 is unused, since 0 has no logarithm.
static LOG: [u8; 256] = tables().1;

/// The generator to the power `exponent`.
#[inline]
pub(super) fn power(exponent: usize) -> u8 {
    EXP[exponent % 255]
}

/// The product.
#[inline]
pub(super) fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + usize::from(LOG[usize::from(b)])]
}

/// The inverse of `a`, which must not be 0.
#[inline]
pub(super) fn inverse(a: u8) -> u8 {
    EXP[255 - usize::from(LOG[usize::from(a)])]
}

/// The value at `x` of the polynomial with `coefficients[i]` at `x^i`, by Horner's rule.
pub(super) fn evaluate(coefficients: &[u8], x: u8) -> u8 {
    coefficients.iter().rev().fold(0, |sum, &c| multiply(sum, x) ^ c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_field() {
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1);
            assert_eq!(multiply(a, 1), a);
            for b in 0..=255 {
                assert_eq!(multiply(a, b), multiply(b, a));
                assert_eq!(multiply(a, b ^ 0x35), multiply(a, b) ^ multiply(a, 0x35));
            }
        }
        assert_eq!(power(8), 0x1D);
        assert_eq!(power(255), 1);
    }
}
