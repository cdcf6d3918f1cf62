//! Prediction by least squares: weights that would have predicted what was seen so far best, the more recent the more.

/// The most neighbours of a prediction.
pub const TAPS: usize = 24;

/// How many samples pass between two solutions.
const INTERVAL: u32 = 6;
/// Added to the diagonal, so that there always is one solution.
const RIDGE: f32 = 1.0;

/// Normal equations that fade, and their last solution. Every operation is one of IEEE 754 in a fixed order, so that
/// results are the same everywhere.
pub struct LeastSquares {
    products: Box<[[f32; TAPS]; TAPS]>,
    targets: [f32; TAPS],
    weights: [f32; TAPS],
    until: u32,
    fade: f32,
}

impl LeastSquares {
    /// Equations that know nothing; the mean of the first two neighbours is their solution at first. `fade` is what is
    /// left of the weight of a sample after the next one.
    pub fn new(fade: f32) -> Self {
        let mut weights = [0.0; TAPS];
        weights[..2].fill(0.5);
        Self { products: Box::new([[0.0; TAPS]; TAPS]), targets: [0.0; TAPS], weights, until: INTERVAL, fade }
    }

    /// The prediction.
    #[inline]
    pub fn predict(&self, inputs: &[f32; TAPS]) -> f32 {
        // Four sums side by side, which is how processors like it, in an order that is part of the format.
        let mut sums = [0.0_f32; 4];
        for (w, x) in self.weights.as_chunks::<4>().0.iter().zip(inputs.as_chunks::<4>().0) {
            for i in 0..4 {
                sums[i] += w[i] * x[i];
            }
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }

    /// Learns what was to be predicted from `inputs`, of which the first `count` are in use.
    #[inline]
    pub fn update(&mut self, inputs: &[f32; TAPS], count: usize, target: f32) {
        let fade = self.fade;
        for (i, row) in self.products.iter_mut().enumerate().take(count) {
            let x = inputs[i];
            // The equations are symmetric: nobody looks right of the diagonal.
            let fours = ..i / 4 + 1;
            for (products, ys) in row.as_chunks_mut::<4>().0[fours].iter_mut().zip(inputs.as_chunks::<4>().0)
            {
                for (product, y) in products.iter_mut().zip(ys) {
                    *product = *product * fade + x * y;
                }
            }
        }
        for (sum, x) in self.targets.iter_mut().zip(inputs) {
            *sum = *sum * self.fade + x * target;
        }
        self.until -= 1;
        if self.until == 0 {
            self.until = INTERVAL;
            self.solve(count);
        }
    }

    /// Cholesky's decomposition and two substitutions; the old weights stay where rounding made it impossible. What a
    /// column accounts for is taken at once from all that is right of it: sums that do not depend on each other go on
    /// side by side, and in each the order is the same.
    fn solve(&mut self, n: usize) {
        let mut lower = *self.products;
        for (i, row) in lower.iter_mut().enumerate() {
            row[i] += RIDGE;
        }
        let mut inverse = [0.0_f32; TAPS];
        for (k, inverse) in inverse.iter_mut().enumerate().take(n) {
            let pivot = lower[k][k];
            if pivot.is_nan() || pivot < 1e-3 {
                return;
            }
            *inverse = 1.0 / pivot.sqrt();
            let mut column = [0.0_f32; TAPS];
            for (row, value) in lower[..n].iter_mut().zip(&mut column).skip(k + 1) {
                row[k] *= *inverse;
                *value = row[k];
            }
            for (i, row) in lower[..n].iter_mut().enumerate().skip(k + 1) {
                let fours = (k + 1) / 4..i / 4 + 1;
                let columns = &column.as_chunks::<4>().0[fours.clone()];
                for (sums, others) in row.as_chunks_mut::<4>().0[fours].iter_mut().zip(columns) {
                    for (sum, other) in sums.iter_mut().zip(others) {
                        *sum -= column[i] * other;
                    }
                }
            }
        }
        let mut solution = [0.0_f32; TAPS];
        for i in 0..n {
            let mut sum = self.targets[i];
            for (a, known) in lower[i][..i].iter().zip(&solution) {
                sum -= a * known;
            }
            solution[i] = sum * inverse[i];
        }
        for i in (0..n).rev() {
            let mut sum = solution[i];
            for (row, known) in lower[..n].iter().zip(&solution).skip(i + 1) {
                sum -= row[i] * known;
            }
            solution[i] = sum * inverse[i];
        }
        if solution.iter().all(|w| w.abs() < 64.0) {
            self.weights = solution;
        }
    }
}
