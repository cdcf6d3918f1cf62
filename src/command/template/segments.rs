//! Reads the parsed grammars of a stream's segments in order.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use lab_codec::{Context, Error, Result};
use lab_template::notes::partial::Notes;
use lab_template::partial::{Costs, Parsed, costs};
use lab_template::template::{self, Template};
use lab_template::{CODECS, TEMPLATE};

use super::{App, options};
use crate::progress;
use lab_stream::chain::Chain;
use lab_stream::container::{Reader, SegmentHeader};
use lab_stream::decode::pipeline_of;
use lab_stream::input::{self, Medium};
use lab_stream::pipeline::Pipeline;
use lab_stream::walk::walk;

/// An encoded file whose chain begins with a grammar codec.
pub(crate) struct Segments {
    reader: Reader,
    chain: Chain,
    pipeline: Pipeline,
    /// The first codec, if it is `template`.
    template: Option<Template>,
    threads: usize,
    /// The limits and the progress of the whole file.
    pub cx: Context,
}

/// A parsed segment, and the size of its grammar.
pub(crate) struct Segment {
    /// The grammar.
    pub parsed: Parsed<'static>,
    /// The notes of a template segment.
    pub notes: Option<Notes>,
    /// Bytes of the segment after the grammar codec.
    pub encoded: u64,
}

impl Segments {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a file without grammars; corrupt or truncated
    /// bytes. All errors name the path.
    pub(crate) fn open(path: &Path, work: &options::Work, quiet: bool, app: &App) -> Result<Self> {
        let at_input = |e: Error| e.at(path.display().to_string());
        let cx = work.context(app, progress::bar("", None, true));
        let Medium::Stream { stream, .. } = input::open(&app.registry, path, &cx)? else {
            return Err(at_input(Error::unsupported("a plain Zstandard file, which has no grammar")));
        };
        let reader = Reader::open(stream, *cx.limits()).map_err(at_input)?;
        let store = work.store(app, Some(path));
        let pipeline = pipeline_of(reader.header(), &app.registry, &store).map_err(at_input)?;
        let chain = Chain::parse_codecs(&app.registry, &reader.header().chain).map_err(at_input)?;
        let grammars = CODECS.map(|entry| entry.info.id);
        let template = match chain.codecs.first() {
            Some(stage) if grammars.contains(&stage.entry.info.id) => None,
            Some(stage) if stage.entry.info.id == TEMPLATE.info.id => {
                let resources = store.find(&reader.header().resources).map_err(at_input)?;
                Some(template::build(&stage.params, &resources).map_err(at_input)?)
            }
            _ => {
                return Err(at_input(Error::unsupported(format!(
                    "the chain {:?} does not begin with a grammar ({} or {}); use `lab decode` instead",
                    reader.header().chain,
                    grammars.join(", "),
                    TEMPLATE.info.id
                ))));
            }
        };
        let cx = cx.with_observer(progress::bar("", Some(reader.trailer().bytes), quiet));
        Ok(Self { reader, chain, pipeline, template, threads: work.threads(), cx })
    }

    /// The chain.
    pub(crate) fn chain(&self) -> &str {
        &self.reader.header().chain
    }

    /// Length of the content in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.reader.trailer().bytes
    }

    /// Numbers of the segments that overlap a range of the content.
    pub(crate) fn covering(&self, range: &Range<u64>) -> Range<usize> {
        self.reader.index().covering(range.start, range.end)
    }

    /// Reads a segment with the cost of each token, and checks its content. Costs outside `range` of the
    /// content are only summed. Also returns the segment's header.
    ///
    /// # Errors
    /// Corrupt bytes, limits.
    pub(crate) fn costs(&self, number: usize, range: &Range<u64>) -> Result<(SegmentHeader, Costs)> {
        let stored = self.reader.segment(number)?;
        let header = stored.header.clone();
        let bytes = self.pipeline.worker().decode_to_first(stored, &self.cx)?;
        let at_segment = |e: Error| e.at(format!("segment {number}"));
        let costs = if header.bypassed {
            Costs::of_bytes(bytes)
        } else {
            let inside = |at: u64| at.saturating_sub(header.raw_offset).min(header.raw_len) as usize;
            let range = inside(range.start)..inside(range.end);
            let len = header.raw_len as usize;
            match &self.template {
                Some(template) => template.costs(&bytes, len, range, &self.cx),
                None => costs(&bytes, len, range, &self.cx),
            }
            .map_err(at_segment)?
        };
        if crc32c::crc32c(&costs.text) != header.raw_crc {
            return Err(at_segment(Error::corrupt("the content does not match its checksum")));
        }
        self.cx.observer().advance(header.raw_len);
        Ok((header, costs))
    }

    /// The stages of the chain.
    pub(crate) fn stages(&self) -> impl Iterator<Item = String> {
        self.chain.codecs.iter().map(ToString::to_string)
    }

    /// Reads segments on several threads and passes them to `visit` in order, until `visit` stops.
    ///
    /// # Errors
    /// Corrupt bytes; limits; errors of `visit`.
    pub(crate) fn each(&self, visit: impl FnMut(Segment) -> Result<ControlFlow<()>> + Send) -> Result<()> {
        let read = |header: &SegmentHeader, bytes: Vec<u8>| {
            let (encoded, raw_len) = (bytes.len() as u64, header.raw_len as usize);
            if header.bypassed {
                return Ok(Segment { parsed: Parsed::Bytes(bytes.into()), notes: None, encoded });
            }
            let (parsed, notes) = match &self.template {
                Some(template) => template.parse(&bytes, raw_len, &self.cx)?,
                None => (Parsed::new(&bytes, raw_len, &self.cx)?, None),
            };
            Ok(Segment { parsed: parsed.into_owned(), notes, encoded })
        };
        walk(&self.reader, &self.pipeline, self.threads, &self.cx, read, visit)
    }
}
