//! The built-in registry: one line per codec or carrier. Carriers are probed in this order.

use lab_codec::Registry;

/// Everything that ships with `lab`.
pub fn builtin() -> Registry {
    let mut registry = Registry::new();
    registry
        .register(lab_baselines::STORE)
        .register(lab_baselines::MEMCPY)
        .register(lab_baselines::LZ4)
        .register(lab_baselines::SNAPPY)
        .register(lab_baselines::LZFSE)
        .register(lab_baselines::DEFLATE)
        .register(lab_baselines::BROTLI)
        .register(lab_zstd::ZSTD)
        .register(lab_baselines::XZ)
        .register(lab_baselines::BZIP2)
        .register(lab_baselines::PPMD)
        .register(lab_baselines::DELTA)
        .register(lab_baselines::BITSHUFFLE)
        .register(lab_baselines::RLE)
        .register(lab_baselines::BWT)
        .register(lab_baselines::MTF)
        .register(lab_baselines::RANS0)
        .register(lab_baselines::RANGE)
        .register(lab_template::REPAIR)
        .register(lab_template::SEQUITUR)
        .register(lab_template::TEMPLATE)
        .register(lab_telomere::TELOMERE)
        .register(crate::auto::AUTO)
        .register(lab_exec::EXEC)
        .register(crate::file::FILE)
        .register(lab_video::VIDEO)
        .register(lab_gvcf::GVCF);
    registry
}
