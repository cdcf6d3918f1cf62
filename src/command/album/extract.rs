//! `lab album extract`: one file, without the rest.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use lab_album::Sink;
use lab_album::manifest::File;
use lab_codec::{Error, Result};

use super::super::{App, note, options, report_json};
use super::{Effort, Input};
use crate::progress;
use lab_stream::output::Output;

/// Bring one file back; at most 16 pictures are decoded for it
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Its path in the album, or its name where no other file has it
    name: PathBuf,
    /// The output, or - for standard output [default: its name, here]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.effort.context(app, progress::bar("", None, true));
    let album = args.input.open(&cx)?;
    let number = find(&album.manifest.files, args.name.as_os_str().as_bytes())?;
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
    let effort = {
        let mut sink = One { sink: output.sink()?, bytes: 0 };
        args.effort.run(|| album.read(&|other| other == number, &mut sink, &cx))?
    };
    output.commit()?;
    if args.talk.json {
        return report_json(&serde_json::json!({ "decoded_pictures": effort.pictures }), to_stdout);
    }
    note(&format!("{} pictures were decoded", effort.pictures), args.talk.quiet || to_stdout);
    Ok(())
}

fn find(files: &[File], name: &[u8]) -> Result<usize> {
    let paths = |file: &File| [Some(file.path.clone()), file.restored.clone()].into_iter().flatten();
    if let Some(number) = files.iter().position(|file| paths(file).any(|path| path == name)) {
        return Ok(number);
    }
    let ends = |file: &File| paths(file).any(|path| path.rsplit(|byte| *byte == b'/').next() == Some(name));
    let found: Vec<usize> = (0..files.len()).filter(|number| ends(&files[*number])).collect();
    let text = lab_album::scan::text(name);
    match found[..] {
        [number] => Ok(number),
        [] => Err(Error::usage(format!(
            "there is no {text:?} in the album; `lab album list` shows what there is"
        ))),
        _ => Err(Error::usage(format!("{} files are called {text:?}; give the whole path", found.len()))),
    }
}

struct One<'a> {
    sink: Box<dyn Write + Send + 'a>,
    bytes: u64,
}

impl Sink for One<'_> {
    fn begin(&mut self, _: usize, _: &File) -> Result<()> {
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(self.sink.write_all(bytes)?)
    }

    fn end(&mut self, _: usize, _: &File) -> Result<()> {
        Ok(self.sink.flush()?)
    }
}
