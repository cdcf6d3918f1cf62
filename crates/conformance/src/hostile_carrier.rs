//! Damaged media: a carrier must report an error, report losses or return the right bytes, never wrong ones.

use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use lab_codec::{Context, Limits};

use crate::carrier::{Subject, contents};
use crate::inputs;
use crate::memory;
use crate::mutate::{Damage, every, some};
use crate::report::{EntryReport, Outcome};

/// Lengths of the streams whose media are damaged, in bytes.
const STREAM_LENGTHS: [usize; 4] = [0, 1, 300, 4096];

pub(crate) fn check(subject: &Subject, report: &mut EntryReport) {
    let text = &subject.variant.text;
    let options = subject.options;
    let starts_children = subject.carrier.is_external();
    let external = subject.variant.params.info().capabilities.external || starts_children;
    for length in STREAM_LENGTHS {
        // Opening such a medium starts processes, so one length must do.
        if starts_children && length != 300 {
            continue;
        }
        // A variant at a numeric bound uses the shorter streams only.
        if subject.variant.numeric && length > 300 {
            continue;
        }
        let stream = inputs::random(length);
        let Ok(path) = subject.write("damaged", &stream, false) else { continue };
        let Ok(files) = contents(&path) else { continue };
        let cx = limited(subject);
        report.case(
            text,
            || format!("a stream of {length} bytes within the declared memory"),
            || subject.open(&path, &cx).map(|_| ()).map_err(|e| e.to_string()),
        );
        for (name, bytes) in files {
            // The medium itself, if it is a single file.
            let file = if name.as_os_str().is_empty() { path.clone() } else { path.join(&name) };
            let size = bytes.len() as u64;
            let damages: Box<dyn Iterator<Item = Damage>> = if external || !options.exhaustive {
                Box::new(some(size, if starts_children { options.samples / 8 } else { options.samples }))
            } else if size > options.largest_exhaustive_medium {
                Box::new(some(size, options.samples.saturating_mul(64)))
            } else {
                Box::new(every(size))
            };
            for damage in damages {
                let name = || format!("a stream of {length} bytes, {} {damage}", name.display());
                report.case(text, name, || {
                    inflict(damage, &file, &bytes).map_err(|e| format!("the suite cannot damage it: {e}"))?;
                    let allowed = cx.limits().memory.saturating_add(4 * length as u64);
                    memory::measured(options, allowed, || damaged(subject, &path, &stream, &cx))
                });
                let _ = undo(damage, &file, &bytes);
            }
            let _ = std::fs::write(&file, &bytes);
        }
    }
}

/// Damages the file in place. The cuts come first, each shorter than the last; the first flip restores the
/// file.
fn inflict(damage: Damage, file: &Path, whole: &[u8]) -> io::Result<()> {
    match damage {
        Damage::Cut(at) => OpenOptions::new().write(true).open(file)?.set_len(at),
        Damage::Flip(bit) => {
            if std::fs::metadata(file)?.len() != whole.len() as u64 {
                std::fs::write(file, whole)?;
            }
            set_byte(file, bit / 8, whole[(bit / 8) as usize] ^ 1 << (bit % 8))
        }
    }
}

/// Undoes a flip. A cut stays until [`inflict`] reaches the flips.
fn undo(damage: Damage, file: &Path, whole: &[u8]) -> io::Result<()> {
    match damage {
        Damage::Cut(_) => Ok(()),
        Damage::Flip(bit) => set_byte(file, bit / 8, whole[(bit / 8) as usize]),
    }
}

fn set_byte(file: &Path, at: u64, byte: u8) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(file)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&[byte])
}

fn limited(subject: &Subject) -> Context {
    let params = &subject.variant.params;
    let declared = (params.info().memory)(params, 4096).decode;
    let memory = declared.max(subject.options.memory_limit);
    subject.context().with_limits(Limits::new(1 << 30, memory))
}

/// Reads the rest of the stream. A medium may be shorter than the stream; the stream's own trailer reveals
/// that.
fn damaged(subject: &Subject, path: &Path, stream: &[u8], cx: &Context) -> Outcome {
    let Ok(reader) = subject.open(path, cx) else { return Ok(()) };
    let length = reader.len();
    if length > stream.len() as u64 + (1 << 20) {
        // A reader may not know the true length, and reading everything would take long: the end is enough.
        return match reader.read_at(length - 1, &mut [0]) {
            Ok(lost) if lost.is_empty() && !subject.is_identity() => Err(past_the_end(length)),
            _ => Ok(()),
        };
    }
    let mut buf = vec![0x5A; length as usize];
    let Ok(lost) = reader.read_at(0, &mut buf) else { return Ok(()) };
    let mut expected_start = 0;
    for range in &lost {
        if range.start < expected_start || range.end < range.start || range.end > length {
            return Err(format!("the lost ranges {lost:?} are not ascending within 0..{length}"));
        }
        expected_start = range.end;
        if buf[range.start as usize..range.end as usize].iter().any(|b| *b != 0) {
            return Err(format!("the lost bytes {range:?} are not zeroed"));
        }
    }
    if subject.is_identity() {
        return Ok(());
    }
    let is_lost = |at: usize| lost.iter().any(|range| range.contains(&(at as u64)));
    let wrong = (0..buf.len()).find(|at| stream.get(*at) != buf.get(*at) && !is_lost(*at));
    match wrong {
        None => Ok(()),
        Some(at) if at >= stream.len() => Err(past_the_end(length)),
        Some(at) => {
            Err(format!("byte {at} came back as {} instead of {}, and not as lost", buf[at], stream[at]))
        }
    }
}

fn past_the_end(length: u64) -> String {
    format!("the stream has grown to {length} bytes, and they are not lost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_in_place_is_what_it_says_and_is_undone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        let whole = inputs::random(40);
        std::fs::write(&file, &whole).unwrap();
        for damage in every(40) {
            inflict(damage, &file, &whole).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), damage.apply(&whole), "{damage}");
            undo(damage, &file, &whole).unwrap();
            assert_eq!(
                std::fs::read(&file).unwrap(),
                if matches!(damage, Damage::Cut(_)) { damage.apply(&whole) } else { whole.clone() }
            );
        }
    }
}
