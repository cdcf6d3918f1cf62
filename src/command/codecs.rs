//! `lab codecs`: the registered codecs and carriers with parameters, ranges, memory and required tools.

use lab_codec::{Build, Entry, Params, Registry, Resources, Result, Role, format_size, memory_of};

use super::{App, options, table};

/// List codecs and carriers, or show one with its parameters
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  lab codecs\n  lab codecs zstd\n  lab codecs --json")]
pub(super) struct Args {
    /// The codec or carrier to show in full
    name: Option<String>,
    #[command(flatten)]
    talk: options::Talk,
}

/// Segment size for which memory is stated, in bytes.
const SEGMENT: u64 = 16 << 20;

#[derive(serde::Serialize)]
struct Description {
    id: &'static str,
    role: &'static str,
    summary: &'static str,
    params: Vec<ParamDescription>,
    formats: &'static [u16],
    segment_bytes: u64,
    encode_memory_bytes: u64,
    decode_memory_bytes: u64,
    range_decode: bool,
    tools: Vec<&'static str>,
}

#[derive(serde::Serialize)]
struct ParamDescription {
    name: &'static str,
    aliases: &'static [&'static str],
    range: String,
    default: String,
    help: &'static str,
}

impl Description {
    fn of(entry: &Entry, registry: &Registry) -> Self {
        let info = entry.info;
        let params = Params::defaults(info);
        let built = match entry.build {
            Build::Codec(build) => build(&params, &Resources::default().with_registry(registry)).ok(),
            Build::Carrier(_) => None,
        };
        let declared = || (info.memory)(&params, SEGMENT);
        let memory = built.map_or_else(declared, |codec| memory_of(&*codec, &params, SEGMENT));
        Self {
            id: info.id,
            role: match entry.role() {
                Role::Codec => "codec",
                Role::Carrier => "carrier",
            },
            summary: info.summary,
            params: info
                .params
                .iter()
                .map(|p| ParamDescription {
                    name: p.name,
                    aliases: p.aliases,
                    range: p.range_text(),
                    default: p.value_text(&p.default()),
                    help: p.help,
                })
                .collect(),
            formats: info.formats,
            segment_bytes: SEGMENT,
            encode_memory_bytes: memory.encode,
            decode_memory_bytes: memory.decode,
            range_decode: info.capabilities.range_decode,
            tools: info.tools.iter().map(|t| t.name).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{} ({}): {}\n", self.id, self.role, self.summary);
        for (i, p) in self.params.iter().enumerate() {
            let positional = if i == 0 { format!(" (also {}:VALUE)", self.id) } else { String::new() };
            text +=
                &format!("\n  {}={}, default {}{positional}\n      {}\n", p.name, p.range, p.default, p.help);
            if !p.aliases.is_empty() {
                text += &format!("      also called {}\n", p.aliases.join(", "));
            }
        }
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        text += &format!(
            "\n  memory beside input and output, for a segment of {}: encode {}, decode {}\n",
            format_size(self.segment_bytes),
            mib(self.encode_memory_bytes),
            mib(self.decode_memory_bytes)
        );
        if !self.tools.is_empty() {
            text += &format!("  needs {}\n", self.tools.join(", "));
        }
        text
    }
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    if let Some(name) = &args.name {
        let description = Description::of(app.registry.get(name)?, &app.registry);
        return if args.talk.json {
            super::print_json(&description)
        } else {
            super::print(&description.text())
        };
    }
    let all: Vec<_> =
        app.registry.entries().iter().map(|entry| Description::of(entry, &app.registry)).collect();
    if args.talk.json {
        return super::print_json(&all);
    }
    let mut table = table::table(&["name", "kind", "parameters", "what it is"]);
    for d in &all {
        let params: Vec<_> = d.params.iter().map(|p| format!("{}={}", p.name, p.default)).collect();
        table.add_row([d.id.to_string(), d.role.to_string(), params.join(" "), d.summary.to_string()]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    super::print(&format!(
        "{}\n`lab codecs NAME` shows parameters, ranges and memory.\n",
        table::text(&table)
    ))
}
