//! The sound of a clip, copied into a Matroska file that is the same in every run.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lab_codec::{Context, Result};
use lab_process::{Job, run};

use crate::ffmpeg::Tools;

/// The most bytes of it.
const LARGEST: usize = 100_000_000;
const PATIENCE: Duration = Duration::from_secs(600);

/// The sound of the clip at `path`, if it has any.
///
/// # Errors
/// Those of ffmpeg; [`Limit`](lab_codec::ErrorKind::Limit) for more than 100 MB.
pub fn of(path: &Path, cx: &Context) -> Result<Option<Vec<u8>>> {
    let tools = Tools::find()?;
    let ask = |program: &Path, before: &[&str], after: &[&str]| {
        let mut argv: Vec<OsString> = vec![program.into()];
        argv.extend(before.iter().map(OsString::from));
        argv.push(path.into());
        argv.extend(after.iter().map(OsString::from));
        let job =
            Job { argv: &argv, input: &[], output_limit: LARGEST, output_file: None, timeout: PATIENCE };
        let mut answer = Vec::new();
        run(&job, &mut answer, cx).map(|()| answer)
    };
    let which =
        ["-v", "error", "-select_streams", "a", "-show_entries", "stream=index", "-of", "csv=p=0", "-i"];
    if ask(&tools.ffprobe, &which, &[])?.is_empty() {
        return Ok(None);
    }
    let copy =
        ["-map", "0:a", "-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "matroska", "-"];
    ask(&tools.ffmpeg, &["-v", "error", "-nostdin", "-i"], &copy).map(Some)
}
