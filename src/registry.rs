//! The built-in registry: one line per codec or carrier, each behind a cargo feature.

use lab_codec::{Entry, Registry, Role};

/// In listing order. Carriers are probed in this order; the first is the default.
const ENTRIES: &[Entry] = &[
    #[cfg(feature = "baselines")]
    lab_baselines::STORE,
    #[cfg(feature = "baselines")]
    lab_baselines::MEMCPY,
    #[cfg(feature = "baselines")]
    lab_baselines::LZ4,
    #[cfg(feature = "baselines")]
    lab_baselines::SNAPPY,
    #[cfg(feature = "baselines")]
    lab_baselines::LZFSE,
    #[cfg(feature = "baselines")]
    lab_baselines::DEFLATE,
    #[cfg(feature = "baselines")]
    lab_baselines::BROTLI,
    lab_zstd::ZSTD,
    #[cfg(feature = "baselines")]
    lab_baselines::XZ,
    #[cfg(feature = "baselines")]
    lab_baselines::BZIP2,
    #[cfg(feature = "baselines")]
    lab_baselines::PPMD,
    #[cfg(feature = "baselines")]
    lab_baselines::DELTA,
    #[cfg(feature = "baselines")]
    lab_baselines::BITSHUFFLE,
    #[cfg(feature = "baselines")]
    lab_baselines::RLE,
    #[cfg(feature = "baselines")]
    lab_baselines::BWT,
    #[cfg(feature = "baselines")]
    lab_baselines::MTF,
    #[cfg(feature = "baselines")]
    lab_baselines::RANS0,
    #[cfg(feature = "baselines")]
    lab_baselines::RANGE,
    #[cfg(feature = "template")]
    lab_template::REPAIR,
    #[cfg(feature = "template")]
    lab_template::SEQUITUR,
    #[cfg(feature = "template")]
    lab_template::TEMPLATE,
    #[cfg(feature = "telomere")]
    lab_telomere::TELOMERE,
    #[cfg(feature = "auto")]
    lab_auto::AUTO,
    #[cfg(feature = "exec")]
    lab_exec::EXEC,
    lab_stream::file::FILE,
    #[cfg(feature = "video")]
    lab_video::VIDEO,
    #[cfg(feature = "gvcf")]
    lab_gvcf::GVCF,
];

/// All codecs and carriers of this build.
pub fn builtin() -> Registry {
    let mut registry = Registry::new();
    for entry in ENTRIES {
        registry.register(*entry);
    }
    registry
}

/// Codecs that the calling program added to [`builtin`].
pub fn added(registry: &Registry) -> Vec<String> {
    let codecs = registry.entries().iter().filter(|entry| entry.role() == Role::Codec);
    let ids = codecs.map(|entry| entry.info.id);
    ids.filter(|id| ENTRIES.iter().all(|entry| entry.info.id != *id)).map(String::from).collect()
}
