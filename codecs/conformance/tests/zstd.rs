//! A real codec passes the whole suite.

use lab_codec::Registry;
use lab_conformance::{Options, check};

#[test]
fn zstd_conforms() {
    let mut registry = Registry::new();
    registry.register(lab_zstd::ZSTD);
    // Every bit of the level's extremes is tried by the release check; here a sample of each is enough.
    let report = check(&registry, &Options { exhaustive: false, samples: 400, ..Options::default() });
    assert!(report.is_ok(), "{report}");
    assert!(report.entries[0].cases > 5000, "{report}");
    assert!(report.entries[0].skipped.is_empty(), "{report}");
}
