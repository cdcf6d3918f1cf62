//! Built-in samples, for a run without paths on any installation.

use super::sample::Sample;

/// Corpus name of the built-in samples.
pub const CORPUS: &str = "builtin";

/// Files of the project: prose, a lock file with many repetitions, and source text.
const FILES: &[(&str, &[u8])] = &[
    ("README.md", include_bytes!("../../../README.md")),
    ("Cargo.lock", include_bytes!("../../../Cargo.lock")),
    ("manifest.rs", include_bytes!("manifest.rs")),
    ("discover.rs", include_bytes!("discover.rs")),
    ("verify.rs", include_bytes!("verify.rs")),
];

/// Generators, seeds and sizes in bytes.
const GENERATED: &[(&str, u64, u64)] = &[
    ("random", 1, 64 << 10),
    ("zeros", 1, 64 << 10),
    ("fibonacci", 1, 128 << 10),
    ("thue-morse", 1, 128 << 10),
    ("run-rich", 1, 128 << 10),
    ("zipf-text", 1, 256 << 10),
    ("versioned", 1, 768 << 10),
];

/// The built-in samples, 1.6 MB in all.
pub fn samples() -> Vec<Sample> {
    let files = FILES.iter().map(|(name, content)| Sample::embedded(CORPUS, name, content));
    let generated =
        GENERATED.iter().map(|(generator, seed, bytes)| Sample::generated(CORPUS, generator, *seed, *bytes));
    files.chain(generated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_codec::Context;

    #[test]
    fn all_samples_load_and_are_small_together() {
        let samples = samples();
        let mut total = 0;
        for sample in &samples {
            let bytes = sample.load(&Context::default()).unwrap();
            assert_eq!(bytes.len() as u64, sample.bytes, "{}", sample.label());
            total += bytes.len();
        }
        assert!((1 << 20..2 << 20).contains(&total), "{total}");
        let labels: std::collections::HashSet<String> = samples.iter().map(Sample::label).collect();
        assert_eq!(labels.len(), samples.len());
    }
}
