//! The codec and its worker: reusable contexts, one call per segment, no second copy.

use std::io::Cursor;
use std::ops::Range;

use lab_codec::{Codec, Context, Error, Result, Worker, reserve};
use zstd_safe::{CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective};

use crate::frame::Header;
use crate::{Settings, error, memory};

pub(crate) struct Zstd(pub Settings);

impl Codec for Zstd {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(ZstdWorker { settings: self.0, encoder: None, decoder: None, piece: Vec::new() })
    }
}

/// Contexts are created at first use: a worker usually either encodes or decodes.
struct ZstdWorker {
    settings: Settings,
    encoder: Option<CCtx<'static>>,
    decoder: Option<DCtx<'static>>,
    /// Buffer for one decoded piece of a range.
    piece: Vec<u8>,
}

fn encoder<'a>(slot: &'a mut Option<CCtx<'static>>, settings: Settings) -> Result<&'a mut CCtx<'static>> {
    match slot {
        Some(ready) => Ok(ready),
        empty => Ok(empty.insert(new_encoder(settings)?)),
    }
}

fn new_encoder(settings: Settings) -> Result<CCtx<'static>> {
    let mut context = CCtx::try_create().ok_or_else(out_of_memory)?;
    for parameter in [
        CParameter::CompressionLevel(settings.level),
        CParameter::WindowLog(settings.window_log),
        CParameter::EnableLongDistanceMatching(settings.long),
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
        CParameter::DictIdFlag(false),
    ] {
        context.set_parameter(parameter).map_err(error::encoding)?;
    }
    Ok(context)
}

fn decoder<'a>(slot: &'a mut Option<DCtx<'static>>) -> Result<&'a mut DCtx<'static>> {
    match slot {
        Some(ready) => Ok(ready),
        empty => Ok(empty.insert(DCtx::try_create().ok_or_else(out_of_memory)?)),
    }
}

fn out_of_memory() -> Error {
    Error::limit("zstd: no memory for a context")
}

/// Checks that `input` is exactly one frame of `raw_len` bytes, without decoding it.
fn check(input: &[u8], raw_len: usize) -> Result<Header> {
    let header = Header::read(input)?;
    match header.content {
        Some(content) if content == raw_len as u64 => {}
        Some(content) => {
            return Err(Error::corrupt(format!(
                "the zstd frame holds {content} bytes where {raw_len} are expected"
            )));
        }
        None => return Err(Error::corrupt("the zstd frame lacks its content size")),
    }
    let length = zstd_safe::find_frame_compressed_size(input).map_err(error::decoding)?;
    if length != input.len() {
        return Err(Error::corrupt(format!("{} bytes follow the zstd frame", input.len() - length)));
    }
    Ok(header)
}

impl Worker for ZstdWorker {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        cx.limits().check_memory(memory::encoder(&self.settings, input.len() as u64), "zstd")?;
        reserve(out, zstd_safe::compress_bound(input.len()))?;
        let start = out.len();
        let mut tail = Cursor::new(out);
        tail.set_position(start as u64);
        encoder(&mut self.encoder, self.settings)?.compress2(&mut tail, input).map_err(error::encoding)?;
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        check(input, raw_len)?;
        cx.limits().check_memory(memory::decoder(), "zstd")?;
        reserve(out, raw_len)?;
        let start = out.len();
        let mut tail = Cursor::new(&mut *out);
        tail.set_position(start as u64);
        // The spare capacity may exceed raw_len. The output cannot: the library enforces the frame's content
        // size.
        decoder(&mut self.decoder)?.decompress(&mut tail, input).map_err(error::decoding)?;
        match out.len() - start {
            length if length == raw_len => Ok(()),
            length => Err(Error::corrupt(format!("zstd gave {length} bytes where {raw_len} are expected"))),
        }
    }

    fn decode_range(
        &mut self,
        input: &[u8],
        raw_len: usize,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        if range.start > range.end || range.end > raw_len {
            let Range { start, end } = range;
            return Err(Error::usage(format!("range {start}..{end} is outside 0..{raw_len}")));
        }
        if range == (0..raw_len) {
            return self.decode(input, raw_len, out, cx);
        }
        let header = check(input, raw_len)?;
        cx.limits().check_memory(memory::range_decoder(header.window), "the zstd window")?;
        reserve(out, range.len())?;
        let context = decoder(&mut self.decoder)?;
        context.reset(ResetDirective::SessionOnly).map_err(error::decoding)?;
        self.piece.reserve_exact(DCtx::out_size());

        let mut source = InBuffer::around(input);
        let mut at = 0; // offset of the next piece in the raw segment
        while at < range.end {
            cx.check()?;
            self.piece.clear();
            let mut sink = OutBuffer::around(&mut self.piece);
            context.decompress_stream(&mut sink, &mut source).map_err(error::decoding)?;
            if self.piece.is_empty() && source.pos() == input.len() {
                return Err(Error::truncated("the zstd frame ends too early"));
            }
            let next = at + self.piece.len();
            if next > raw_len {
                return Err(Error::corrupt("the zstd frame holds more bytes than its content size"));
            }
            let from = range.start.clamp(at, next) - at;
            let to = range.end.clamp(at, next) - at;
            out.extend_from_slice(&self.piece[from..to]);
            at = next;
        }
        Ok(())
    }
}
