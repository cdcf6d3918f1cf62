//! A registry for the tests of this crate.

use lab_codec::Registry;

/// Some baselines, a grammar codec, and the default carrier.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .register(lab_baselines::STORE)
        .register(lab_zstd::ZSTD)
        .register(lab_template::REPAIR)
        .register(lab_stream::file::FILE);
    registry
}
