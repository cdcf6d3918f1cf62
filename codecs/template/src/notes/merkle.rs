//! The Merkle tree of RFC 6962, section 2.1. Leaves and nodes are hashed with different prefixes, so neither
//! can pass for the other.

use lab_codec::Digest;
use sha2::{Digest as _, Sha256};

/// The root over leaves in this order.
pub(super) fn root<T: AsRef<[u8]>>(leaves: impl IntoIterator<Item = T>) -> Digest {
    // Complete subtrees with their number of leaves: falling powers of two, one for each set bit of the
    // count.
    let mut stack: Vec<(u64, Digest)> = Vec::new();
    for leaf in leaves {
        let hash = Sha256::new().chain_update([0]).chain_update(leaf).finalize();
        let mut tree = (1, Digest(hash.into()));
        while let Some((size, left)) = stack.pop_if(|(size, _)| *size == tree.0) {
            tree = (2 * size, node(&left, &tree.1));
        }
        stack.push(tree);
    }
    // The RFC splits at the largest power of two, so the remaining subtrees join from the right.
    let last = stack.pop().map(|(_, hash)| hash);
    last.map_or(Digest(Sha256::digest([]).into()), |last| {
        stack.iter().rev().fold(last, |right, (_, left)| node(left, &right))
    })
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the RFC says it.
    fn by_definition(leaves: &[Vec<u8>]) -> Digest {
        match leaves {
            [] => Digest(Sha256::digest([]).into()),
            [leaf] => Digest(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()),
            _ => {
                let left = leaves.len().next_power_of_two() / 2;
                node(&by_definition(&leaves[..left]), &by_definition(&leaves[left..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_rfc() {
        let leaves: Vec<Vec<u8>> = (0..40).map(|n| vec![n; usize::from(n)]).collect();
        for n in 0..leaves.len() {
            assert_eq!(root(&leaves[..n]), by_definition(&leaves[..n]), "{n}");
        }
        // The test vector of Certificate Transparency for the leaves "", 00, 10.
        let root = root([&[][..], &[0], &[0x10]]).to_string();
        assert_eq!(root, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    }
}
