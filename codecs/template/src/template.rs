//! The `template` codec: a segment as a sequence of notes. Notes are chunks that a dictionary holds, that
//! occurred before, or that are new; a grammar codes the sequence and the bytes of the new ones.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use lab_bits::varint;
use lab_codec::{
    Codec, Context, Digest, Entry, Error, Info, Memory, Param, Params, Resources, Result, Silent, Worker,
    check_range,
};

use crate::grammar::MAX_LEN;
use crate::grammar::repair::{Stop, repair};
use crate::notes::cid;
use crate::notes::cut::{Chunking, Cutting, MAX_SIZE};
use crate::notes::dictionary::Dictionary;
use crate::notes::map::{self, Declared, Map};
use crate::notes::partial;
use crate::notes::score::{Rendering, Score, Voice, find, write_renderings};
use crate::notes::sequence::max_bytes;
use crate::partial::{Costs, Parsed, costs, decode_range};
use crate::segment::{self, CODER, Coder};

const DICT: Param = Param::resource("dict", "a dictionary of notes, as `lab template build-dict` makes it");
const CHUNK_SIZE: Param = Param::size(
    "chunk_size",
    0,
    MAX_SIZE,
    0,
    "average bytes of a note, at least 256; 0: as in the dictionary, or 4K by content without one",
)
.or_called(&["chunk-size"]);
const CHUNKING: Param = Param::choice(
    "chunking",
    &["content", "fixed"],
    0,
    "content: content-defined chunking; fixed: every chunk_size bytes",
);
const MIN_FREQ: Param =
    Param::int("min_freq", 2, 1 << 20, 2, "replace pairs that occur at least this often, without overlaps")
        .or_called(&["min_pair_freq", "min-pair-freq"]);
const CONTEXTS: Param = Param::text(
    "contexts",
    "",
    "contexts of the dictionary, joined by +: the content's first, then those to render",
);

const MAPS: Param = Param::text(
    "maps",
    "",
    "maps to render by, joined by +: NAME.CONTEXT, then .SYMBOLS.CONTEXT for symbols in another (`lab template encode \
     --embed-map` writes them)",
);

static INFO: Info =
    Info::new("template", "dictionary notes, repeated notes and new notes, each coded by a grammar")
        .params(&[DICT, CHUNK_SIZE, CHUNKING, MIN_FREQ, CODER, CONTEXTS, MAPS])
        .memory(memory)
        .range_decode();

/// The template compressor as a registry entry.
pub const TEMPLATE: Entry = Entry::codec(&INFO, |params, resources| Ok(Arc::new(build(params, resources)?)));

/// Average size of notes without a dictionary, in bytes.
const DEFAULT_SIZE: u64 = 4096;

/// Form byte of a segment that is a grammar only.
const PLAIN: u8 = 0;
/// Form byte of a segment with renderings, the sequence of notes, and the grammar of the local notes.
const NOTES: u8 = 1;

fn memory(params: &Params, len: u64) -> Memory {
    memory_for(Coder::of(params), len)
}

/// Memory of Re-Pair, plus the notes: 17 and 7 bytes for each byte of the segment.
fn memory_for(coder: Coder, len: u64) -> Memory {
    let Memory { encode, decode, .. } = coder.memory(len, len * 17);
    Memory::new(encode, decode + len * 7)
}

/// The codec with its dictionary, also for callers that render in other contexts.
#[derive(Debug, Clone)]
pub struct Template {
    cutting: Cutting,
    stop: Stop,
    coder: Coder,
    dictionary: Option<Arc<Dictionary>>,
    /// Entries by digest in the content's context.
    known: Arc<HashMap<Digest, u32>>,
    /// Numbers of contexts: the content's first, then those of its renderings.
    contexts: Vec<usize>,
    /// Maps for further renderings, by name.
    maps: Arc<[(String, Map)]>,
}

/// The rendering to produce.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// A declared context, by its number in the dictionary.
    Context(usize),
    /// An embedded map of the template, by index.
    Embedded(usize),
    /// By any map. The result cannot be checked: the template has no digest of it.
    Free(&'a Map),
}

/// Builds the codec from its parameters.
///
/// # Errors
/// [`MissingResource`](lab_codec::ErrorKind::MissingResource); a corrupt dictionary; unknown contexts.
pub fn build(params: &Params, resources: &Resources) -> Result<Template> {
    let dictionary = match params.resource(&DICT) {
        Some(digest) => {
            let file = resources.get(&digest)?;
            // The caller, which names the stage, adds the digest to the error.
            Some(Arc::new(Dictionary::read(file, resources.clone())?))
        }
        None => None,
    };
    let chunking = if params.choice(&CHUNKING) == 0 { Chunking::Content } else { Chunking::Fixed };
    let cutting = match (params.size(&CHUNK_SIZE), &dictionary) {
        (0, Some(dictionary)) => dictionary.table().cutting,
        (0, None) => Cutting::new(chunking, DEFAULT_SIZE)?,
        (size, _) => Cutting::new(chunking, size)?,
    };
    let contexts = match (params.text(&CONTEXTS), &dictionary) {
        ("", _) => vec![0],
        (_, None) => {
            return Err(Error::param("contexts need a dictionary; name one with dict=@FILE"));
        }
        (names, Some(dictionary)) => contexts_of(names, dictionary)?,
    };
    let maps = match (params.text(&MAPS), &dictionary) {
        ("", _) => Vec::new(),
        (_, None) => return Err(Error::param("maps need a dictionary; name one with dict=@FILE")),
        (text, Some(dictionary)) => map::read_all(text, Declared { dictionary, contexts: &contexts })?,
    };
    let mut known = HashMap::new();
    if let Some(dictionary) = &dictionary {
        for entry in 0..dictionary.entries() {
            let piece = dictionary.piece(entry, contexts[0]);
            if piece.len > 0 {
                known.entry(piece.digest).or_insert(entry as u32);
            }
        }
    }
    Ok(Template {
        cutting,
        stop: Stop { min_freq: params.int(&MIN_FREQ) as u32, max_rules: MAX_LEN as u32 },
        coder: Coder::of(params),
        dictionary,
        known: Arc::new(known),
        contexts,
        maps: maps.into(),
    })
}

fn contexts_of(names: &str, dictionary: &Dictionary) -> Result<Vec<usize>> {
    let mut contexts = Vec::new();
    for name in names.split('+') {
        let context = dictionary.context(name)?;
        if contexts.contains(&context) {
            return Err(Error::param(format!("the context {name:?} is named twice")));
        }
        contexts.push(context);
    }
    Ok(contexts)
}

impl Template {
    /// The dictionary, where there is one.
    pub fn dictionary(&self) -> Option<&Dictionary> {
        self.dictionary.as_deref()
    }

    /// The dictionary and the declared contexts.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) without a dictionary.
    pub fn declared(&self) -> Result<Declared<'_>> {
        let dictionary = self.dictionary().ok_or_else(|| {
            Error::usage("the template has no dictionary, so it declares no contexts and no symbols")
        })?;
        Ok(Declared { dictionary, contexts: &self.contexts })
    }

    /// The embedded maps of the template, with their names.
    pub fn maps(&self) -> &[(String, Map)] {
        &self.maps
    }

    /// Whether `view` is the content itself.
    pub fn is_lossless(&self, view: View) -> bool {
        matches!(view, View::Context(context) if context == self.contexts[0])
    }

    /// Number of contexts and maps: a rendering has a number below it.
    fn numbers(&self) -> usize {
        self.dictionary().map_or(0, |dictionary| dictionary.table().contexts.len()) + self.maps.len()
    }

    /// The number of a rendering that has a digest; None for the content and for free maps.
    fn number(&self, view: View) -> Option<u64> {
        match view {
            View::Context(context) => (context != self.contexts[0]).then_some(context as u64),
            View::Embedded(map) => Some((self.numbers() - self.maps.len() + map) as u64),
            View::Free(_) => None,
        }
    }

    fn choose(&self, view: View, entry: u32) -> usize {
        match view {
            View::Context(context) => context,
            View::Embedded(map) => self.maps[map].1.context(entry),
            View::Free(map) => map.context(entry),
        }
    }

    fn voice(&self) -> Option<Voice<'_>> {
        self.dictionary.as_deref().map(|dictionary| Voice { dictionary, context: self.contexts[0] })
    }

    fn grammar(&self, bytes: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        segment::encode(bytes, &repair(bytes, self.stop, cx)?, self.coder, out, cx)
    }

    /// The segment as notes, or None where a grammar of the bytes is better. A grammar codes repeats inside a
    /// segment in fewer bytes, so notes without a dictionary are tried only if they halve the segment.
    fn notes(&self, input: &[u8], cx: &Context) -> Result<Option<Notes>> {
        let voice = self.voice();
        let entries = voice.map_or(0, |voice| voice.dictionary.entries() as u32);
        let mut found = find(input, self.cutting, &self.known, entries, cx)?;
        cx.observer().metric("notes", found.sequence.notes.len() as f64);
        cx.observer().metric("bytes known", found.known as f64);
        cx.observer().metric("bytes repeated", found.repeated as f64);
        if found.known == 0 && found.repeated < input.len() / 2 {
            return Ok(None);
        }
        // A segment without notes has no renderings.
        let has_renderings = self.contexts.len() > 1 || !self.maps.is_empty();
        let is_best = found.known > 0 && has_renderings || found.known > input.len() / 2;
        found.sequence.join(entries);
        let sequence = found.sequence.to_bytes(entries);
        if sequence.len() > max_bytes(input.len()) {
            return Ok(None);
        }
        let mut tail = Vec::new();
        varint::write(&mut tail, sequence.len() as u64);
        let mut stored = Vec::new();
        // Progress and metrics are those of the segment's bytes, not of the notes.
        let silent = cx.clone().with_observer(Arc::new(Silent));
        self.grammar(&sequence, &mut stored, &silent)?;
        varint::write(&mut tail, stored.len() as u64);
        tail.append(&mut stored);
        let local = found.sequence.local_bytes(input, voice);
        self.grammar(&local, &mut tail, &silent)?;

        // Run the decoder to make the renderings: their digests then hold for its result by construction.
        let mut head = vec![0];
        head.extend_from_slice(&tail);
        let score = Score::read(&head, input.len(), voice, self.numbers(), &silent)?;
        let mut renderings = Vec::new();
        let views = self.contexts.iter().copied().map(View::Context);
        for view in views.chain((0..self.maps.len()).map(View::Embedded)) {
            let Some(number) = self.number(view) else { continue };
            let mut text = Vec::new();
            let piece = |d: &Dictionary, entry| d.piece(entry as usize, self.choose(view, entry));
            let len = score.play(voice, piece, &mut text, &silent)?;
            renderings.push(Rendering { number, len, digest: cid::digest(&text) });
        }
        let mut out = vec![NOTES];
        write_renderings(&renderings, &mut out);
        out.append(&mut tail);
        Ok(Some(Notes { bytes: out, is_best }))
    }

    /// Appends the rendering of a segment of `raw_len` bytes, checks it against the template's digest if it
    /// has one, and returns its length.
    ///
    /// # Errors
    /// As [`Worker::decode`]; a rendering that differs from its digest.
    pub fn render(
        &self,
        input: &[u8],
        raw_len: usize,
        view: View,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<u64> {
        let Form::Notes(score) = self.open(input, raw_len, cx)? else {
            // Without notes of a dictionary the content is the same in all contexts.
            segment::decode(input.get(1..).unwrap_or_default(), raw_len, out, cx)?;
            return Ok(raw_len as u64);
        };
        let start = out.len();
        let piece = |d: &Dictionary, entry| d.piece(entry as usize, self.choose(view, entry));
        let len = score.play(self.voice(), piece, out, cx)?;
        if let Some(number) = self.number(view) {
            let Some(rendering) = score.renderings.iter().find(|rendering| rendering.number == number) else {
                return Err(Error::corrupt(format!("rendering {number} is missing")));
            };
            if (rendering.len, rendering.digest) != (len, cid::digest(&out[start..])) {
                return Err(Error::corrupt("the rendering differs from the template's digest"));
            }
        }
        Ok(len)
    }

    /// Reads a segment of `raw_len` bytes without expanding it: its grammar, and its notes if it has any.
    ///
    /// # Errors
    /// As [`Worker::decode`].
    pub fn parse<'a>(
        &self,
        input: &'a [u8],
        raw_len: usize,
        cx: &Context,
    ) -> Result<(Parsed<'a>, Option<partial::Notes>)> {
        Ok(match self.open(input, raw_len, cx)? {
            Form::Plain(rest) => (Parsed::new(rest, raw_len, cx)?, None),
            Form::Notes(score) => (score.parse(self.voice(), cx)?, Some(score.notes(self.voice()))),
        })
    }

    /// Costs of the bytes `range` of a segment of `raw_len` bytes, as [`costs()`].
    ///
    /// # Errors
    /// As [`Worker::decode`].
    pub fn costs(&self, input: &[u8], raw_len: usize, range: Range<usize>, cx: &Context) -> Result<Costs> {
        Ok(match self.open(input, raw_len, cx)? {
            Form::Plain(rest) => {
                let mut costs = costs(rest, raw_len, range, cx)?;
                costs.head += u64::from(!input.is_empty());
                costs
            }
            Form::Notes(score) => score.costs(self.voice(), score.head(input), range, cx)?,
        })
    }

    fn open<'a>(&self, input: &'a [u8], raw_len: usize, cx: &Context) -> Result<Form<'a>> {
        match input.split_first() {
            None if raw_len == 0 => Ok(Form::Plain(&[])),
            None => Err(Error::truncated("an empty segment")),
            _ if raw_len == 0 || raw_len > MAX_LEN => {
                Err(Error::corrupt(format!("notes for {raw_len} bytes; a segment has 1 to {MAX_LEN}")))
            }
            Some((&PLAIN, rest)) => Ok(Form::Plain(rest)),
            Some((&NOTES, rest)) => {
                Ok(Form::Notes(Score::read(rest, raw_len, self.voice(), self.numbers(), cx)?))
            }
            Some((form, _)) => {
                Err(Error::unsupported(format!("form {form} of a template; a newer version may read it")))
            }
        }
    }
}

/// A segment in the form of notes.
struct Notes {
    bytes: Vec<u8>,
    /// Whether this form is kept without trying the other.
    is_best: bool,
}

/// An encoded segment, split by its form byte.
enum Form<'a> {
    Plain(&'a [u8]),
    Notes(Score<'a>),
}

impl Codec for Template {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(self.clone())
    }
}

impl Worker for Template {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if input.is_empty() {
            return Ok(());
        }
        let need = memory_for(self.coder, input.len() as u64).encode;
        cx.limits().check_memory(need, "a template of a segment of this size")?;
        let start = out.len();
        let notes = self.notes(input, cx)?;
        if let Some(notes) = &notes {
            out.extend_from_slice(&notes.bytes);
        }
        if notes.as_ref().is_none_or(|notes| !notes.is_best) {
            let mut plain = vec![PLAIN];
            self.grammar(input, &mut plain, &cx.clone().with_observer(Arc::new(Silent)))?;
            if notes.is_none() || plain.len() < out.len() - start {
                out.truncate(start);
                out.append(&mut plain);
            }
        }
        cx.observer().advance(input.len() as u64);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        match self.open(input, raw_len, cx)? {
            Form::Plain(rest) => segment::decode(rest, raw_len, out, cx),
            Form::Notes(score) => {
                let context = self.contexts[0];
                score.play(self.voice(), |d, entry| d.piece(entry as usize, context), out, cx).map(drop)
            }
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
        check_range(&range, raw_len)?;
        match self.open(input, raw_len, cx)? {
            Form::Plain(rest) => decode_range(rest, raw_len, range, out, cx),
            Form::Notes(score) => score.play_range(self.voice(), raw_len, range, out, cx),
        }
    }
}
