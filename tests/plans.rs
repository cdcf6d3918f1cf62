//! The benchmark's lists of chains and the experiments of this project, against everything that ships.

use std::path::Path;

use lab_bench::experiment::Experiment;
use lab_bench::{environment, plan, trial};
use lab_codec::Error;
use lab_stream::chain::Chain;

#[test]
fn the_default_set_covers_the_whole_path() {
    let registry = lab::registry::builtin();
    let mut none = |_: &str| Err(Error::usage("none"));
    let chains = plan::chains(&registry, &[], &[], true, &mut none).unwrap();
    assert!(chains.iter().any(|chain| chain.to_string() == "repair,zstd,video"));
}

#[test]
fn the_candidates_are_chains() {
    let mut none = |_: &str| Err(Error::usage("none"));
    assert!(trial::candidates(&lab::registry::builtin(), &[], &mut none).unwrap().len() >= 10);
}

#[test]
fn versions_come_from_the_lock_file() {
    let versions = environment::codec_versions(&lab::registry::builtin(), include_str!("../Cargo.lock"));
    assert!(versions["zstd"].starts_with("zstd-sys 2."), "{versions:?}");
    assert!(versions["repair"].starts_with("lab "), "{versions:?}");
    let names_its_library = |(id, library): &(&str, &str)| versions[*id].starts_with(library);
    assert!(environment::LIBRARIES.iter().all(names_its_library), "{versions:?}");
}

/// The experiments of this project read, and their chains parse as far as their codecs are there. Those
/// that no chain can express have a page and a script instead.
#[test]
fn the_projects_own_experiments_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let registry = lab::registry::builtin();
    let mut found = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("experiment.toml").exists() {
            assert!(folder.join("README.md").exists(), "{}", folder.display());
            continue;
        }
        let experiment = Experiment::load(&folder).unwrap();
        found += 1;
        assert!(!experiment.samples.is_empty() && !experiment.chains.is_empty(), "{}", experiment.name);
        for chain in experiment.chains.iter().filter(|c| plan::known(&registry, c)) {
            let mut none = |_: &str| Err(Error::usage("none"));
            let chains = Chain::parse_sweep(&registry, chain, &mut none).unwrap();
            // A claim finds its cells by the text of its chain, which therefore has to be canonical.
            let claimed = experiment.rows.iter().any(|claim| claim.chain == *chain);
            assert!(!claimed || chains[0].to_string() == *chain, "{chain}");
        }
    }
    assert!(found >= 4);
}
