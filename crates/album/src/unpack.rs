//! `lab album unpack`.

use std::fs::{self, File as FsFile};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lab_album::manifest::{Attributes, File};
use lab_album::{Sink, scan};
use lab_codec::{Error, Result};

use super::super::{App, note, options, print_json, table};
use super::{Effort, Input};
use crate::progress;
use lab_stream::output::Output;

/// Bring all files of an album back, with their names, times and permissions
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The folder to put them in [default: the album's name without its end]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let quiet = args.effort.context(app, progress::bar("", None, true));
    let album = args.input.open(&quiet)?;
    let root = match &args.output {
        Some(path) => path.clone(),
        None => args.input.album.with_extension(""),
    };
    prepare(&root, args.write.force)?;
    let total = album.manifest.files.iter().map(|file| file.bytes).sum();
    let cx = args.effort.context(app, progress::bar("unpack", Some(total), args.talk.quiet));
    for folder in &album.manifest.folders {
        let path = below(&root, &folder.path)?;
        match fs::create_dir(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::from(e).at(path.display().to_string()));
            }
            _ => {}
        }
    }
    let mut sink = Folder { root: &root, force: args.write.force, open: None, files: 0, bytes: 0 };
    let effort = args.effort.run(|| album.read(&|_| true, &mut sink, &cx))?;
    let (files, bytes) = (sink.files, sink.bytes);
    // Attributes of folders last, from the inside out: files in them change their times.
    for folder in album.manifest.folders.iter().rev() {
        set(&below(&root, &folder.path)?, &folder.attributes)?;
    }
    set(&root, &album.manifest.root)?;
    drop(cx);
    if args.talk.json {
        return print_json(&serde_json::json!({
            "files": files, "bytes": bytes, "decoded_pictures": effort.pictures,
        }));
    }
    note(
        &format!("{} files, {} bytes in {}", table::count(files), table::count(bytes), root.display()),
        args.talk.quiet,
    );
    Ok(())
}

/// Makes the folder, which must be empty unless `force`.
fn prepare(root: &Path, force: bool) -> Result<()> {
    let at = |e: std::io::Error| Error::from(e).at(root.display().to_string());
    match fs::read_dir(root) {
        Ok(mut entries) => match entries.next() {
            Some(_) if !force => Err(Error::usage(format!(
                "{} is not empty; use --force to unpack into it and to replace files",
                root.display()
            ))),
            _ => Ok(()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => fs::create_dir_all(root).map_err(at),
        Err(e) => Err(at(e)),
    }
}

/// Where a path of an album goes; the folders that lead there are folders, not links to elsewhere.
fn below(root: &Path, path: &[u8]) -> Result<PathBuf> {
    scan::check_path(path)?;
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let folder = scan::place(root, &path[..at]);
        let real = fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir());
        if !real {
            return Err(Error::usage(format!(
                "{} is no folder; nothing is written through it",
                folder.display()
            )));
        }
    }
    let place = scan::place(root, path);
    if fs::symlink_metadata(&place).is_ok_and(|meta| meta.is_symlink()) {
        return Err(Error::usage(format!("{} is a link; nothing is written through it", place.display())));
    }
    Ok(place)
}

/// Files in a folder.
struct Folder<'a> {
    root: &'a Path,
    force: bool,
    open: Option<(PathBuf, Output)>,
    files: u64,
    bytes: u64,
}

impl Sink for Folder<'_> {
    fn begin(&mut self, _: usize, file: &File) -> Result<()> {
        let path = below(self.root, file.restored.as_ref().unwrap_or(&file.path))?;
        self.open = Some((path.clone(), Output::open(&path, self.force)?));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((path, output)) = &mut self.open {
            output.sink()?.write_all(bytes).map_err(|e| Error::from(e).at(path.display().to_string()))?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn end(&mut self, _: usize, file: &File) -> Result<()> {
        if let Some((path, output)) = self.open.take() {
            output.commit()?;
            set(&path, &file.attributes)?;
            self.files += 1;
        }
        Ok(())
    }
}

/// Gives a file or folder its attributes.
fn set(path: &Path, attributes: &Attributes) -> Result<()> {
    let at = |e: std::io::Error| Error::from(e).at(path.display().to_string());
    let open = FsFile::open(path).map_err(at)?;
    let since = Duration::new(attributes.seconds.unsigned_abs(), 0);
    let whole = if attributes.seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    };
    let time = whole.and_then(|time| time.checked_add(Duration::from_nanos(attributes.nanos.into())));
    let time = time.ok_or_else(|| Error::corrupt("a time in the album is impossible"))?;
    open.set_modified(time).map_err(at)?;
    open.set_permissions(fs::Permissions::from_mode(attributes.mode & 0o7777)).map_err(at)
}
