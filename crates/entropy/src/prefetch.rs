//! Asks for memory ahead of time. Without it Re-Pair waits for memory most of its time: encoding text takes
//! 1.7 times as long (dickens 5.9 against 3.4 MB/s).

/// Asks the processor to load what is around `slice[index]` into its cache; nothing where there is no such
/// element.
#[inline]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let Some(element) = slice.get(index) else { return };
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction reads nothing that the program can see and faults on no address (this one
        // is that of a live element besides), and every x86-64 processor has it (SSE).
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = element;
}
