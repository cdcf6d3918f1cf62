//! A self-contained page: complete with tables and pictures, enhanced by a script.
//!
//! A content security policy admits only this script and style, by hash. So even a name that escaped the
//! escaping could not run or load anything.

pub(super) mod safe;
mod table;
mod tables;
#[cfg(test)]
mod tests;

use lab_codec::Result;

use super::charts::{CHARTS, Families};
use super::compare::Comparison;
use super::draw::{self, palette};
use super::figure::{Figure, Tone};
use super::summary::failed;
use super::text;
use lab_bench::results::Results;
pub use safe::escape;

pub(super) const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Data for the script beside the results.
#[derive(serde::Serialize)]
struct Data<'a> {
    figures: &'a [Vec<Figure>],
    families: &'a [String],
}

/// The page of one run or two.
///
/// # Errors
/// Where a picture cannot be drawn.
pub fn page(
    runs: &[&Results],
    figures: &[Vec<Figure>],
    families: &Families,
    title: Option<&str>,
) -> Result<String> {
    let names: Vec<String> = runs.iter().map(|r| text::visible(&r.name)).collect();
    let title = title.map_or_else(|| names.join(" and "), text::visible);
    let style = format!("{}{STYLE}", palette::css());
    let mut html = head(&title, &style, Some(SCRIPT));
    html += &format!("<header>\n<h1><bdi>{}</bdi></h1>\n", escape(&title));
    for (run, results) in runs.iter().enumerate() {
        html += &lead(results, &tables::run_name(runs, run));
    }
    html += "</header>\n<nav id=\"controls\" aria-label=\"What is shown\" hidden></nav>\n<main>\n";
    if let [old, new] = runs {
        html += &differences(&Comparison::new(old, new));
    }
    html += "<section aria-labelledby=\"h-sums\">\n<h2 id=\"h-sums\">Chains</h2>\n";
    html += &tables::sums(runs);
    html += "</section>\n";
    html += "<section aria-labelledby=\"h-charts\">\n<h2 id=\"h-charts\">Charts</h2>\n";
    for chart in CHARTS {
        html += &pictures(chart.name(), figures, runs)?;
    }
    html += "</section>\n<section aria-labelledby=\"h-stages\">\n<h2 id=\"h-stages\">Stages</h2>\n";
    html += &tables::stages(runs);
    html += "</section>\n<section aria-labelledby=\"h-cells\">\n<h2 id=\"h-cells\">Samples</h2>\n";
    html += &tables::cells(runs);
    html += "</section>\n<section aria-labelledby=\"h-where\">\n<h2 id=\"h-where\">Where it ran</h2>\n";
    html += &environments(runs);
    html += "</section>\n</main>\n";
    let data = Data { figures, families: families.names() };
    html += &format!("<script type=\"application/json\" id=\"data\">{}</script>\n", safe::json(&data)?);
    html += &format!("<script type=\"application/json\" id=\"results\">{}</script>\n", safe::json(&runs)?);
    html += &format!("<script>{SCRIPT}</script>\n</body>\n</html>\n");
    Ok(html)
}

/// A page up to its body. Its policy admits only this style and script.
pub(super) fn head(title: &str, style: &str, script: Option<&str>) -> String {
    let script = script.map_or_else(|| "'none'".to_string(), safe::hash_source);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {script}; \
         style-src {}; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n",
        safe::hash_source(style),
        escape(title)
    )
}

/// A run in one line.
fn lead(results: &Results, run: &str) -> String {
    let cells = results.cells.len();
    let bad = results.cells.iter().filter(|c| failed(c)).count();
    let mut words = Vec::new();
    if !run.is_empty() {
        words.push(format!("<strong>{run}</strong> <bdi>{}</bdi>", escape(&text::visible(&results.name))));
    }
    if results.environment.unix_time > 0 {
        words.push(text::date(results.environment.unix_time));
    }
    if !results.environment.cpu.is_empty() {
        words.push(escape(&text::visible(&results.environment.cpu)));
    }
    words.push(match bad {
        0 => format!("{cells} cells, all verified"),
        bad => format!("{cells} cells, <strong class=\"bad\">{bad} FAILED</strong>"),
    });
    format!("<p class=\"lead\">{}</p>\n", words.join(" · "))
}

/// The pictures of one chart over all samples, one for each run.
fn pictures(chart: &str, figures: &[Vec<Figure>], runs: &[&Results]) -> Result<String> {
    let mine: Vec<Option<&Figure>> =
        figures.iter().map(|run| run.iter().find(|f| f.chart == chart && f.corpus.is_none())).collect();
    let Some(first) = mine.iter().copied().flatten().next() else { return Ok(String::new()) };
    let mut html = format!(
        "<figure data-chart=\"{chart}\" aria-labelledby=\"f-{chart}\">\n<figcaption><h3 id=\"f-{chart}\">{}</h3>\
         <p>{}</p></figcaption>\n<div class=\"plots\">\n",
        escape(&first.title),
        escape(&first.caption)
    );
    for (run, figure) in mine.iter().enumerate() {
        html += &format!("<div class=\"run\" data-run=\"{run}\">");
        if runs.len() > 1 {
            let name = text::visible(&runs[run].name);
            html += &format!(
                "<p class=\"which\"><strong>{}</strong> <bdi>{}</bdi></p>",
                tables::run_name(runs, run),
                escape(&name)
            );
        }
        if let Some(figure) = figure {
            html += &format!("<div class=\"plot\">{}</div>\n<ul class=\"notes\">", draw::svg_bare(figure)?);
            for note in &figure.notes {
                let class = if note.tone == Tone::Fail { " class=\"bad\"" } else { "" };
                html += &format!("<li{class}><bdi>{}</bdi></li>", escape(&note.text));
            }
            html += "</ul>";
        } else {
            html += "<div class=\"plot\"></div><ul class=\"notes\"></ul>";
        }
        html += "</div>\n";
    }
    Ok(html + "</div>\n</figure>\n")
}

fn differences(comparison: &Comparison) -> String {
    let mut html = "<section aria-labelledby=\"h-differences\">\n<h2 id=\"h-differences\">Differences</h2>\n\
                    <p>Bytes are exact. Times are ratios of medians. Their intervals combine the confidence of \
                    both medians, the noise between two runs of one program, and the number of comparisons. A \
                    change is significant if 1 lies outside its interval.</p>\n"
        .to_string();
    html += &tables::differences(comparison);
    if !comparison.singles.is_empty() {
        html += &format!(
            "<details><summary>{} cells cannot be compared</summary>\n<ul>\n",
            comparison.singles.len()
        );
        for single in &comparison.singles {
            html += &format!("<li><bdi>{}</bdi>: {}</li>\n", escape(&single.cell), escape(&single.reason));
        }
        html += "</ul></details>\n";
    }
    html + "</section>\n"
}

/// The tables of machine and program.
fn environments(runs: &[&Results]) -> String {
    let mut html = "<div class=\"plots\">\n".to_string();
    for (run, results) in runs.iter().enumerate() {
        let e = &results.environment;
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |name: &str, value: String| {
            if !value.is_empty() {
                rows.push((name.to_string(), value));
            }
        };
        row("run", [tables::run_name(runs, run), results.name.clone()].join(" ").trim().to_string());
        row("began", if e.unix_time > 0 { text::date(e.unix_time) } else { String::new() });
        row("command", e.command.join(" "));
        row("processor", e.cpu.clone());
        row("cores", if e.cores > 0 { e.cores.to_string() } else { String::new() });
        row("system", e.system.clone());
        row("load at the start", e.load.map(|l| format!("{l:.2}")).unwrap_or_default());
        row("governor", e.governor.clone().unwrap_or_default());
        row("scratch", e.scratch.clone());
        row("lab", e.lab_version.clone());
        row("commit", e.revision.clone().unwrap_or_default());
        row("compiler", e.compiler.clone());
        for (codec, version) in &e.codec_versions {
            row(&format!("library of {codec}"), version.clone());
        }
        for (path, digest) in &e.manifests {
            row(&format!("manifest {path}"), digest.clone());
        }
        html += "<dl>\n";
        for (name, value) in rows {
            html += &format!(
                "<dt>{}</dt><dd><bdi>{}</bdi></dd>\n",
                escape(&text::visible(&name)),
                escape(&text::visible(&value))
            );
        }
        html += "</dl>\n";
    }
    html + "</div>\n"
}
