//! The logistic domain in integers, where predictions of a bit are mixed.
//!
//! A probability `p` has 16 bits. [`stretch`] maps it to `ln(p / (1 - p))` in units of 1/256, from -2047 to
//! 2047; [`squash`] is the inverse. In this domain independent evidence adds up, so a weighted sum of
//! predictions is a prediction (Mahoney, "Adaptive weighing of context models for lossless data compression",
//! 2005, who named both functions). Tables and integers give the same bits on every machine, which
//! floating-point `exp` and `ln` do not.

/// The upper end of the domain, just below 8; the lower end is `-MOST`.
pub const MOST: i32 = 2047;

/// `65536 / (1 + e^-x)`, rounded, for x = 0, 1/2, 1, ... 8. Beyond 8 the curve is within 22 / 65536 of its
/// limit.
const LOGISTIC: [i32; 17] = [
    32_768, 40_793, 47_911, 53_581, 57_724, 60_565, 62_428, 63_615, 64_357, 64_816, 65_097, 65_269, 65_374,
    65_438, 65_476, 65_500, 65_514,
];

/// The probability at `x`, interpolated linearly between the values of [`LOGISTIC`], 128 units apart: 22 to
/// 65,514.
const fn interpolate(x: i32) -> u16 {
    let size = if x < 0 { -x } else { x };
    let (i, part) = ((size >> 7) as usize, size & 127);
    // Half of the divisor is added, which rounds to the nearest.
    let p = LOGISTIC[i] + (((LOGISTIC[i + 1] - LOGISTIC[i]) * part + 64) >> 7);
    (if x < 0 { (1 << 16) - p } else { p }) as u16
}

/// [`squash`] at `i - 2048`; index 0 is unused and makes the size a power of two.
static SQUASH: [u16; 4096] = {
    let mut table = [interpolate(-MOST); 4096];
    let mut i = 1;
    while i < 4096 {
        table[i] = interpolate(i as i32 - 2048);
        i += 1;
    }
    table
};

/// [`stretch`] by the upper 12 bits of a probability. Four bits fewer than a probability has keep it at 8
/// KiB, inside the first-level cache.
static STRETCH: [i16; 4096] = {
    let mut table = [MOST as i16; 4096];
    let (mut x, mut i) = (-MOST, 0);
    // Both curves ascend, so one pass inverts `interpolate`: each x takes the entries up to its probability.
    while x <= MOST {
        while i < 4096 && i as i32 * 16 + 8 <= interpolate(x) as i32 {
            table[i] = x as i16;
            i += 1;
        }
        x += 1;
    }
    table
};

/// The probability at `x`, 22 to 65,514; `x` is clamped to the domain.
#[inline]
pub fn squash(x: i32) -> u16 {
    SQUASH[(x.clamp(-MOST, MOST) + 2048) as usize & 4095]
}

/// The least `x` with `squash(x) >= one`, where the low four bits of `one` are replaced by 8, the middle of
/// their range; [`MOST`] for probabilities above `squash(MOST)`.
#[inline]
pub fn stretch(one: u16) -> i16 {
    STRETCH[usize::from(one >> 4)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_are_those_of_the_formula() {
        for (i, &p) in LOGISTIC.iter().enumerate() {
            assert_eq!(p, (65_536.0 / (1.0 + (-(i as f64) / 2.0).exp())).round() as i32);
        }
        for x in -MOST..=MOST {
            let exact = 65_536.0 / (1.0 + (-f64::from(x) / 256.0).exp());
            assert!((f64::from(squash(x)) - exact).abs() < 1.0 + 0.032 * exact.min(65_536.0 - exact), "{x}");
            assert_eq!(i32::from(squash(x)) + i32::from(squash(-x)), 1 << 16);
        }
        assert_eq!([squash(-5000), squash(5000)], [22, 65_514]);
    }

    #[test]
    fn stretch_undoes_squash() {
        for one in 0..=u16::MAX {
            let x = i32::from(stretch(one));
            let p = one >> 4 << 4 | 8;
            assert!(squash(x) >= p || x == MOST);
            assert!(x == -MOST || squash(x - 1) < p);
        }
    }
}
