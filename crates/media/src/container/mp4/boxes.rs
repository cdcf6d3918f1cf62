//! Boxes of ISO/IEC 14496-12 (4.2): a size, a four-character type, and content.

/// Iterates over the boxes in `content`; ends at the first box whose size does not fit.
#[derive(Debug, Clone)]
pub(super) struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = Fields(self.0);
        let size = fields.u32()?;
        let kind = fields.array()?;
        let size = match size {
            0 => self.0.len() as u64,
            1 => fields.u64()?,
            size => u64::from(size),
        };
        let header = self.0.len() - fields.0.len();
        let content = self.0.get(header..usize::try_from(size).ok()?)?;
        self.0 = &self.0[header + content.len()..];
        Some((kind, content))
    }
}

impl<'a> Boxes<'a> {
    /// The content of the first box of kind `kind`.
    pub(super) fn find(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
        Boxes(content).find(|(k, _)| k == kind).map(|(_, content)| content)
    }

    /// The content of the box at `path`, a list of nested box kinds.
    pub(super) fn find_path(content: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
        path.iter().try_fold(content, |content, kind| Self::find(content, kind))
    }
}

/// Reads big-endian fields front to back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    /// Skips `count` bytes.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    /// The next 8 bits.
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    /// The next 32 bits.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next 64 bits.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Version and flags of a full box.
    pub(super) fn version_and_flags(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        let [version, ..] = word.to_be_bytes();
        Some((version, word & 0x00FF_FFFF))
    }
}

/// Appends a box; `content` writes its content.
pub(super) fn put_box(out: &mut Vec<u8>, kind: &[u8; 4], content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind);
    content(out);
    #[expect(clippy::cast_possible_truncation, reason = "our boxes hold one movie's tables, below 4 GiB")]
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a full box (a box with a version and flags).
pub(super) fn put_full_box(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    content: impl FnOnce(&mut Vec<u8>),
) {
    put_box(out, kind, |out| {
        put_u32(out, u32::from(version) << 24 | flags);
        content(out);
    });
}

/// Appends 32 bits, big-endian.
pub(super) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_be_bytes());
}

/// Appends 16 bits, big-endian.
pub(super) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_be_bytes());
}
