//! Order-0 entropy: the lower bound of a coder that codes each byte alone with fixed frequencies.

/// How often each byte value occurs.
#[derive(Debug, Clone)]
pub struct Histogram([u64; 256]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Histogram {
    /// Adds the bytes to the counts.
    pub fn add(&mut self, bytes: &[u8]) {
        // Four tables: equal neighbouring bytes would otherwise wait for the previous increment of their
        // counter.
        let mut tables = [[0u64; 256]; 4];
        let chunks = bytes.chunks_exact(4);
        for &byte in chunks.remainder() {
            self.0[usize::from(byte)] += 1;
        }
        for chunk in chunks {
            for (table, &byte) in tables.iter_mut().zip(chunk) {
                table[usize::from(byte)] += 1;
            }
        }
        for table in &tables {
            for (sum, count) in self.0.iter_mut().zip(table) {
                *sum += count;
            }
        }
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }

    /// Shannon's entropy in bits per byte, 0 to 8; 0 for empty input.
    pub fn entropy(&self) -> f64 {
        let total: u64 = self.0.iter().sum();
        let bits = |count: &u64| match *count {
            0 => 0.0,
            count => {
                let p = count as f64 / total as f64;
                -p * p.log2()
            }
        };
        self.0.iter().map(bits).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_entropies() {
        let of = |bytes: &[u8]| {
            let mut histogram = Histogram::default();
            histogram.add(bytes);
            histogram.entropy()
        };
        assert_eq!(of(b""), 0.0);
        assert_eq!(of(&[7; 1000]), 0.0);
        assert_eq!(of(b"abababab"), 1.0);
        let all: Vec<u8> = (0..=255).collect();
        assert!((of(&all) - 8.0).abs() < 1e-12);
    }
}
