//! A pool of byte buffers in large pages: each page is faulted in once, not once per segment.

use std::sync::Mutex;

/// Minimum size for large pages, in bytes: smaller buffers would waste more than they save.
const LARGE_PAGE_MIN: usize = 8 << 20;

/// Buffers free for reuse.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// Takes a buffer, which may still hold old bytes: overwriting is cheaper than clearing and growing.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while pooling").pop().unwrap_or_default()
    }

    /// Returns a buffer to the pool.
    pub fn give(&self, buffer: Vec<u8>) {
        self.0.lock().expect("no panic while pooling").push(buffer);
    }
}

/// Reserves `additional` bytes. A large new allocation asks for large pages: faulting 100 MB in by 4 KiB
/// pages costs as much time as hashing it.
pub fn reserve(buffer: &mut Vec<u8>, additional: usize) {
    if buffer.capacity() - buffer.len() < additional {
        buffer.reserve_exact(additional);
        if additional >= LARGE_PAGE_MIN {
            advise_large_pages(buffer.spare_capacity_mut());
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "`madvise` takes a pointer")]
fn advise_large_pages(memory: &mut [std::mem::MaybeUninit<u8>]) {
    use rustix::mm::{Advice, madvise};
    let page = rustix::param::page_size();
    let range = memory.as_mut_ptr_range();
    let start = range.start.map_addr(|a| a.next_multiple_of(page));
    let len = range.end.addr().saturating_sub(start.addr()) / page * page;
    if len > 0 {
        // SAFETY: the caller holds the pages exclusively, and this advice changes how they are backed but not
        // what they contain. If the kernel refuses it, only speed is lost.
        let _ = unsafe { madvise(start.cast(), len, Advice::LinuxHugepage) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise_large_pages(_: &mut [std::mem::MaybeUninit<u8>]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_and_content_kept() {
        for additional in [0, 1, LARGE_PAGE_MIN - 1, LARGE_PAGE_MIN, 3 * LARGE_PAGE_MIN + 12345] {
            let mut buffer = b"kept".to_vec();
            reserve(&mut buffer, additional);
            assert!(buffer.capacity() >= 4 + additional);
            buffer.resize(4 + additional, 7);
            assert_eq!((&buffer[..4], buffer[4..].iter().all(|b| *b == 7)), (&b"kept"[..], true));
        }
    }
}
