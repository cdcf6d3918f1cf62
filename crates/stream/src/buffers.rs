//! A pool of byte buffers, so that memory is touched once and not once per segment, and in large pages.

use std::sync::Mutex;

/// Below this many bytes, large pages would waste more than they save.
const LARGE: usize = 8 << 20;

/// Buffers that wait for their next use.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// A buffer that may still hold what its last user left: overwriting is cheaper than clearing and growing.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while pooling").pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub fn give(&self, buffer: Vec<u8>) {
        self.0.lock().expect("no panic while pooling").push(buffer);
    }
}

/// Makes room for `additional` bytes. Fresh room for much is asked for in large pages: faulting 100 MB in by 4 KiB
/// pages costs as much time as hashing it.
pub fn reserve(buffer: &mut Vec<u8>, additional: usize) {
    if buffer.capacity() - buffer.len() < additional {
        buffer.reserve_exact(additional);
        if additional >= LARGE {
            advise_large_pages(buffer.spare_capacity_mut());
        }
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn advise_large_pages(memory: &mut [std::mem::MaybeUninit<u8>]) {
    use rustix::mm::{Advice, madvise};
    let page = rustix::param::page_size();
    let range = memory.as_mut_ptr_range();
    let start = range.start.map_addr(|a| a.next_multiple_of(page));
    let len = range.end.addr().saturating_sub(start.addr()) / page * page;
    if len > 0 {
        // SAFETY: the pages lie within memory that the caller holds exclusively, and this advice changes how they
        // are backed but not what they contain. Where the kernel refuses it, nothing is different but the speed.
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
        for additional in [0, 1, LARGE - 1, LARGE, 3 * LARGE + 12345] {
            let mut buffer = b"kept".to_vec();
            reserve(&mut buffer, additional);
            assert!(buffer.capacity() >= 4 + additional);
            buffer.resize(4 + additional, 7);
            assert_eq!((&buffer[..4], buffer[4..].iter().all(|b| *b == 7)), (&b"kept"[..], true));
        }
    }
}
