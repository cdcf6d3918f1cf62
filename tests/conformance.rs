//! Every registered codec and carrier, through the one suite, with the memory of the whole process on watch.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The highest number of live heap bytes since the last call.
fn peak() -> u64 {
    let peak = HEAP.peak_usage() as u64;
    HEAP.reset_peak_usage();
    peak
}

#[test]
fn every_entry_conforms() {
    let options = lab_conformance::Options { memory_probe: Some(peak), ..Default::default() };
    let report = lab_conformance::check(&lab::registry::builtin(), &options);
    println!("{report}");
    assert!(report.is_ok(), "{report}");
}
