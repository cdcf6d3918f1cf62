//! Room in vectors, where running out of memory is an error of the segment and not the end of the program.

use std::cell::Cell;

use crate::{Error, Result};

thread_local! {
    static FALLIBLE: Cell<bool> = const { Cell::new(false) };
}

/// Reserves room for `additional` more items.
///
/// # Errors
/// [`Limit`](crate::ErrorKind::Limit) without memory for them.
pub fn reserve<T>(items: &mut Vec<T>, additional: usize) -> Result<()> {
    FALLIBLE.set(true);
    let reserved = items.try_reserve(additional);
    FALLIBLE.set(false);
    let bytes = additional.saturating_mul(size_of::<T>());
    reserved.map_err(|_| Error::limit(format!("no memory for {bytes} bytes")))
}

/// Whether this thread is inside [`reserve`], whose caller handles a failure: for a program's allocator.
pub fn is_fallible() -> bool {
    FALLIBLE.try_with(Cell::get).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_an_error() {
        let mut items: Vec<u64> = vec![1];
        reserve(&mut items, 100).unwrap();
        assert!(items.capacity() >= 101);
        assert_eq!(reserve(&mut items, usize::MAX / 8).unwrap_err().kind(), crate::ErrorKind::Limit);
        assert!(!is_fallible());
    }
}
