//! `lab inspect --heat`: a page that colours each position of the content by its cost in bits.

use std::ops::Range;
use std::path::{Path, PathBuf};

use lab_codec::{Error, Result, format_size};

use super::super::bounds::Bounds;
use super::super::report_json;
use super::super::template::segments::Segments;
use super::{App, Args, print, print_json};
use lab_report::heat::{self, Heat};
use lab_stream::output::Output;

/// Bytes of content on a page: the default, and the maximum.
const DEFAULT_SHOWN: u64 = 256 << 10;
const MAX_SHOWN: u64 = 1 << 20;

/// The options of the page.
#[derive(clap::Args)]
pub(super) struct HeatArgs {
    /// Write a page that colours the content by the bits that each position costs
    #[arg(long, conflicts_with = "segments")]
    pub heat: bool,
    /// Bytes A..B of the content for that page; sizes take K, M, G, and B may be +LENGTH [default: 0..256K]
    #[arg(id = "heat_range", long = "heat-range", value_name = "A..B", requires = "heat")]
    range: Option<String>,
    /// Where to write that page, or - for standard output [default: heat.html]
    #[arg(long, short, value_name = "OUT", requires = "heat")]
    output: Option<PathBuf>,
    /// Replace a page that exists
    #[arg(long, short, requires = "heat")]
    force: bool,
}

#[derive(serde::Serialize)]
struct Report<'a> {
    path: String,
    page: String,
    chain: &'a str,
    bytes: u64,
    /// Shown range of the content: first byte, and one past the last.
    range: [u64; 2],
    /// Cost of that range in bits.
    bits: f64,
    segments: Vec<Segment>,
}

#[derive(serde::Serialize)]
struct Segment {
    number: u64,
    offset: u64,
    bytes: u64,
    bypassed: bool,
    stage_bytes: Vec<u64>,
    /// Bits of all tokens, and bytes before the tokens: together about the output of the first stage.
    token_bits: f64,
    head_bytes: u64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let path = args.input.display().to_string();
    let at_input = |e: Error| e.at(path.clone());
    let bounds = args.heat.range.as_deref().map(Bounds::parse).transpose()?;
    let segments = Segments::open(&args.input, &args.work, args.talk.quiet, app)?;
    let range = range(bounds, segments.bytes()).map_err(at_input)?;
    let page = args.heat.output.as_deref().unwrap_or(Path::new("heat.html"));
    let mut output = Output::open(page, args.heat.force)?;
    output.made_of_parts(&args.input)?;
    let mut heat = Heat {
        name: args.input.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        chain: segments.chain().to_string(),
        stages: segments.stages().collect(),
        bytes: segments.bytes(),
        range: range.clone(),
        segments: Vec::new(),
    };
    for number in segments.covering(&range) {
        segments.cx.check()?;
        let (header, costs) = segments.costs(number, &range).map_err(at_input)?;
        heat.segments.push(heat::Segment { header, costs });
    }
    output
        .sink()?
        .write_all(heat::page(&heat).as_bytes())
        .map_err(|e| Error::from(e).at(page.display().to_string()))?;
    output.commit()?;
    let taken = page == Path::new("-");
    if !args.talk.json {
        return if taken { Ok(()) } else { print(&format!("{}\n", page.display())) };
    }
    let report = Report {
        path: path.clone(),
        page: page.display().to_string(),
        chain: segments.chain(),
        bytes: segments.bytes(),
        range: [range.start, range.end],
        bits: heat.bits(),
        segments: heat.segments.iter().map(segment).collect(),
    };
    if taken { report_json(&report, true) } else { print_json(&report) }
}

fn segment(heat::Segment { header, costs }: &heat::Segment) -> Segment {
    Segment {
        number: header.number,
        offset: header.raw_offset,
        bytes: header.raw_len,
        bypassed: header.bypassed,
        stage_bytes: header.stage_lens.clone(),
        token_bits: costs.bits,
        head_bytes: costs.head,
    }
}

/// The shown range of a content of `bytes` bytes.
fn range(bounds: Option<Bounds>, bytes: u64) -> Result<Range<u64>> {
    let Some(Bounds { start, end }) = bounds else { return Ok(0..bytes.min(DEFAULT_SHOWN)) };
    let end = end.unwrap_or(bytes);
    if start > end || end > bytes {
        return Err(Error::usage(format!("range {start}..{end} is not within the content of {bytes} bytes")));
    }
    if end - start > MAX_SHOWN {
        let most = format_size(MAX_SHOWN);
        return Err(Error::usage(format!(
            "a page shows at most {most} of content; give a shorter --heat-range"
        )));
    }
    Ok(start..end)
}
