//! A counting allocator detects a codec that allocates sizes from damaged input. The only test of its binary,
//! so that nothing else allocates meanwhile.

#![expect(unsafe_code, reason = "`GlobalAlloc` is an unsafe trait")]
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lab_codec::{Codec, Context, Entry, Error, Info, Params, Registry, Resources, Result, Worker};
use lab_conformance::{Options, check};

struct Counting;

static LIVE: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged; this allocator only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size() as u64, Ordering::Relaxed) + layout.size() as u64;
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: `ptr` came from `alloc` above, so from the system's allocator, with this layout.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Peak of live bytes since the last call.
fn peak() -> u64 {
    PEAK.swap(LIVE.load(Ordering::Relaxed), Ordering::Relaxed)
}

static INFO: Info = Info::new("greedy", "a length and the bytes");

struct Lengths<const CHECKED: bool>;

fn build<const CHECKED: bool>(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(Arc::new(Lengths::<CHECKED>))
}

impl<const CHECKED: bool> Codec for Lengths<CHECKED> {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Self)
    }
}

impl<const CHECKED: bool> Worker for Lengths<CHECKED> {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, _: &Context) -> Result<()> {
        out.extend_from_slice(&(input.len() as u32).to_le_bytes());
        out.extend_from_slice(input);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, _: &Context) -> Result<()> {
        let Some((length, payload)) = input.split_first_chunk() else { return Err(Error::truncated("cut")) };
        let length = u32::from_le_bytes(*length) as usize;
        if CHECKED && length != raw_len {
            return Err(Error::corrupt("another length"));
        }
        let mut table = Vec::with_capacity(length);
        table.extend_from_slice(payload);
        if table.len() != raw_len {
            return Err(Error::corrupt("another length"));
        }
        out.append(&mut table);
        Ok(())
    }
}

#[test]
fn memory_is_measured() {
    let options = Options { segment: 5000, memory_probe: Some(peak), ..Options::default() };
    let run = |entry| {
        let mut registry = Registry::new();
        registry.register(entry);
        check(&registry, &options)
    };
    let report = run(Entry::codec(&INFO, build::<true>));
    assert!(report.is_ok(), "{report}");
    let report = run(Entry::codec(&INFO, build::<false>));
    assert!(
        report.failures().any(|f| f.case.contains("flipped") && f.what.contains("of memory")),
        "{report}"
    );
}
