//! A small corpus on disk for this crate's tests.

use std::fs;
use std::path::{Path, PathBuf};

use lab_codec::{Build, Context, Digest, Params, Resources};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::manifest::{FILE_NAME, Listed, Manifest};

/// Original content of every listed file.
pub(crate) const HELLO: &[u8] = b"hello, corpus\n";

/// `HELLO` compressed with `xz -9`: it declares a dictionary of 64 MiB.
pub(crate) const HELLO_XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x1c,
    0x00, 0x00, 0x00, 0x10, 0xcf, 0x58, 0xcc, 0x01, 0x00, 0x0d, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x2c, 0x20,
    0x63, 0x6f, 0x72, 0x70, 0x75, 0x73, 0x0a, 0x00, 0x00, 0x00, 0xd1, 0x12, 0xe0, 0x90, 0x4a, 0x71, 0xba,
    0xc7, 0x00, 0x01, 0x26, 0x0e, 0x08, 0x1b, 0xe0, 0x04, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x04, 0x59, 0x5a,
];

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let Build::Codec(build) = lab_zstd::ZSTD.build else { unreachable!() };
    let codec = build(&Params::defaults(lab_zstd::ZSTD.info), &Resources::default()).unwrap();
    let mut out = Vec::new();
    codec.worker().encode(bytes, &mut out, &Context::default()).unwrap();
    out
}

/// A directory that is removed when dropped.
pub(crate) struct Directory(tempfile::TempDir);

impl Directory {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// `c/raw`, `c/zstd.zst` and `c/xz.xz`, listed as `raw`, `zstd` and `xz` of the corpus `c`.
    pub(crate) fn with_manifest() -> Self {
        let directory = Self::empty();
        let mut files = Vec::new();
        for (form, stored, bytes) in
            [("raw", "c/raw", HELLO), ("zstd", "c/zstd.zst", &zstd(HELLO)), ("xz", "c/xz.xz", HELLO_XZ)]
        {
            directory.write(stored, bytes);
            files.push(json!({
                "corpus": "c", "name": form, "bytes": HELLO.len(), "sha256": sha256(HELLO).to_string(),
                "stored": stored, "stored_as": form,
                "stored_bytes": bytes.len(), "stored_sha256": sha256(bytes).to_string(),
                "kind": form,
            }));
        }
        let manifest = json!({ "format": "lab-corpus-manifest-1", "set": "test", "files": files });
        directory.write(FILE_NAME, manifest.to_string().as_bytes());
        directory
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and creates its missing directories.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn manifest(&self) -> Manifest {
        Manifest::in_directory(self.path()).unwrap().unwrap()
    }

    /// Listed files by name.
    pub(crate) fn listed(&self) -> Vec<(String, Listed)> {
        self.manifest().files.into_iter().map(|l| (l.name.clone(), l)).collect()
    }
}
