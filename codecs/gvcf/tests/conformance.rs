//! The carrier under the suite that every entry passes.

#[test]
fn conforms() {
    let mut registry = lab_codec::Registry::new();
    registry.register(lab_gvcf::GVCF);
    let report = lab_conformance::check(&registry, &lab_conformance::Options::default());
    assert!(report.is_ok(), "{report}");
}
