//! Archive and compression formats of published files.

use serde::Deserialize;

/// Format of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Pack {
    /// One file, unpacked.
    #[serde(rename = "raw")]
    Raw,
    /// One file, gzip-compressed.
    #[serde(rename = "gz")]
    Gz,
    /// One file, bzip2-compressed.
    #[serde(rename = "bz2")]
    Bz2,
    /// One file, xz-compressed.
    #[serde(rename = "xz")]
    Xz,
    /// A tar archive.
    #[serde(rename = "tar")]
    Tar,
    /// A tar archive, gzip-compressed.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A tar archive, bzip2-compressed.
    #[serde(rename = "tar.bz2")]
    TarBz2,
    /// A tar archive, xz-compressed.
    #[serde(rename = "tar.xz")]
    TarXz,
    /// A zip archive; members are stored or deflated.
    #[serde(rename = "zip")]
    Zip,
}

impl Pack {
    /// Whether the format holds several named files; other formats hold one.
    pub fn has_members(self) -> bool {
        !matches!(self, Self::Raw | Self::Gz | Self::Bz2 | Self::Xz)
    }
}
