use lab_codec::costs::{Defined, Kind};

use super::*;

/// Costs of a segment: tokens of 1, 2, 3 bytes in turn, of which the longer ones are uses of one rule, and a
/// definition around the first three.
fn costs(raw: &[u8], range: Range<usize>) -> Costs {
    let rule = Defined { start: 0, len: raw.len().min(6) as u32, width: 3, uses: 2, depth: 1, bits: 3.0 };
    let mut costs = Costs { rules: vec![rule], ..Costs::of_bytes(raw.to_vec()) };
    (costs.bits, costs.tokens) = (0.0, Vec::new());
    let mut start = 0;
    while start < raw.len() {
        let len = (1 + costs.tokens.len() % 3).min(raw.len() - start);
        let kind = if len == 1 { Kind::Byte } else { Kind::Use(0) };
        let inside = (start < 6).then_some(0);
        let bits = 1.5 + len as f64 / 4.0;
        let per_byte = bits / len as f64;
        costs.tokens.push(Token { start: start as u32, len: len as u32, kind, inside, bits, per_byte });
        costs.bits += bits;
        start += len;
    }
    let shown = |token: &Token| {
        (token.start as usize) < range.end && (token.start + token.len) as usize > range.start
    };
    costs.tokens.retain(shown);
    costs
}

/// The page of a part of a content, in segments of `size` bytes.
fn heat(content: &[u8], size: usize, range: Range<u64>) -> Heat {
    let segment = |(number, raw): (usize, &[u8])| {
        let offset = number * size;
        let inside = |at: u64| (at as usize).saturating_sub(offset).min(raw.len());
        let header = SegmentHeader {
            tag: 0,
            number: number as u64,
            raw_offset: offset as u64,
            raw_len: raw.len() as u64,
            bypassed: false,
            stage_lens: vec![raw.len() as u64 / 2],
            raw_crc: 0,
            stored_crc: 0,
        };
        Segment { header, costs: costs(raw, inside(range.start)..inside(range.end)) }
    };
    Heat {
        name: "<name>".into(),
        chain: "repair".into(),
        stages: vec!["repair".into()],
        bytes: content.len() as u64,
        range: range.clone(),
        segments: content.chunks(size).enumerate().map(segment).collect(),
    }
}

/// What a browser shows of the content.
fn shown(page: &str) -> String {
    let content = page.split_once("<div class=\"content\">").unwrap().1;
    let mut text = String::new();
    let mut rest = content;
    while let Some((before, tag)) = rest.split_once('<') {
        text += before;
        rest = tag.split_once('>').unwrap().1;
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[test]
fn ranges_over_segments_are_whole() {
    let content = "A line of text, and \"another\" <one>.\n".repeat(300).into_bytes();
    for range in [0..content.len() as u64, 10..11, 900..3100, 1024..2048, 5..5] {
        let heat = heat(&content, 1024, range.clone());
        let expected = &content[range.start as usize..range.end as usize];
        let blocks = content::Blocks::of(&heat);
        assert_eq!(blocks.bytes, expected);
        let mut html = String::from("<div class=\"content\">");
        content::write(&heat, &blocks, &mut html);
        let text: String = shown(&html).replace('↵', "");
        let found: String = text
            .lines()
            .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ','))
            .collect();
        let expected = String::from_utf8(expected.to_vec()).unwrap().replace('\n', "");
        assert_eq!(found.replace(char::is_whitespace, ""), expected.replace(char::is_whitespace, ""));
        let all: f64 = heat.segments.iter().map(|s| s.costs.bits).sum();
        if expected.len() as u64 + 300 == heat.bytes {
            assert!((heat.bits() - all).abs() < 1e-6 * all);
        } else {
            assert!(heat.bits() < all);
        }
    }
}

#[test]
fn nothing_of_the_content_is_markup() {
    let hostile = "</pre></span><script>alert(1)</script><b>x\" title='\u{202e}\u{0}&#10;\u{1b}[31m";
    let content = hostile.repeat(200).into_bytes();
    let page = page(&heat(&content, 4096, 0..content.len() as u64));
    assert!(!page.contains("<script") && !page.contains("<b>") && page.contains("&lt;b"), "markup");
    assert!(!page.contains(['\u{202e}', '\0', '\u{1b}']));
    assert!(page.contains("<title>&lt;name&gt;</title>") && page.contains("script-src 'none'"));
}

#[test]
fn bytes_that_are_no_text_are_in_hexadecimal() {
    let content: Vec<u8> = (0..2000_u32).map(|i| ((i * i) >> 3) as u8 & 0x9F).collect();
    let heat = heat(&content, 4096, 0..2000);
    let page = page(&heat);
    let digits: Vec<u8> = shown(&page)
        .split_whitespace()
        .filter(|word| word.len() == 2)
        .map(|word| u8::from_str_radix(word, 16).unwrap())
        .collect();
    // Offsets stand before the first byte of their block: those of the second block are missing here.
    assert!(digits.len() >= content.len() - 2 && page.contains("id=\"o1024\""), "{}", digits.len());
}

#[test]
fn colours_are_by_bits() {
    assert_eq!([0.0, 0.125, 0.9, 1.0, 8.0, 15.9, 1e9].map(level), [0, 1, 3, 4, 7, 7, 8]);
    assert_eq!(EDGES.len() + 1, palette::HEAT[0].len());
}
