//! The content itself, as text or in hexadecimal, in blocks that a browser can skip.

use std::ops::Range;

use lab_codec::costs::Kind;

use super::{Heat, Piece, level};
use crate::html::safe::escape;
use crate::text::{count, is_format, number, readable, visible};

/// Minimum size of a block in bytes. Blocks of text extend to the end of the line, up to twice this size.
const BLOCK: usize = 1 << 10;

/// Bytes of a row in hexadecimal.
const ROW: usize = 16;

/// Maximum length of a rule's text in titles, in bytes.
const TITLE: usize = 48;

/// The shown bytes, cut into blocks.
pub(super) struct Blocks {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Offsets of the blocks, and of the end.
    cuts: Vec<usize>,
    hexadecimal: bool,
}

impl Blocks {
    /// Cuts the content of `heat`.
    pub(super) fn of(heat: &Heat) -> Self {
        let mut bytes = Vec::with_capacity((heat.range.end - heat.range.start) as usize);
        heat.pieces().for_each(|piece| bytes.extend_from_slice(piece.bytes));
        let hexadecimal = !is_text(&bytes);
        let mut cuts = vec![0];
        let mut at = 0;
        while at < bytes.len() {
            let least = (at + BLOCK).min(bytes.len());
            let most = (at + 2 * BLOCK).min(bytes.len());
            let line =
                bytes[least..most].iter().position(|&byte| byte == b'\n').map_or(most, |n| least + n + 1);
            at = if hexadecimal { least } else { line };
            cuts.push(at);
        }
        Self { bytes, cuts, hexadecimal }
    }

    /// The offset of the block that holds a byte.
    pub(super) fn start_of(&self, at: usize) -> usize {
        self.cuts[self.cuts.partition_point(|&cut| cut <= at).saturating_sub(1)]
    }
}

/// Whether most bytes belong to printable characters.
fn is_text(bytes: &[u8]) -> bool {
    let odd = |c: char| c.is_control() && !c.is_ascii_whitespace();
    let unreadable: usize = bytes
        .utf8_chunks()
        .map(|chunk| chunk.invalid().len() + chunk.valid().chars().filter(|&c| odd(c)).count())
        .sum();
    unreadable * 10 <= bytes.len()
}

/// Appends the blocks to `html`.
pub(super) fn write(heat: &Heat, blocks: &Blocks, html: &mut String) {
    *html += "<div class=\"content\">\n";
    let mut next = blocks.cuts.windows(2).map(|pair| pair[0]..pair[1]);
    let mut block = 0..0;
    for piece in heat.pieces() {
        let title = title(&piece, heat.segments.len() > 1);
        let (mut at, end) = (piece.at, piece.at + piece.bytes.len());
        while at < end {
            if at == block.end {
                begin(heat, &mut block, &mut next, html);
            }
            let to = end.min(block.end);
            span(
                &blocks.bytes,
                at..to,
                block.start,
                blocks.hexadecimal,
                (level(piece.token.per_byte), &title),
                html,
            );
            at = to;
        }
    }
    *html += if block.start < block.end { "</pre></div>\n</div>\n" } else { "</div>\n" };
}

/// Ends a block and begins the next one.
fn begin(
    heat: &Heat,
    block: &mut Range<usize>,
    next: &mut impl Iterator<Item = Range<usize>>,
    html: &mut String,
) {
    if block.start < block.end {
        *html += "</pre></div>\n";
    }
    // As many bytes are in blocks as in pieces.
    *block = next.next().unwrap_or(block.end..usize::MAX);
    let offset = heat.range.start + block.start as u64;
    *html +=
        &format!("<div class=\"block\" id=\"o{offset}\"><a href=\"#o{offset}\">{}</a><pre>", count(offset));
}

/// Appends bytes of one token within one block that begins at `start`.
fn span(
    all: &[u8],
    range: Range<usize>,
    start: usize,
    hexadecimal: bool,
    (level, title): (usize, &str),
    html: &mut String,
) {
    *html += &format!("<span class=h{level} title=\"{title}\">");
    if hexadecimal {
        for at in range {
            let column = (at - start) % ROW;
            let before = if column == 0 && at > start { "\n" } else { "" };
            let after = if column == ROW / 2 - 1 { "  " } else { " " };
            *html += &format!("{before}{:02x}{after}", all[at]);
        }
    } else {
        for chunk in all[range].utf8_chunks() {
            chunk.valid().chars().for_each(|c| character(c, html));
            chunk.invalid().iter().for_each(|byte| *html += &format!("<i>{byte:02x}</i>"));
        }
    }
    *html += "</span>";
}

fn character(c: char, html: &mut String) {
    match c {
        '\n' => *html += "<i>↵</i>\n",
        '\t' => *html += "<i>⇥</i>\t",
        ' ' => html.push(' '),
        c if c.is_control() || c.is_whitespace() || is_format(c) => {
            let mut bytes = [0; 4];
            *html += "<i>";
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| *html += &format!("{byte:02x}"));
            *html += "</i>";
        }
        c => *html += &escape(c.encode_utf8(&mut [0; 4])),
    }
}

/// The details of a token, escaped for an attribute.
fn title(piece: &Piece, several: bool) -> String {
    let Piece { token, segment, bytes, .. } = piece;
    let costs = &segment.costs;
    let mut title = match token.kind {
        Kind::Stored => "8 bits a byte: stored raw".to_string(),
        Kind::Byte => format!("{} bits: byte {:02x} \"{}\"", number(token.bits), bytes[0], readable(bytes)),
        Kind::Entry(note) | Kind::Again(note) => format!(
            "{} bits: note {note} {}, {} bytes",
            number(token.bits),
            if matches!(token.kind, Kind::Entry(_)) { "of the dictionary" } else { "of this segment, again" },
            count(token.len.into())
        ),
        Kind::Use(rule) => format!(
            "{} bits, {} a byte: {}",
            number(token.bits),
            number(token.bits / f64::from(token.len)),
            describe(rule, segment)
        ),
    };
    if let Some(rule) = token.inside {
        let bits = costs.rules.get(rule as usize).map_or(0.0, |rule| rule.bits);
        title += &format!(
            "\n{} a byte with its definitions; the innermost costs {} bits: {}",
            number(token.per_byte),
            number(bits),
            describe(rule, segment)
        );
    }
    if several {
        title += &format!("\nsegment {}", segment.header.number);
    }
    // Of the control characters, only line ends are kept.
    let lines: Vec<String> = title.lines().map(|line| escape(&visible(line))).collect();
    lines.join("&#10;")
}

/// A description of a rule, with its text.
fn describe(number: u32, segment: &super::Segment) -> String {
    let costs = &segment.costs;
    let Some(rule) = costs.rules.get(number as usize) else { return format!("rule {number}") };
    let text = costs.rule_text(rule, TITLE);
    let more = if rule.len as usize > TITLE { " ..." } else { "" };
    format!(
        "rule {number}, {} bytes in {} symbols, used {} times, depth {}: \"{}\"{more}",
        count(rule.len.into()),
        count(rule.width.into()),
        count(rule.uses.into()),
        rule.depth,
        readable(text)
    )
}
