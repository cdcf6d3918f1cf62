//! `auto`: encodes a trial of each segment with every listed chain and uses the one with the smallest output.
//!
//! Only trial sizes and list order decide, never time: encoded bytes must not depend on the machine.

use std::sync::Arc;

use lab_bits::varint;
use lab_codec::{
    Codec, Context, Entry, Error, ErrorKind, Info, Memory, Param, Params, Registry, Resources, Result,
    Silent, Worker,
};

use lab_stream::chain::Chain;
use lab_stream::pipeline::{Coded, Encoded, Pipeline};

const OF: Param = Param::text(
    "of",
    "{store/lz4/zstd:3/zstd:19/delta:4,zstd:19/bitshuffle:4,zstd:19/xz:9/ppmd:16}",
    "candidate chains, in order of preference: '{CHAIN/CHAIN/...}'",
);
const TRIAL: Param = Param::size(
    "trial",
    4 << 10,
    1 << 30,
    64 << 10,
    "bytes of each segment that every chain encodes as a trial",
);
const MARGIN: Param = Param::int(
    "margin",
    0,
    1000,
    1,
    "uses the first chain in the list whose trial output is within this percentage of the smallest",
);

/// Maximum chains in a list; bounds the trials of one segment.
const MAX_CHAINS: usize = 64;
/// Number of evenly spread parts that make up a trial.
const TRIAL_PARTS: usize = 4;
/// Alignment of each part, in bytes: arrays of fixed-width numbers keep their phase in the trial.
const PART_ALIGNMENT: usize = 64;
/// Maximum growth of a stage's output over the segment, plus a constant slack. It bounds what a decoder
/// allocates.
const MAX_GROWTH: u64 = 4;
const MAX_GROWTH_SLACK: u64 = 4096;

static INFO: Info =
    Info::new("auto", "picks, for each segment, the listed chain with the smallest trial output")
        .params(&[OF, TRIAL, MARGIN]);

/// The registry entry.
pub const AUTO: Entry = Entry::codec(&INFO, build);

/// Parses the value of `of` into chains.
fn parse(list: &str, registry: &Registry) -> Result<Vec<Chain>> {
    let inner = list.strip_prefix('{').and_then(|l| l.strip_suffix('}')).ok_or_else(|| {
        Error::param(format!("of={list} is not a list in braces; write of='{{zstd:3/xz:9/delta:4,zstd:19}}'"))
    })?;
    let chains = inner.split('/').map(|text| {
        let chain = Chain::parse(registry, text)?;
        if chain.codecs.iter().any(|stage| stage.entry.info.id == INFO.id) {
            return Err(Error::param("\"auto\" cannot be a candidate of \"auto\"; list other codecs"));
        }
        if chain.carrier.is_some() || !chain.resources().is_empty() {
            return Err(Error::param(format!("{chain}: a candidate cannot have a carrier or a resource")));
        }
        Ok(chain)
    });
    let chains = chains.take(MAX_CHAINS + 1).collect::<Result<Vec<_>>>()?;
    if chains.len() > MAX_CHAINS {
        return Err(Error::param(format!("a list holds at most {MAX_CHAINS} chains")));
    }
    Ok(chains)
}

/// Maximum output of one stage, in bytes.
fn max_stage_len(segment: u64) -> u64 {
    segment.saturating_mul(MAX_GROWTH).saturating_add(MAX_GROWTH_SLACK)
}

fn build(params: &Params, resources: &Resources) -> Result<Arc<dyn Codec>> {
    let chains = parse(params.text(&OF), resources.registry())?;
    let pipelines =
        chains.iter().map(|chain| Pipeline::build(chain, resources, None)).collect::<Result<_>>()?;
    Ok(Arc::new(Auto(Arc::new(Candidates {
        chains,
        pipelines,
        trial: params.size(&TRIAL) as usize,
        margin: params.int(&MARGIN) as u64,
    }))))
}

struct Candidates {
    chains: Vec<Chain>,
    pipelines: Vec<Pipeline>,
    trial: usize,
    margin: u64,
}

#[derive(Clone)]
struct Auto(Arc<Candidates>);

impl Codec for Auto {
    /// The largest memory of any listed chain: its workers, plus two buffers between its stages.
    fn memory(&self, segment: u64) -> Option<Memory> {
        let max_len = max_stage_len(segment);
        let most = |of: fn(Memory) -> u64| {
            let stages =
                |pipeline: &Pipeline| pipeline.memory(max_len).map(of).fold(2 * max_len, u64::saturating_add);
            self.0.pipelines.iter().map(stages).max().unwrap_or(0)
        };
        Some(Memory::new(most(|m| m.encode), most(|m| m.decode)))
    }

    fn worker(&self) -> Box<dyn Worker> {
        Box::new(self.clone())
    }

    fn choice(&self, stored: &[u8]) -> Option<String> {
        let index = varint::read(&mut &*stored).ok()?;
        self.0.chains.get(usize::try_from(index).ok()?).map(ToString::to_string)
    }
}

impl Worker for Auto {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let mut order = self.0.ranked(input, cx)?.into_iter();
        let mut coded = Vec::new();
        loop {
            let Some(index) = order.next() else {
                return Err(Error::limit("every listed chain exceeds a limit on this segment"));
            };
            let lens = match self.0.encode(index, input, &mut coded, cx) {
                Ok(lens) => lens,
                Err(e) if e.kind() == ErrorKind::Limit => continue,
                Err(e) => return Err(e),
            };
            varint::write(out, index as u64);
            for (format, len) in self.0.pipelines[index].formats().iter().zip(&lens) {
                varint::write(out, u64::from(*format));
                varint::write(out, *len);
            }
            out.append(&mut coded);
            return Ok(());
        }
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let rest = &mut &*input;
        let index = varint::read(rest)?;
        let count = self.0.chains.len();
        let chain = usize::try_from(index)
            .ok()
            .and_then(|index| self.0.chains.get(index))
            .ok_or_else(|| Error::corrupt(format!("choice {index} of {count} chains")))?;
        let (mut formats, mut lens) = (Vec::new(), Vec::new());
        for _ in &chain.codecs {
            let format = varint::read(rest)?;
            formats.push(u16::try_from(format).map_err(|_| Error::corrupt(format!("format {format}")))?);
            let len = varint::read(rest)?;
            if len > max_stage_len(raw_len as u64) {
                return Err(Error::corrupt(format!("a stage of {len} bytes for a segment of {raw_len}")));
            }
            lens.push(len);
        }
        if lens.last() != Some(&(rest.len() as u64)) {
            return Err(Error::corrupt("the recorded length of the last stage differs from the bytes left"));
        }
        let pipeline = Pipeline::build(chain, &Resources::default(), Some(&formats))?;
        let mut content = Vec::new();
        let coded = Coded { raw_len: raw_len as u64, stage_lens: &lens, bytes: rest };
        let unchanged = pipeline.worker().decode_stages(coded, 0, None, &mut content, cx)?;
        let content = if unchanged { rest } else { &content[..] };
        if content.len() != raw_len {
            return Err(Error::corrupt(format!("{} bytes where {raw_len} are expected", content.len())));
        }
        out.extend_from_slice(content);
        Ok(())
    }
}

impl Candidates {
    /// Chain indices in order of preference: the first in the list within the margin, then the others by
    /// trial size.
    fn ranked(&self, input: &[u8], cx: &Context) -> Result<Vec<usize>> {
        let trial = sample(input, self.trial);
        let quiet = cx.clone().with_observer(Arc::new(Silent));
        let mut coded = Vec::new();
        let mut sizes = Vec::with_capacity(self.chains.len());
        for index in 0..self.chains.len() {
            cx.check()?;
            match self.encode(index, &trial, &mut coded, &quiet) {
                Ok(_) => sizes.push((coded.len() as u64, index)),
                // A chain that exceeds a limit on the trial is left out.
                Err(e) if e.kind() == ErrorKind::Limit => {}
                Err(e) => return Err(e),
            }
        }
        let smallest = sizes.iter().map(|(size, _)| *size).min().unwrap_or(0);
        let within_margin = |size: u64| size * 100 <= smallest * (100 + self.margin);
        let first = sizes.iter().find(|(size, _)| within_margin(*size)).map(|(_, index)| *index);
        sizes.sort_unstable();
        let others = sizes.iter().map(|(_, index)| *index).filter(|index| Some(*index) != first);
        Ok(first.into_iter().chain(others).collect())
    }

    /// Replaces `coded` with the output of one chain for `input`; returns the length after each stage.
    fn encode(&self, index: usize, input: &[u8], coded: &mut Vec<u8>, cx: &Context) -> Result<Vec<u64>> {
        coded.clear();
        let mut worker = self.pipelines[index].worker();
        let (encoded, lens) = worker.encode(input, coded, false, cx)?;
        if encoded == Encoded::Same {
            coded.extend_from_slice(input);
        }
        match lens.iter().find(|len| **len > max_stage_len(input.len() as u64)) {
            Some(len) => Err(Error::limit(format!("a stage produces {len} bytes from {}", input.len()))),
            None => Ok(lens),
        }
    }
}

/// A trial: `length` bytes in evenly spread parts, or the whole input if it is shorter.
fn sample(input: &[u8], length: usize) -> Vec<u8> {
    if input.len() <= length {
        return input.to_vec();
    }
    let part = length / TRIAL_PARTS;
    let span = input.len() - part;
    let starts = (0..TRIAL_PARTS).map(|i| span / (TRIAL_PARTS - 1) * i / PART_ALIGNMENT * PART_ALIGNMENT);
    starts.flat_map(|start| &input[start..start + part]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        use lab_baselines::{BITSHUFFLE, DELTA, LZ4, PPMD, RLE, STORE, XZ};
        let mut registry = Registry::new();
        let others = [lab_zstd::ZSTD, lab_template::REPAIR, lab_exec::EXEC, lab_stream::file::FILE];
        for entry in [STORE, LZ4, PPMD, XZ, DELTA, BITSHUFFLE, RLE, AUTO].into_iter().chain(others) {
            registry.register(entry);
        }
        registry
    }

    fn codec(text: &str) -> Result<Box<dyn Worker>> {
        let registry = registry();
        let chain = Chain::parse(&registry, text)?;
        assert_eq!(Chain::parse(&registry, &chain.to_string())?.to_string(), chain.to_string());
        let stage = &chain.codecs[0];
        let lab_codec::Build::Codec(build) = stage.entry.build else { unreachable!() };
        Ok(build(&stage.params, &Resources::default().with_registry(&registry))?.worker())
    }

    fn chosen(text: &str, input: &[u8]) -> (u8, usize) {
        let mut out = Vec::new();
        codec(text).unwrap().encode(input, &mut out, &Context::default()).unwrap();
        let mut back = Vec::new();
        codec(text).unwrap().decode(&out, input.len(), &mut back, &Context::default()).unwrap();
        assert!(back == input);
        (out[0], out.len())
    }

    #[test]
    fn the_kind_of_data_decides() {
        let numbers: Vec<u8> = (0..50_000_u32).flat_map(|i| (i * 1001 + i % 7).to_le_bytes()).collect();
        let text: Vec<u8> = (0..20_000_u32)
            .flat_map(|i| format!("line {} of {}\n", i * i % 9973, i % 13).into_bytes())
            .collect();
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..200_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        assert_eq!(chosen("auto", &noise), (0, noise.len() + 5));
        let transforms = [4, 5];
        assert!(transforms.contains(&chosen("auto", &numbers).0));
        assert!(!transforms.contains(&chosen("auto", &text).0));
        assert_eq!(chosen("auto", b""), (0, 3));
    }

    #[test]
    fn the_page_and_the_program_agree() {
        let page = include_str!("../../../docs/formats/codecs.md");
        let bytes = |hex: &str| hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
        let (_, part) = page.split_once("With `auto:of={store/rle,delta}`:").unwrap();
        let vectors = part.lines().skip(2).map_while(|line| line.split_once(" -> "));
        let vectors: Vec<(Vec<u8>, Vec<u8>)> =
            vectors.map(|(raw, coded)| (bytes(raw), bytes(coded))).collect();
        assert_eq!(vectors.len(), 2);
        for (raw, coded) in vectors {
            let mut out = Vec::new();
            let mut worker = codec("auto:of={store/rle,delta}").unwrap();
            worker.encode(&raw, &mut out, &Context::default()).unwrap();
            assert_eq!(out, coded);
            out.clear();
            worker.decode(&coded, raw.len(), &mut out, &Context::default()).unwrap();
            assert_eq!(out, raw);
        }
    }

    #[test]
    fn the_margin_prefers_what_stands_first() {
        let words = ["to", "be", "or", "not", "that", "is", "question", "the"];
        let word = |i: u64| words[(i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize % 8];
        let text: Vec<u8> = (0..40_000).flat_map(|i| format!("{} ", word(i * i)).into_bytes()).collect();
        assert_eq!(chosen("auto:{zstd:1/zstd:19}:margin=0", &text).0, 1);
        assert_eq!(chosen("auto:{zstd:1/zstd:19}:margin=1000", &text).0, 0);
        assert_eq!(chosen("auto:of={zstd:level=1/repair:coder=raw,zstd:19}:margin=0:trial=4K", &text).0, 1);
    }

    #[test]
    fn lists_that_make_no_sense_are_refused() {
        for list in
            ["zstd", "{}", "{zstd//xz}", "{auto}", "{zstd,file}", "{zstd:1/nonsense}", "{exec:no-such}"]
        {
            assert!(codec(&format!("auto:of={list}")).is_err(), "{list}");
        }
    }

    #[test]
    fn a_trial_reaches_from_the_first_byte_to_near_the_last() {
        let input: Vec<u8> = (0..1_000_000_u32).map(|i| (i >> 12) as u8).collect();
        let trial = sample(&input, 64 << 10);
        assert_eq!((trial.len(), trial[0]), (64 << 10, 0));
        assert!(trial[trial.len() - 1] >= ((999_999 - 64) >> 12) as u8);
    }
}
