//! The built-in registry: one line per codec or carrier. Carriers are probed in this order.

use lab_codec::Registry;

/// Everything that ships with `lab`.
pub fn builtin() -> Registry {
    let mut registry = Registry::new();
    registry
        .register(lab_baselines::STORE)
        .register(lab_zstd::ZSTD)
        .register(lab_template::REPAIR)
        .register(crate::file::FILE)
        .register(lab_video::VIDEO);
    registry
}
