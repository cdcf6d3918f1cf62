//! Linear prediction by recursive least squares with a forgetting factor: the weights that minimise the
//! squared error over all samples so far, where recent samples count more.
//!
//! Encoder and decoder must get identical weights, or the stream cannot be decoded. So the order of every sum
//! is part of the format, and only the operations that IEEE 754 rounds exactly are used: +, -, *, / and the
//! square root, none of them fused.

/// The most inputs of one predictor. The fullest pixel, blue with a picture before, has 22; 24 makes whole
/// vectors of four.
pub(super) const TAPS: usize = 24;

/// Samples between two solutions. A solution costs about n^3 / 6 products and an update n^2 / 2, so with
/// solutions every sixth sample both take a similar share of the time at n = 24.
const SOLVE_INTERVAL: u32 = 6;
/// Added to the diagonal (ridge regression): a unique solution exists even where all samples are equal, and
/// weights stay small until the data outweighs it.
const RIDGE: f32 = 1.0;

/// Normal equations with exponential forgetting, and their last solution.
pub(super) struct LeastSquares {
    /// The matrix of the equations: weighted sums of `x[i] * x[j]`, on and below the diagonal.
    products: Box<[[f32; TAPS]; TAPS]>,
    /// The right-hand side: weighted sums of `x[i] * target`.
    targets: [f32; TAPS],
    weights: [f32; TAPS],
    /// Samples until the next solution.
    until_solve: u32,
    forgetting: f32,
}

impl LeastSquares {
    /// Empty equations. `forgetting` multiplies the weight of every earlier sample at each new one.
    pub(super) fn new(forgetting: f32) -> Self {
        // Left and top are the first two taps, so prediction starts as their mean.
        let mut weights = [0.0; TAPS];
        weights[..2].fill(0.5);
        let products = Box::new([[0.0; TAPS]; TAPS]);
        Self { products, targets: [0.0; TAPS], weights, until_solve: SOLVE_INTERVAL, forgetting }
    }

    /// The weighted sum of `inputs`.
    #[inline]
    pub(super) fn predict(&self, inputs: &[f32; TAPS]) -> f32 {
        // Four independent sums fill one vector register. Their order is part of the format: f32 addition
        // does not associate.
        let mut sums = [0.0_f32; 4];
        for (w, x) in self.weights.as_chunks::<4>().0.iter().zip(inputs.as_chunks::<4>().0) {
            for i in 0..4 {
                sums[i] += w[i] * x[i];
            }
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }

    /// Adds the sample `target` and its first `count` inputs to the equations; the other inputs are 0.
    #[inline]
    pub(super) fn update(&mut self, inputs: &[f32; TAPS], count: usize, target: f32) {
        let forgetting = self.forgetting;
        for (i, row) in self.products.iter_mut().enumerate().take(count) {
            let x = inputs[i];
            // The matrix is symmetric, so the solver reads only what lies on and left of the diagonal. Whole
            // fours are updated; what they reach beyond the diagonal is never read.
            let fours = ..i / 4 + 1;
            for (products, ys) in row.as_chunks_mut::<4>().0[fours].iter_mut().zip(inputs.as_chunks::<4>().0)
            {
                for (product, y) in products.iter_mut().zip(ys) {
                    *product = *product * forgetting + x * y;
                }
            }
        }
        for (sum, x) in self.targets.iter_mut().zip(inputs) {
            *sum = *sum * self.forgetting + x * target;
        }
        self.until_solve -= 1;
        if self.until_solve == 0 {
            self.until_solve = SOLVE_INTERVAL;
            self.solve(count);
        }
    }

    /// Solves the equations by Cholesky's decomposition, forward and back substitution. The old weights stay
    /// where rounding has made the matrix singular.
    ///
    /// The decomposition is right-looking: each finished column is subtracted at once from everything to its
    /// right. Those subtractions are independent, so they run in vectors, and each element still sees its
    /// terms in the order of columns, which the format prescribes.
    fn solve(&mut self, n: usize) {
        // The copy becomes the lower triangular factor in place.
        let mut lower = *self.products;
        for (i, row) in lower.iter_mut().enumerate() {
            row[i] += RIDGE;
        }
        let mut inverse = [0.0_f32; TAPS];
        for (k, inverse) in inverse.iter_mut().enumerate().take(n) {
            // The ridge keeps pivots at 1 or above in exact arithmetic; far less means that rounding has won.
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
        // Forward substitution, then back substitution with the transposed factor in the same array.
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
        // Weights beyond 64 amplify rounding, and NaN fails the comparison, too: both keep the old weights.
        if solution.iter().all(|w| w.abs() < 64.0) {
            self.weights = solution;
        }
    }
}
