//! Manifest frames: the description of the stream.

use lab_codec::{Digest, Summary};

use super::Layout;

/// The first bytes of a manifest.
const MAGIC: [u8; 4] = *b"LABM";
const VERSION: u8 = 1;
/// Flag: size and digest are known.
const END_KNOWN: u8 = 1;
/// Flag: the name or the chain did not fit and is left out.
const TEXT_OMITTED: u8 = 2;
/// Length of the fixed part before the texts, in bytes.
pub const FIXED: usize = 72;

/// The content of a manifest frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Width and height of the pictures before any scaling by a copy.
    pub size: (u16, u16),
    /// The shape of full groups.
    pub layout: Layout,
    /// Name of the original file; empty for a pipe, or where it does not fit.
    pub name: String,
    /// Canonical text of the chain; empty where it does not fit.
    pub chain: String,
    /// Whether name or chain did not fit and is left out.
    pub cut: bool,
    /// Sizes and digest; `None` before the end of the stream.
    pub end: Option<End>,
}

/// Sizes and digest, known at the end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Bytes of the stream.
    pub stream: u64,
    /// Bytes of the content.
    pub content: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
}

impl Manifest {
    /// The bytes of the manifest: at most `room`, which is at least [`FIXED`].
    pub fn to_bytes(&self, room: usize) -> Vec<u8> {
        let left = room.saturating_sub(FIXED);
        let name = if self.name.len() <= left.min(255) { self.name.as_str() } else { "" };
        let chain = if self.chain.len() <= left - name.len() { self.chain.as_str() } else { "" };
        let chain = if chain.len() <= usize::from(u16::MAX) { chain } else { "" };
        let cut = self.cut || name.len() < self.name.len() || chain.len() < self.chain.len();
        let end = self.end.unwrap_or(End { stream: 0, content: 0, sha256: Digest([0; 32]) });
        let mut bytes = Vec::with_capacity(FIXED + name.len() + chain.len());
        bytes.extend(MAGIC);
        bytes.extend([
            VERSION,
            if self.end.is_some() { END_KNOWN } else { 0 } | if cut { TEXT_OMITTED } else { 0 },
        ]);
        for number in [self.layout.data as u16, self.layout.parity as u16, self.size.0, self.size.1] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((self.layout.shard as u32).to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(end.stream.to_le_bytes());
        bytes.extend(end.content.to_le_bytes());
        bytes.extend(end.sha256.0);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend((chain.len() as u16).to_le_bytes());
        bytes.extend(name.bytes().chain(chain.bytes()));
        bytes
    }

    /// Parses the bytes of [`to_bytes`](Self::to_bytes); `None` where they are not a manifest of this
    /// version.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (fixed, texts) = bytes.split_first_chunk::<FIXED>()?;
        let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let flags = fixed[5];
        if fixed[..4] != MAGIC || fixed[4] != VERSION || flags > END_KNOWN | TEXT_OMITTED || u16_at(18) != 0 {
            return None;
        }
        let layout = Layout { shard: u32_at(14) as usize, data: u16_at(6).into(), parity: u16_at(8).into() };
        if layout.shard == 0 || !layout.shard.is_multiple_of(2) || layout.shard >= 1 << 24 || layout.data == 0
        {
            return None;
        }
        let mut sha256 = Digest([0; 32]);
        sha256.0.copy_from_slice(&fixed[36..68]);
        let end = End { stream: u64_at(20), content: u64_at(28), sha256 };
        let (name, chain) = (usize::from(u16_at(68)), usize::from(u16_at(70)));
        if texts.len() != name + chain {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Self {
            size: (u16_at(10), u16_at(12)),
            layout,
            name: text(&texts[..name])?,
            chain: text(&texts[name..])?,
            cut: flags & TEXT_OMITTED != 0,
            end: (flags & END_KNOWN != 0).then_some(end),
        })
    }

    /// The summary of the stream; `None` where its end is not known or a text is left out.
    pub fn summary(&self) -> Option<Summary> {
        let end = self.end.filter(|_| !self.cut)?;
        Some(Summary {
            name: self.name.clone(),
            chain: self.chain.clone(),
            bytes: end.content,
            sha256: end.sha256,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vector_of_the_page() {
        let manifest = Manifest {
            size: (640, 368),
            layout: Layout { shard: 4476, data: 100, parity: 7 },
            name: "a.txt".into(),
            chain: "zstd,video".into(),
            cut: false,
            end: Some(End { stream: 1000, content: 3000, sha256: Digest(std::array::from_fn(|i| i as u8)) }),
        };
        let hex: Vec<_> = manifest.to_bytes(1000).iter().map(|byte| format!("{byte:02X}")).collect();
        let page = include_str!("../../../../docs/formats/video-stream.md");
        let lines: Vec<_> = hex.chunks(29).map(|line| format!("    {}\n", line.join(" "))).collect();
        assert!(page.contains(&lines.concat()), "{}", lines.concat());
    }

    proptest! {
        #[test]
        fn a_manifest_returns(
            name in "\\PC{0,60}", chain in "[a-z:=,]{0,300}", size: (u16, u16), shard in 1usize..1 << 20,
            data in 1usize..65_536, parity in 0usize..65_536, end: Option<(u64, u64, [u8; 32])>,
        ) {
            let end = end.map(|(stream, content, hash)| End { stream, content, sha256: Digest(hash) });
            let layout = Layout { shard: 2 * shard, data, parity };
            let manifest = Manifest { size, layout, name, chain, cut: false, end };
            prop_assert_eq!(Manifest::parse(&manifest.to_bytes(4096)), Some(manifest.clone()));
            let short = manifest.to_bytes(FIXED);
            prop_assert_eq!(short.len(), FIXED);
            let parsed = Manifest::parse(&short).unwrap();
            prop_assert_eq!(parsed.cut, !(manifest.name.is_empty() && manifest.chain.is_empty()));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&bytes);
            let mut ours = MAGIC.to_vec();
            ours.push(VERSION);
            ours.extend(bytes);
            let _ = Manifest::parse(&ours);
        }
    }
}
