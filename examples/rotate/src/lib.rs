//! `rotate`: adds a number to every byte. A whole codec in a crate of its own.
//!
//! ```
//! use lab_stream::{Chain, decode_vec, encode_vec};
//!
//! let registry = rotate::registry();
//! let chain = Chain::parse(&registry, "rotate:7,zstd:19")?;
//! let stream = encode_vec(&registry, &chain, b"uryyb")?;
//! assert_eq!(decode_vec(&registry, &stream)?, b"uryyb");
//! # Ok::<(), lab_codec::Error>(())
//! ```

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Param, Params, Registry, Resources, Result, Worker};

// 1. Parameters are constants: name, range, default, help. The first also takes a value without a key
// (`rotate:13`).
const BY: Param = Param::int("by", 0, 255, 13, "number added to every byte");

// 2. The description. Help, `lab codecs`, the test suite and the benchmarks are made from it.
static INFO: Info = Info::new("rotate", "adds a number to every byte").params(&[BY]);

/// The registry entry.
pub const ROTATE: Entry = Entry::codec(&INFO, build);

/// The built-in registry plus `rotate`.
pub fn registry() -> Registry {
    let mut registry = lab::registry::builtin();
    registry.register(ROTATE);
    registry
}

// 3. Parameters become one typed struct, when the codec is built.
#[derive(Clone, Copy)]
struct Rotate {
    by: u8,
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    // The declared range is 0 to 255.
    Ok(Arc::new(Rotate { by: params.int(&BY) as u8 }))
}

// 4. One worker per thread. A larger codec keeps its buffers there from segment to segment.
impl Codec for Rotate {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }
}

// 5. The transform on one segment, and back. Both append to `out`.
impl Worker for Rotate {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        out.extend(input.iter().map(|byte| byte.wrapping_add(self.by)));
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        if input.len() != raw_len {
            return Err(Error::corrupt(format!("{} bytes encode {raw_len}", input.len())));
        }
        out.extend(input.iter().map(|byte| byte.wrapping_sub(self.by)));
        Ok(())
    }
}
