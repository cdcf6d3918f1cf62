//! Lists the corpora of a manifest.

use super::manifest::Manifest;

/// One corpus of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Overview {
    /// Its name.
    pub corpus: String,
    /// Files listed.
    pub files: usize,
    /// Files whose stored form exists on disk; its content is not verified.
    pub present: usize,
    /// Bytes of all originals.
    pub bytes: u64,
    /// Bytes of all stored forms.
    pub stored_bytes: u64,
    /// The kinds of data in it, sorted.
    pub kinds: Vec<String>,
    /// The licences in it, sorted.
    pub licences: Vec<String>,
}

/// The corpora of `manifest` in order of first appearance.
pub fn overview(manifest: &Manifest) -> Vec<Overview> {
    let mut corpora: Vec<Overview> = Vec::new();
    for listed in &manifest.files {
        let position = corpora.iter().position(|c| c.corpus == listed.corpus).unwrap_or_else(|| {
            corpora.push(Overview { corpus: listed.corpus.clone(), ..Overview::default() });
            corpora.len() - 1
        });
        let corpus = &mut corpora[position];
        corpus.files += 1;
        corpus.present += usize::from(manifest.path_of(listed).is_file());
        // Sizes in a manifest are untrusted: sums must not overflow.
        corpus.bytes = corpus.bytes.saturating_add(listed.bytes);
        corpus.stored_bytes = corpus.stored_bytes.saturating_add(listed.stored_bytes);
        insert_sorted(&mut corpus.kinds, &listed.kind);
        insert_sorted(&mut corpus.licences, &listed.licence);
    }
    corpora
}

fn insert_sorted(words: &mut Vec<String>, word: &str) {
    if let Err(position) = words.binary_search_by(|w| w.as_str().cmp(word)) {
        words.insert(position, word.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{Directory, HELLO};
    use super::*;

    #[test]
    fn files_are_counted_by_corpus() {
        let directory = Directory::with_manifest();
        std::fs::remove_file(directory.path().join("c/raw")).unwrap();
        let corpora = overview(&directory.manifest());
        assert_eq!(corpora.len(), 1);
        assert_eq!((corpora[0].corpus.as_str(), corpora[0].files, corpora[0].present), ("c", 3, 2));
        assert_eq!(corpora[0].bytes, 3 * HELLO.len() as u64);
        assert_eq!(corpora[0].kinds, ["raw", "xz", "zstd"]);
    }
}
