//! Corpora known to the program: the descriptions in `corpora/`, compiled in.

use lab_codec::{Error, Result, nearest};

use super::Sources;

const TEXTS: &[(&str, &str)] = &[
    ("calgary", include_str!("../../../../corpora/calgary.toml")),
    ("canterbury", include_str!("../../../../corpora/canterbury.toml")),
    ("enwik8", include_str!("../../../../corpora/enwik8.toml")),
    ("kodak", include_str!("../../../../corpora/kodak.toml")),
    ("pizzachili", include_str!("../../../../corpora/pizzachili.toml")),
    ("silesia", include_str!("../../../../corpora/silesia.toml")),
];

/// The names, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(name, _)| *name)
}

/// All descriptions, sorted by name.
///
/// # Errors
/// Only if a built-in description is invalid, which the tests rule out.
pub fn all() -> Result<Vec<Sources>> {
    TEXTS.iter().map(|(name, text)| Sources::parse(text).map_err(|e| e.at(*name))).collect()
}

/// The description of the corpus called `name`.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage), with the nearest name or all names.
pub fn find(name: &str) -> Result<Sources> {
    match TEXTS.iter().find(|(known, _)| *known == name) {
        Some((known, text)) => Sources::parse(text).map_err(|e| e.at(*known)),
        None => {
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
            };
            Err(Error::usage(format!("unknown corpus {name:?}; {hint}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptions_are_whole() {
        let mut sizes = Vec::new();
        for (sources, name) in all().unwrap().iter().zip(names()) {
            assert_eq!(sources.corpus, name);
            assert!(!sources.title.is_empty() && !sources.licence.is_empty() && !sources.kind.is_empty());
            assert!(
                sources.sources.iter().map(|s| s.urls.len()).sum::<usize>() > 1,
                "{name} has one address"
            );
            for source in &sources.sources {
                let known = |name: &String| sources.files.iter().any(|file| file.name == *name);
                assert!(source.names.keys().all(known), "{name}");
            }
            sizes.push((name, sources.files.len(), sources.bytes()));
        }
        // Published totals of the first three and of the last corpus; sums for the others.
        assert_eq!(
            sizes,
            [
                ("calgary", 18, 3_251_493),
                ("canterbury", 11, 2_810_784),
                ("enwik8", 1, 100_000_000),
                ("kodak", 24, 15_394_305),
                ("pizzachili", 9, 2_228_647_032),
                ("silesia", 12, 211_938_580),
            ]
        );
    }

    #[test]
    fn a_wrong_name_is_met_with_the_right_one() {
        assert!(find("cantebury").unwrap_err().to_string().contains("\"canterbury\""));
        assert!(find("xyzzy").unwrap_err().to_string().contains("silesia"));
    }
}
