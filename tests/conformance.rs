//! Every registered codec and carrier, through the one suite, with the memory of the whole process on watch.
//!
//! Each entry has a process of its own, since the heap of a process is counted as a whole; as many run at once as there
//! are processors.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::Mutex;

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Names the entry that a child tries.
const ENTRY: &str = "LAB_CONFORMANCE_ENTRY";

/// The highest number of live heap bytes since the last call.
fn peak() -> u64 {
    let peak = HEAP.peak_usage() as u64;
    HEAP.reset_peak_usage();
    peak
}

#[test]
fn every_entry_conforms() {
    let registry = lab::registry::builtin();
    let ids = Mutex::new(registry.entries().iter().map(|entry| entry.info.id).rev().collect::<Vec<_>>());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                loop {
                    let Some(id) = ids.lock().unwrap().pop() else { break };
                    let output = Command::new(std::env::current_exe().unwrap())
                        .args(["--exact", "one_entry_conforms", "--ignored", "--nocapture"])
                        .env(ENTRY, id)
                        .output()
                        .unwrap();
                    let said = String::from_utf8_lossy(&output.stdout);
                    println!("{said}");
                    // A process that ran no test has tried nothing.
                    if !output.status.success() || !said.contains("1 passed") {
                        failed.lock().unwrap().push(id);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
#[ignore = "run by every_entry_conforms, once for each entry"]
fn one_entry_conforms() {
    let id = std::env::var(ENTRY).unwrap();
    let options = lab_conformance::Options {
        memory_probe: Some(peak),
        only: vec![id.clone()],
        ..lab_conformance::Options::default()
    };
    let report = lab_conformance::check(&lab::registry::builtin(), &options);
    println!("{report}");
    assert!(report.is_ok(), "{report}");
    assert!(report.entries.len() == 1 && report.entries[0].cases > 0, "{id} was not tried");
}
