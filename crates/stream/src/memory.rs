//! Streams in memory: encodes a slice to a `Vec<u8>`, and back.

use std::io;

use lab_codec::{
    Context, Error, Lost, Registry, Resources, Result, StreamReader, StreamWriter, Summary, check_read,
};

use crate::chain::Chain;
use crate::container::{Feed, Sequence};
use crate::decode::{decode, pipeline_of};
use crate::encode::{Input, Options, encode};
use crate::pipeline::Pipeline;
use crate::resource::Store;

/// Encodes `content` with the codecs of `chain`, on one thread, in segments of the default size. A segment
/// that the chain would not shrink is stored unchanged.
///
/// # Errors
/// Errors of the codecs; a chain that names resources, which need [`encode`] with a pipeline of its own.
pub fn encode_vec(registry: &Registry, chain: &Chain, content: &[u8]) -> Result<Vec<u8>> {
    let pipeline = Pipeline::build(chain, &Resources::default().with_registry(registry), None)?;
    let input = Input { reader: Box::new(content), len: Some(content.len() as u64), name: String::new() };
    let mut stream = Vec::new();
    let medium = Box::new(VecWriter(&mut stream));
    encode(input, chain, &pipeline, medium, Options::default(), &Context::default())?;
    Ok(stream)
}

/// Decodes a stream with the codecs of `registry`, on one thread; every checksum is verified.
///
/// # Errors
/// Corrupt or truncated bytes, unknown codecs, limits (4 GiB of content by default).
pub fn decode_vec(registry: &Registry, stream: &[u8]) -> Result<Vec<u8>> {
    let cx = Context::default();
    let mut sequence = Sequence::open(Feed::Pipe(Box::new(stream)), *cx.limits())?;
    let pipeline = pipeline_of(sequence.header(), registry, &Store::new(registry, &[], None))?;
    let mut content = Limited { bytes: Vec::new(), most: cx.limits().output, exceeded: false };
    let decoded = decode(&mut sequence, &pipeline, &mut content, 1, &cx);
    if content.exceeded {
        return Err(Error::limit(format!(
            "the content exceeds {} bytes; decode it piece by piece",
            content.most
        )));
    }
    decoded?;
    Ok(content.bytes)
}

/// A medium that appends to a `Vec<u8>`.
pub struct VecWriter<'a>(pub &'a mut Vec<u8>);

impl StreamWriter for VecWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<()> {
        Ok(())
    }
}

/// A stream in memory, readable at any offset. [`Reader`](crate::container::Reader) and
/// [`extract`](crate::decode::extract) read ranges of its content.
pub struct Bytes<T>(pub T);

impl<T: AsRef<[u8]> + Send + Sync> StreamReader for Bytes<T> {
    fn len(&self) -> u64 {
        self.0.as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        check_read(offset, buf.len(), self.len())?;
        let start = offset as usize;
        buf.copy_from_slice(&self.0.as_ref()[start..start + buf.len()]);
        Ok(Lost::new())
    }
}

/// Bounds the output: a small stream may decode to much.
struct Limited {
    bytes: Vec<u8>,
    most: u64,
    exceeded: bool,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::container::Reader;
    use crate::decode::extract;

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry.register(lab_baselines::DELTA).register(lab_zstd::ZSTD);
        registry
    }

    #[test]
    fn a_range_of_a_stream_in_memory() {
        let registry = registry();
        let content: Vec<u8> = (0..100_000_u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect();
        let chain = Chain::parse(&registry, "delta:4,zstd").unwrap();
        let stream = encode_vec(&registry, &chain, &content).unwrap();
        let cx = Context::default();
        let reader = Reader::open(Arc::new(Bytes(stream.clone())), *cx.limits()).unwrap();
        let store = Store::new(&registry, &[], None);
        let pipeline = pipeline_of(reader.header(), &registry, &store).unwrap();
        let mut part = Vec::new();
        extract(&reader, &pipeline, (399_000, 399_010), &mut part, &cx).unwrap();
        assert_eq!(part, content[399_000..399_010]);
        assert_eq!(decode_vec(&registry, &stream).unwrap(), content);
        assert!(decode_vec(&registry, &stream[..stream.len() - 1]).is_err());
        assert!(decode_vec(&Registry::new(), &stream).is_err());
    }
}
