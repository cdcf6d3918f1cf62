//! The neighbours of a sample that are coded before it, and the predictor of JPEG-LS.

use std::ops::{Add, Sub};

/// Causal neighbours in raster order, named as in JPEG XL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Neighbours<T> {
    /// One to the left.
    pub left: T,
    /// One up.
    pub top: T,
    /// One up, one to the left.
    pub topleft: T,
    /// One up, one to the right.
    pub topright: T,
    /// Two to the left.
    pub leftleft: T,
    /// Two up.
    pub toptop: T,
}

impl<T> Neighbours<T> {
    /// The neighbours of index `at`, where pixels are `step` and rows `stride` apart.
    #[inline]
    pub fn new(get: impl Fn(usize) -> T, at: usize, stride: usize, step: usize) -> Self {
        Self {
            left: get(at - step),
            top: get(at - stride),
            topleft: get(at - stride - step),
            topright: get(at - stride + step),
            leftleft: get(at - 2 * step),
            toptop: get(at - 2 * stride),
        }
    }
}

/// The MED predictor of JPEG-LS: the median of left, top and left + top - topleft. At a vertical or
/// horizontal edge it picks left or top; in a smooth area it continues the plane through the three. `T` must
/// hold the sum of two samples.
#[inline]
pub fn median<T>(left: T, top: T, topleft: T) -> T
where
    T: Copy + Ord + Add<Output = T> + Sub<Output = T>,
{
    (left + top - topleft).clamp(left.min(top), left.max(top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_lie_where_their_names_say() {
        // Rows of four pixels; (2, 2) is index 10.
        let near = Neighbours::new(|at| (at % 4, at / 4), 10, 4, 1);
        assert_eq!((near.left, near.top, near.topleft, near.topright), ((1, 2), (2, 1), (1, 1), (3, 1)));
        assert_eq!((near.leftleft, near.toptop), ((0, 2), (2, 0)));
    }

    #[test]
    fn the_median_follows_edges_and_planes() {
        assert_eq!(median(10, 12, 11), 11);
        assert_eq!(median(10, 200, 10), 200);
        assert_eq!(median(10, 200, 200), 10);
        assert_eq!(median(-3_i16, 5, 20), -3);
    }
}
