//! The page as a parser sees it: well formed, complete, closed to the outside, deaf to hostile names.

use std::collections::HashSet;

use super::page;
use crate::charts::Families;
use crate::{figures, fixture};
use lab_bench::results::{Environment, Results};

/// Elements of the page that have no end.
const VOID: [&str; 1] = ["meta"];

/// The elements of a page in order, with their attributes; fails where ends do not match beginnings or where
/// a character that means something stands alone.
fn parse(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut rest = html.strip_prefix("<!doctype html>").expect("a document type");
    let (mut open, mut elements) = (Vec::<String>::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a bare > in {:?}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("an end of the tag");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
        let (name, mut inside) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{name:?}");
        let mut attributes = Vec::new();
        while !inside.trim().is_empty() {
            inside = inside.trim_start();
            let cut = inside.find(['=', ' ']).unwrap_or(inside.len());
            let key = inside[..cut].to_string();
            inside = &inside[cut..];
            let mut value = String::new();
            if let Some(quoted) = inside.strip_prefix("=\"") {
                let (v, left) = quoted.split_once('"').expect("a closing quote");
                (value, inside) = (v.to_string(), left);
            }
            assert!(!value.contains(['<', '>', '\'']) || key == "content", "{key}={value}");
            attributes.push((key, value));
        }
        if name == "script" || name == "style" {
            let (text, left) = rest.split_once(&format!("</{name}>")).expect("an end of raw text");
            assert!(!text.contains("</"), "markup inside of {name}");
            rest = left;
        } else if !closed && !VOID.contains(&name) {
            open.push(name.to_string());
        }
        elements.push((name.to_string(), attributes));
    }
    assert_eq!(open, Vec::<String>::new());
    elements
}

fn page_of(runs: &[&Results]) -> String {
    let families = Families::of(runs.iter().copied());
    let figures: Vec<_> = runs.iter().map(|r| figures(r, &families)).collect();
    page(runs, &figures, &families, None).unwrap()
}

/// Fails where anything could be loaded, run or followed.
fn closed(html: &str) {
    for (name, attributes) in parse(html) {
        assert!(
            ![
                "a",
                "link",
                "img",
                "iframe",
                "object",
                "embed",
                "base",
                "form",
                "image",
                "use",
                "foreignObject",
                "b"
            ]
            .contains(&name.as_str()),
            "{name}"
        );
        for (key, value) in attributes {
            assert!(
                !key.starts_with("on") && !["src", "href", "style", "xlink:href"].contains(&key.as_str()),
                "{key}"
            );
            assert!(key == "xmlns" || !value.contains("://"), "{key}={value}");
        }
    }
}

/// Results as a reader of JSON gets them: the last bit of a fraction may differ.
fn read(results: &Results) -> Results {
    Results::parse(&serde_json::to_string(results).unwrap()).unwrap()
}

/// The JSON inside of a script element.
fn data(html: &str, id: &str) -> serde_json::Value {
    let (_, text) = html.split_once(&format!("<script type=\"application/json\" id=\"{id}\">")).unwrap();
    serde_json::from_str(text.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn one_run_is_a_closed_page_with_every_cell() {
    let results = fixture::everything();
    let html = page_of(&[&results]);
    closed(&html);
    let (_, table) = html.split_once("<table id=\"cells\">").unwrap();
    assert_eq!(
        table.split_once("</table>").unwrap().0.matches("<tr data-corpus").count(),
        results.cells.len()
    );
    assert!(
        html.contains("<strong class=\"bad\">1 FAILED</strong>") && html.contains("FAIL: byte 17 differs")
    );
    let inlined: Vec<Results> = serde_json::from_value(data(&html, "results")).unwrap();
    assert!(inlined == [read(&results)]);
}

#[test]
fn two_runs_stand_side_by_side_on_the_same_axes() {
    let (a, mut b) = (fixture::everything(), fixture::everything());
    b.cells.truncate(30);
    b.name = "other".into();
    let dir = tempfile::tempdir().unwrap();
    let path = crate::write(&[&a, &b], Some("both"), dir.path(), &[], false).unwrap();
    let html = std::fs::read_to_string(path).unwrap();
    closed(&html);
    assert!(html.contains("<title>both</title>") && html.contains("id=\"differences\""));
    let figures = data(&html, "data");
    assert_eq!(figures["figures"][0][0]["x"]["range"], figures["figures"][1][0]["x"]["range"]);
    assert!(dir.path().join("charts/ratio-encode-b.svg").exists());
}

#[test]
fn hostile_names_stay_text() {
    let names = [
        "</script><b>x",
        "<script>alert(1)</script>",
        "\" onmouseover=\"alert(1)",
        "' onload='alert(1)",
        "<!--<script>",
        "]]></style><img src=x onerror=alert(1)>",
        "line\nbreak\rand\0zero",
        "\u{202e}gnp.exe\u{202c}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "&lt;&amp;&#60;",
        "{{7*7}}${7*7}\\u003c",
        "\u{2028}\u{2029}\u{feff}\u{fffe}",
        "",
        "../../etc/passwd",
        "javascript:alert(1)",
    ];
    let mut cells = Vec::new();
    for name in names {
        for chain in ["zstd", name] {
            let mut cell = fixture::cell(name, name, chain, 1000, 400);
            cell.error = (chain == name).then(|| name.to_string());
            cell.channel = name.to_string();
            cells.push(cell);
        }
    }
    let mut results = fixture::results(cells);
    results.name = names.join(" ");
    results.environment = Environment {
        cpu: names.join(""),
        command: names.map(str::to_string).to_vec(),
        codec_versions: names.map(|n| (n.to_string(), n.to_string())).into(),
        manifests: names.map(|n| (n.to_string(), n.to_string())).into(),
        ..Environment::default()
    };
    let html = page_of(&[&results, &results]);
    closed(&html);
    assert!(!html.contains(['\0', '\r', '\u{202e}', '\u{2028}', '\u{feff}', '\u{fffe}']));
    assert!(html.contains("&lt;/script&gt;&lt;b&gt;x"));
    let inlined: Vec<Results> = serde_json::from_value(data(&html, "results")).unwrap();
    assert!(inlined == [read(&results), read(&results)]);
    // Only elements that the page makes itself.
    let known: HashSet<&str> = "html head meta title style body header h1 bdi p strong nav main section h2 h3 div table \
        caption thead tbody tr th td figure figcaption svg text line rect circle polyline polygon ul li dl dt dd script \
        details summary"
        .split_whitespace()
        .collect();
    for (name, _) in parse(&html) {
        assert!(known.contains(name.as_str()), "{name}");
    }
    for figure in figures(&results, &Families::of([&results])) {
        closed(&format!("<!doctype html>{}", crate::draw::svg(&figure).unwrap()));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn any_name_stays_text(name in "\\PC{0,12}|[<>&\"'/!a-z =-]{0,16}|.{0,8}", error in "[<>&\"'/script -]{0,20}") {
        let mut failed = fixture::cell(&name, &name, &name, 1000, 400);
        failed.error = Some(error);
        let results = fixture::results(vec![fixture::cell("c", &name, "zstd", 1000, 400), failed]);
        closed(&page_of(&[&results]));
    }
}
