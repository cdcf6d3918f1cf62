//! Empirical entropies of order 0, 1 and 2: the lower bound of a coder that knows how often each byte follows
//! its zero, one or two predecessors.
//!
//! Storing the frequencies is not counted, so order 2 of a short input is far below what any coder reaches.
//! Source: Manzini, An analysis of the Burrows-Wheeler transform, 2001, section 2.

/// Maximum bytes counted: the beginning represents a longer input.
pub const MAX_BYTES: u64 = 64 << 20;
/// Maximum input size, in bytes, for which sorting is faster than a table of all two-byte contexts.
const MAX_SORTED_BYTES: usize = 1 << 16;

/// Counts bytes and their contexts, piece by piece. No context crosses a piece boundary.
#[derive(Debug, Default)]
pub struct Orders {
    pairs: Vec<u64>,
    small: Vec<u32>,
    triples: Vec<u32>,
    counted: u64,
}

impl Orders {
    /// Counts more bytes, up to [`MAX_BYTES`] in all.
    pub fn add(&mut self, bytes: &[u8]) {
        let left = usize::try_from(MAX_BYTES - self.counted).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(left)];
        self.counted += bytes.len() as u64;
        // Pairs cover the orders 0 and 1. The first byte of a piece has no predecessor, so it is counted
        // apart.
        self.pairs.resize(ROWS * 256, 0);
        if let Some(first) = bytes.first() {
            self.pairs[NO_CONTEXT * 256 + usize::from(*first)] += 1;
        }
        for pair in bytes.array_windows_2() {
            self.pairs[usize::from(pair[0]) * 256 + usize::from(pair[1])] += 1;
        }
        let triples = bytes.windows(3).map(|t| u32::from_be_bytes([0, t[0], t[1], t[2]]));
        if self.triples.is_empty() && self.small.len() + bytes.len() <= MAX_SORTED_BYTES {
            self.small.extend(triples);
            return;
        }
        self.triples.resize(1 << 24, 0);
        for triple in self.small.drain(..).chain(triples) {
            self.triples[triple as usize] += 1;
        }
    }

    /// Bits per byte of order 0, 1 and 2.
    pub fn entropies(&self) -> [f64; 3] {
        let mut zero = [0u64; 256];
        for row in self.pairs.chunks_exact(256) {
            for (sum, count) in zero.iter_mut().zip(row) {
                *sum += count;
            }
        }
        let mut one = Conditional::default();
        for row in self.pairs.chunks_exact(256).take(NO_CONTEXT) {
            one.context(row.iter().copied());
        }
        let mut order0 = Conditional::default();
        order0.context(zero.iter().copied());
        [order0.bits(), one.bits(), self.order2()]
    }

    fn order2(&self) -> f64 {
        let mut two = Conditional::default();
        if self.triples.is_empty() {
            let mut sorted = self.small.clone();
            sorted.sort_unstable();
            for context in sorted.chunk_by(|a, b| a >> 8 == b >> 8) {
                two.context(context.chunk_by(|a, b| a == b).map(|run| run.len() as u64));
            }
        } else {
            for row in self.triples.chunks_exact(256) {
                two.context(row.iter().map(|count| u64::from(*count)));
            }
        }
        two.bits()
    }
}

/// Row of [`Orders::pairs`] for bytes without a predecessor.
const NO_CONTEXT: usize = 256;
const ROWS: usize = NO_CONTEXT + 1;

/// The three entropies of one slice; see [`Orders`].
pub fn entropies(bytes: &[u8]) -> [f64; 3] {
    let mut orders = Orders::default();
    orders.add(bytes);
    orders.entropies()
}

/// Sum over contexts of count(context) x H(next byte | context).
#[derive(Default)]
struct Conditional {
    bits: f64,
    total: u64,
}

impl Conditional {
    fn context(&mut self, counts: impl Iterator<Item = u64>) {
        let (mut sum, mut weighted) = (0, 0.0);
        for count in counts.filter(|c| *c > 0) {
            sum += count;
            weighted += count as f64 * (count as f64).log2();
        }
        if sum > 0 {
            self.total += sum;
            self.bits += sum as f64 * (sum as f64).log2() - weighted;
        }
    }

    fn bits(&self) -> f64 {
        // Rounding may leave a tiny negative value.
        if self.total == 0 { 0.0 } else { (self.bits / self.total as f64).max(0.0) }
    }
}

/// Windows of two bytes as arrays, which avoids bounds checks.
trait ArrayWindows {
    fn array_windows_2(&self) -> impl Iterator<Item = [u8; 2]>;
}

impl ArrayWindows for [u8] {
    fn array_windows_2(&self) -> impl Iterator<Item = [u8; 2]> {
        self.iter().zip(self.get(1..).unwrap_or_default()).map(|(a, b)| [*a, *b])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_stream::entropy::Histogram;
    use proptest::prelude::*;

    #[test]
    fn known_entropies() {
        assert_eq!(entropies(b""), [0.0; 3]);
        assert_eq!(entropies(b"a"), [0.0; 3]);
        let [zero, one, two] = entropies(&b"ab".repeat(1000));
        assert!((zero - 1.0).abs() < 1e-12 && one < 1e-12 && two < 1e-12);
        // `a` is followed by `a` or `b`; two bytes determine the third.
        let [zero, one, two] = entropies(&b"aab".repeat(10_000));
        assert!((zero - 0.918).abs() < 1e-3 && (one - 2.0 / 3.0).abs() < 1e-3 && two < 1e-12);
    }

    proptest! {
        #[test]
        fn more_context_never_hurts_much(bytes in prop::collection::vec(0u8..5, 100..3000)) {
            let [zero, one, two] = entropies(&bytes);
            // Each order counts one byte less, which shifts the average slightly.
            let trace = 24.0 / bytes.len() as f64;
            prop_assert!(zero + trace >= one && one + trace >= two && two >= 0.0);
            let mut histogram = Histogram::default();
            histogram.add(&bytes);
            prop_assert!((histogram.entropy() - zero).abs() < 1e-9);
        }

        #[test]
        fn table_and_sorting_agree(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut sorted = Orders::default();
            sorted.add(&bytes);
            let mut table = Orders { triples: vec![0; 1 << 24], ..Orders::default() };
            table.add(&bytes);
            for (a, b) in sorted.entropies().into_iter().zip(table.entropies()) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }
    }
}
