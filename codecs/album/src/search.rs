//! The coarsest level that is good enough.

use lab_codec::Result;

/// The largest level of a range for which `good` holds, if there is one: by halving, since quality falls as the level
/// rises. `good` is asked at most once for each level.
///
/// # Errors
/// Those of `good`.
pub fn coarsest(range: (u32, u32), mut good: impl FnMut(u32) -> Result<bool>) -> Result<Option<u32>> {
    let (mut low, mut high) = (range.0, range.1 + 1);
    // All below `low` are good, none from `high` on is.
    while low < high {
        let middle = low + (high - low) / 2;
        if good(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok((low > range.0).then(|| low - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_edge() {
        for edge in 3..=12 {
            let mut asked = Vec::new();
            let found = coarsest((4, 10), |level| {
                asked.push(level);
                Ok(level <= edge)
            });
            let expected = if edge < 4 { None } else { Some(edge.min(10)) };
            assert_eq!(found.unwrap(), expected);
            asked.sort_unstable();
            asked.dedup();
            assert!(asked.len() <= 3 && asked.iter().all(|level| (4..=10).contains(level)));
        }
    }
}
