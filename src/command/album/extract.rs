//! `lab album extract`: restores one file without unpacking the others.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use std::sync::Arc;

use lab_codec::{Error, Result, Silent};

use super::super::{App, note, options, report_json};
use super::{Input, in_pool};
use lab_stream::output::Output;

/// Restore one file; decodes at most 16 pictures
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
    /// Path of the file in the album, or its name if unique
    name: PathBuf,
    /// The output, or - for standard output [default: the file's name in the current directory]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.effort.context(app, Arc::new(Silent));
    let album = args.input.open(&cx)?;
    let number = album.find(args.name.as_os_str().as_bytes())?;
    let file = &album.manifest.files[number];
    let path = match &args.output {
        Some(path) => path.clone(),
        None => {
            let path = lab_album::scan::place("".as_ref(), file.restored.as_ref().unwrap_or(&file.path));
            path.file_name().map(PathBuf::from).ok_or_else(|| Error::usage("name the output with -o OUT"))?
        }
    };
    let mut output = Output::open(&path, args.write.force)?;
    let to_stdout = output.temporary().is_none();
    let mut sink = output.sink()?;
    let effort = in_pool(&args.effort, || album.extract(number, &mut sink, &cx))?;
    drop(sink);
    output.commit()?;
    if args.talk.json {
        return report_json(&serde_json::json!({ "decoded_pictures": effort.pictures }), to_stdout);
    }
    note(&format!("{} pictures decoded", effort.pictures), args.talk.quiet || to_stdout);
    Ok(())
}
