//! The built-in registry: one line per codec or carrier. Carriers are probed in this order.

use lab_bench::environment::Program;
use lab_codec::{Registry, Role};

/// This program, as its build script knows it.
pub const PROGRAM: Program = Program {
    version: env!("CARGO_PKG_VERSION"),
    compiler: match option_env!("LAB_COMPILER") {
        Some(compiler) => compiler,
        None => "",
    },
    revision: option_env!("LAB_REVISION"),
    lock: include_str!("../Cargo.lock"),
};

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
        .register(lab_auto::AUTO)
        .register(lab_exec::EXEC)
        .register(lab_stream::file::FILE)
        .register(lab_video::VIDEO)
        .register(lab_gvcf::GVCF);
    registry
}

/// The codecs that the program around this library has added to [`builtin`].
pub fn added(registry: &Registry) -> Vec<String> {
    let builtin = builtin();
    let codecs = registry.entries().iter().filter(|entry| entry.role() == Role::Codec);
    codecs.map(|entry| entry.info.id).filter(|id| builtin.find(id).is_none()).map(String::from).collect()
}
