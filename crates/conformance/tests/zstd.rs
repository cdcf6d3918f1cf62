//! A real codec passes the whole suite.

use lab_codec::Registry;
use lab_conformance::{Options, check};

#[test]
fn zstd_conforms() {
    let mut registry = Registry::new();
    registry.register(lab_zstd::ZSTD);
    let report = check(&registry, &Options::default());
    assert!(report.is_ok(), "{report}");
    assert!(report.entries[0].cases > 50_000, "{report}");
    assert!(report.entries[0].skipped.is_empty(), "{report}");
}
