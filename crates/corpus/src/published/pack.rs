//! How published files are packed.

use serde::Deserialize;

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Pack {
    /// One file without an archive.
    #[serde(rename = "raw")]
    Raw,
    /// One file in gzip.
    #[serde(rename = "gz")]
    Gz,
    /// One file in bzip2.
    #[serde(rename = "bz2")]
    Bz2,
    /// One file in xz.
    #[serde(rename = "xz")]
    Xz,
    /// A tar archive.
    #[serde(rename = "tar")]
    Tar,
    /// A tar archive in gzip.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A tar archive in bzip2.
    #[serde(rename = "tar.bz2")]
    TarBz2,
    /// A tar archive in xz.
    #[serde(rename = "tar.xz")]
    TarXz,
    /// A zip archive, its members stored or deflated.
    #[serde(rename = "zip")]
    Zip,
}

impl Pack {
    /// Whether it holds files by name; otherwise it holds one.
    pub fn has_members(self) -> bool {
        !matches!(self, Self::Raw | Self::Gz | Self::Bz2 | Self::Xz)
    }
}
