//! A page of content, each byte coloured by its cost in bits. It has no script: a byte's details are in its
//! `title` attribute.

mod content;
#[cfg(test)]
mod tests;

use std::ops::Range;

use lab_codec::costs::{Costs, Token};

use super::draw::palette;
use super::html::safe::escape;
use super::html::{self, STYLE};
use super::text::{self, count, number, readable, visible};
use lab_stream::container::SegmentHeader;

const HEAT_STYLE: &str = include_str!("heat.css");

/// Boundaries between the colours, in bits per byte; there is one more colour than boundaries.
const EDGES: [f64; 8] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// Size of a region in bytes, and the number of listed regions.
const REGION: usize = 64;
const DEAREST: usize = 20;

/// A part of a file's content, and its cost.
pub struct Heat {
    /// The file's name.
    pub name: String,
    /// Its chain.
    pub chain: String,
    /// The stages of the chain.
    pub stages: Vec<String>,
    /// Bytes of the whole content.
    pub bytes: u64,
    /// The shown range, within `segments`.
    pub range: Range<u64>,
    /// The segments that overlap it, in order.
    pub segments: Vec<Segment>,
}

/// A segment, and its costs.
pub struct Segment {
    /// Its header in the stream.
    pub header: SegmentHeader,
    /// The costs of its tokens.
    pub costs: Costs,
}

/// The displayed part of a token.
#[derive(Clone, Copy)]
struct Piece<'a> {
    /// Offset of its first shown byte within the shown range.
    at: usize,
    bytes: &'a [u8],
    token: &'a Token,
    segment: &'a Segment,
}

impl Heat {
    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.segments.iter().flat_map(move |segment| {
            let offset = segment.header.raw_offset;
            segment.costs.tokens.iter().filter_map(move |token| {
                let (start, end) =
                    (offset + u64::from(token.start), offset + u64::from(token.start + token.len));
                let (from, to) = (start.max(self.range.start), end.min(self.range.end));
                let bytes =
                    segment.costs.text.get((from - offset) as usize..to.checked_sub(offset)? as usize)?;
                let at = (from - self.range.start) as usize;
                (!bytes.is_empty()).then_some(Piece { at, bytes, token, segment })
            })
        })
    }

    /// Cost of the shown range in bits.
    pub fn bits(&self) -> f64 {
        self.pieces().map(|piece| piece.token.per_byte * piece.bytes.len() as f64).sum()
    }
}

/// The colour index of a cost in bits per byte.
fn level(per_byte: f64) -> usize {
    EDGES.partition_point(|&edge| edge <= per_byte)
}

/// The page.
pub fn page(heat: &Heat) -> String {
    let title = visible(&heat.name);
    let style = format!("{}{STYLE}{HEAT_STYLE}", palette::heat_css());
    let mut html = html::head(&title, &style, None);
    let shown = heat.range.end - heat.range.start;
    let bits = heat.bits();
    html += &format!(
        "<header>\n<h1><bdi>{}</bdi></h1>\n<p class=\"lead\"><bdi>{}</bdi> · bytes {} to {} of {} · {} bits, \
         {} a byte</p>\n</header>\n<main>\n",
        escape(&title),
        escape(&text::chain(&heat.chain)),
        count(heat.range.start),
        count(heat.range.end),
        count(heat.bytes),
        count(bits.round() as u64),
        ratio(bits, shown as f64)
    );
    html += &legend();
    html += &sums(heat);
    let blocks = content::Blocks::of(heat);
    html += &dearest(heat, &blocks);
    html += "<section aria-labelledby=\"h-content\">\n<h2 id=\"h-content\">Content</h2>\n";
    content::write(heat, &blocks, &mut html);
    html + "</section>\n</main>\n</body>\n</html>\n"
}

fn ratio(a: f64, b: f64) -> String {
    if b > 0.0 { number(a / b) } else { "-".to_string() }
}

fn legend() -> String {
    let name = |i: usize| match i {
        0 => format!("below {}", EDGES[0]),
        8 => format!("{} and more", EDGES[7]),
        _ => format!("{} to {}", EDGES[i - 1], EDGES[i]),
    };
    let items: String = (0..=EDGES.len()).map(|i| format!("<li class=\"h{i}\">{}</li>", name(i))).collect();
    format!(
        "<section aria-labelledby=\"h-legend\">\n<h2 id=\"h-legend\">Bits per byte</h2>\n\
         <ul class=\"legend\">{items}</ul>\n\
         <p>The cost of a token is -log2 of its coded probability, or with <code>coder=raw</code> its length \
         in bits. It is spread over the token's bytes. The cost of a rule's definition beside its symbols is \
         spread over the rule's first occurrence. Point at a byte to see token and rule.</p>\n</section>\n"
    )
}

/// The sizes of the segments after each stage.
fn sums(heat: &Heat) -> String {
    let mut html = "<section aria-labelledby=\"h-sums\">\n<h2 id=\"h-sums\">Segments</h2>\n".to_string();
    if let [first, _, ..] = &heat.stages[..] {
        html += &format!(
            "<p>Colours show the output of <code>{}</code>. The following stages code its bytes, not positions \
             of the content: the table shows their average over the segment.</p>\n",
            escape(&visible(first))
        );
    }
    html += "<div class=\"scroll\">\n<table>\n<thead><tr><th class=\"n\">segment</th><th class=\"n\">offset</th>\
             <th class=\"n\">bytes</th><th class=\"n\">rules</th><th class=\"n\">tokens</th><th class=\"n\">head</th>\
             <th class=\"n\">rounding</th>";
    for stage in &heat.stages {
        html += &format!(
            "<th class=\"n\">after <bdi>{}</bdi></th><th class=\"n\">bits per byte</th>",
            escape(&visible(stage))
        );
    }
    html += "</tr></thead>\n<tbody>\n";
    for Segment { header, costs } in &heat.segments {
        let encoded = header.stage_lens.first().copied().unwrap_or(header.raw_len) as f64;
        let (tokens, head) = (costs.bits / 8.0, costs.head as f64);
        html += &format!(
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{tokens:.1}</td><td class=\"n\">{head}</td><td class=\"n\">{:.1}</td>",
            header.number,
            count(header.raw_offset),
            count(header.raw_len),
            count(costs.rules.len() as u64),
            encoded - tokens - head
        );
        for stage in 0..heat.stages.len() {
            html += &match header.stage_lens.get(stage) {
                Some(&bytes) => format!(
                    "<td class=\"n\">{}</td><td class=\"n\">{}</td>",
                    count(bytes),
                    ratio(8.0 * bytes as f64, header.raw_len as f64)
                ),
                None => "<td class=\"n\">bypassed</td><td class=\"n\">8</td>".to_string(),
            };
        }
        html += "</tr>\n";
    }
    html + "</tbody>\n<caption>Tokens, head (coder, lengths of lanes) and rounding are bytes of the first \
            stage's output.</caption>\n</table>\n</div>\n</section>\n"
}

/// The dearest regions.
fn dearest(heat: &Heat, blocks: &content::Blocks) -> String {
    let shown = &blocks.bytes;
    let mut costs: Vec<(usize, f64)> = (0..shown.len().div_ceil(REGION)).map(|i| (i, 0.0)).collect();
    for Piece { at, bytes, token, .. } in heat.pieces() {
        let (mut from, end) = (at, at + bytes.len());
        while from < end {
            let region = from / REGION;
            let to = ((region + 1) * REGION).min(end);
            costs[region].1 += token.per_byte * (to - from) as f64;
            from = to;
        }
    }
    costs.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut html = format!(
        "<section aria-labelledby=\"h-dearest\">\n<h2 id=\"h-dearest\">Dearest regions</h2>\n<div class=\"scroll\">\n<table>\n\
         <caption>Of {REGION} bytes each.</caption>\n<thead><tr><th class=\"n\">offset</th><th class=\"n\">bits</th>\
         <th class=\"n\">a byte</th><th>text</th></tr></thead>\n<tbody>\n"
    );
    for &(region, bits) in costs.iter().take(DEAREST) {
        let bytes = &shown[region * REGION..((region + 1) * REGION).min(shown.len())];
        let per_byte = bits / bytes.len() as f64;
        html += &format!(
            "<tr><td class=\"n\"><a href=\"#o{}\">{}</a></td><td class=\"n\">{bits:.0}</td>\
             <td class=\"n h{}\">{}</td><td><code>{}</code></td></tr>\n",
            heat.range.start + blocks.start_of(region * REGION) as u64,
            count(heat.range.start + (region * REGION) as u64),
            level(per_byte),
            number(per_byte),
            escape(&visible(&readable(bytes)))
        );
    }
    html + "</tbody>\n</table>\n</div>\n</section>\n"
}
