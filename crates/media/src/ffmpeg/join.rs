//! Concatenates videos without re-encoding.

use std::path::{Path, PathBuf};

use lab_codec::{Context, Result};

use lab_process::Pipes;

use super::{EncodeOptions, Tools, file_argument, input, words};

/// Concatenates the videos `names` in `directory`, all encoded with `options`, into the file `output`. Writes
/// a list of them into the directory.
///
/// # Errors
/// [`MissingTool`](lab_codec::ErrorKind::MissingTool), [`Tool`](lab_codec::ErrorKind::Tool), I/O errors.
pub fn join(
    directory: &Path,
    names: &[PathBuf],
    output: &Path,
    options: &EncodeOptions,
    cx: &Context,
) -> Result<()> {
    let tools = Tools::find()?;
    let list = directory.join("list.txt");
    let text: String = names.iter().map(|name| format!("file '{}'\n", name.display())).collect();
    std::fs::write(&list, text)?;
    let mut arguments: Vec<_> = words(["-y"]).chain(input::list_arguments(&list)).collect();
    arguments.extend(words(["-map", "0:v", "-c", "copy"]));
    for (key, value) in &options.tags {
        arguments.extend(words(["-metadata", &format!("{key}={value}")]));
    }
    // Only the container's options still matter.
    for pair in options.arguments.windows(2).filter(|pair| pair[0] == "-movflags") {
        arguments.extend(words(["-movflags", &pair[1]]));
    }
    arguments.extend(words(["-f", &options.container]));
    arguments.push(file_argument(output));
    tools.start(&arguments, Pipes::default(), Some(output))?.finish(cx)
}
