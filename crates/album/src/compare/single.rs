//! Lossless codecs for single images: each picture of a folder by itself.

use std::fs;
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result};

use super::tool;
use crate::kind::{self, Kind};
use crate::recipe::write_png;

/// A program for single images.
struct Tool {
    name: &'static str,
    /// Its name and arguments, with `{in}` and `{out}`.
    argv: &'static [&'static str],
    /// Extension of its output.
    extension: &'static str,
    /// Whether it keeps more than 8 bits a sample; AVIF keeps at most 12, WebP 8.
    deep: bool,
}

const TOOLS: [Tool; 3] = [
    Tool {
        name: "WebP",
        argv: &["cwebp", "-quiet", "-lossless", "-exact", "-z", "9", "{in}", "-o", "{out}"],
        extension: "webp",
        deep: false,
    },
    Tool {
        name: "JPEG XL e7",
        argv: &["cjxl", "--quiet", "-d", "0", "-e", "7", "{in}", "{out}"],
        extension: "jxl",
        deep: true,
    },
    Tool {
        name: "AVIF lossless",
        argv: &["avifenc", "--lossless", "-s", "6", "{in}", "{out}"],
        extension: "avif",
        deep: false,
    },
];

/// Place of JPEG XL in [`TOOLS`]: pictures that were not JPEG files count with its size in the column of
/// files.
const JPEG_XL: usize = 1;

/// JPEG XL of a JPEG file, from which the same file is made again.
const OF_JPEG: Tool = Tool {
    name: "JXL of files",
    argv: &["cjxl", "--quiet", "--lossless_jpeg=1", "-e", "7", "{in}", "{out}"],
    extension: "jxl",
    deep: false,
};

/// The names of [`Single::sizes`].
pub(super) const NAMES: [&str; TOOLS.len() + 1] = [TOOLS[0].name, TOOLS[1].name, TOOLS[2].name, OF_JPEG.name];

/// A picture by itself.
pub(super) struct Single {
    /// Its PNG, in the scratch folder.
    pub png: PathBuf,
    /// Whether it has more than 8 bits a sample.
    pub deep: bool,
    /// Bytes by each of [`NAMES`]; `None` where the program is missing or would lose something.
    pub sizes: [Option<u64>; NAMES.len()],
}

impl Single {
    /// Makes `number`.png in `scratch` of the file at `path`, and encodes it if `encode`. `None` where the
    /// file is not a picture.
    ///
    /// # Errors
    /// I/O errors, cancellation.
    pub(super) fn of(
        path: &Path,
        number: usize,
        scratch: &Path,
        encode: bool,
        cx: &Context,
    ) -> Result<Option<Self>> {
        cx.check()?;
        let bytes = fs::read(path).map_err(|e| Error::from(e).at(path.display().to_string()))?;
        let Some(kind) = Kind::of(&bytes) else { return Ok(None) };
        let Ok(decoded) = kind::decode(kind, &bytes, cx) else { return Ok(None) };
        let png = scratch.join(format!("{number}.png"));
        let deep = decoded.shape.bits > 8;
        if kind == Kind::Png {
            fs::write(&png, &bytes)?;
        } else {
            fs::write(&png, write_png(decoded.shape, &decoded.samples, &[None; 3])?)?;
        }
        drop(decoded);
        let mut sizes = [None; NAMES.len()];
        if encode {
            for (size, tool) in sizes.iter_mut().zip(&TOOLS) {
                *size = if tool.deep || !deep { tool.output_size(&png, cx)? } else { None };
            }
            sizes[TOOLS.len()] = if kind == Kind::Jpeg {
                let jpeg = scratch.join(format!("{number}.jpg"));
                fs::write(&jpeg, &bytes)?;
                OF_JPEG.output_size(&jpeg, cx)?
            } else {
                sizes[JPEG_XL]
            };
        }
        Ok(Some(Self { png, deep, sizes }))
    }
}

impl Tool {
    fn output_size(&self, input: &Path, cx: &Context) -> Result<Option<u64>> {
        let out = input.with_extension(self.extension);
        tool::output_size(&tool::argv(self.argv, input, &out, &[]), &out, cx)
    }
}
