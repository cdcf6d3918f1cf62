//! Processes a sequence of items on several threads, in order and in bounded memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};

use lab_codec::{Error, Result};

struct Taken<S> {
    source: S,
    next: u64,
    /// Set at the end of the source, which is not read again: a terminal would wait for a second end of file.
    ended: bool,
}

struct Delivered<T, D> {
    sink: D,
    next: u64,
    parked: BTreeMap<u64, Result<T>>,
    /// Set at the end or after an error: no thread takes another item.
    stopped: bool,
    error: Option<Error>,
}

/// Takes items from `source` in order, processes them on `threads` threads, and passes the results to `sink`
/// in order. At most `2 * threads` items are under way. The earliest failing item decides the error, for any
/// number of threads. With one thread, all work runs on the calling thread.
///
/// # Errors
/// The first error of `source`, `work` or `sink`, in the order of the items.
pub fn ordered<I, T, W>(
    threads: usize,
    mut source: impl FnMut() -> Result<Option<I>> + Send,
    make_worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, I) -> Result<T> + Sync,
    mut sink: impl FnMut(T) -> Result<()> + Send,
) -> Result<()>
where
    I: Send,
    T: Send,
{
    if threads <= 1 {
        let mut worker = make_worker();
        while let Some(item) = source()? {
            sink(work(&mut worker, item)?)?;
        }
        return Ok(());
    }
    let taken = Mutex::new(Taken { source, next: 0, ended: false });
    let delivered =
        Mutex::new(Delivered { sink, next: 0, parked: BTreeMap::new(), stopped: false, error: None });
    let moved = Condvar::new();
    std::thread::scope(|scope| {
        let run = || {
            let _guard = StopOnPanic { delivered: &delivered, moved: &moved };
            let mut worker = make_worker();
            while let Some((number, item)) = take(&taken, &delivered, &moved, 2 * threads as u64) {
                let result = item.and_then(|item| work(&mut worker, item));
                deliver(&delivered, &moved, number, result);
            }
        };
        // A system that refuses more threads gets the work done by those that it gave, or by this one.
        let spawn = |_: &usize| std::thread::Builder::new().spawn_scoped(scope, run).is_ok();
        if (0..threads).take_while(spawn).count() == 0 {
            run();
        }
    });
    let error = lock(&delivered).error.take();
    error.map_or(Ok(()), Err)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A poisoned lock means that another thread unwinds; the caller will see that thread's panic.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The next item, or the error in its place; `None` once nothing is left.
fn take<I, T, S, D>(
    taken: &Mutex<Taken<S>>,
    delivered: &Mutex<Delivered<T, D>>,
    moved: &Condvar,
    max_pending: u64,
) -> Option<(u64, Result<I>)>
where
    S: FnMut() -> Result<Option<I>>,
{
    let mut taken = lock(taken);
    let number = taken.next;
    {
        let mut state = lock(delivered);
        while !state.stopped && number >= state.next + max_pending {
            state = moved.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if state.stopped {
            return None;
        }
    }
    if taken.ended {
        return None;
    }
    match (taken.source)() {
        Ok(Some(item)) => {
            taken.next += 1;
            Some((number, Ok(item)))
        }
        Ok(None) => {
            taken.ended = true;
            None
        }
        Err(error) => {
            taken.next += 1;
            taken.ended = true;
            Some((number, Err(error)))
        }
    }
}

/// Parks a result, then passes every result whose turn has come to the sink.
fn deliver<T, D>(delivered: &Mutex<Delivered<T, D>>, moved: &Condvar, number: u64, result: Result<T>)
where
    D: FnMut(T) -> Result<()>,
{
    let mut state = lock(delivered);
    let state = &mut *state;
    state.parked.insert(number, result);
    while let Some(result) = state.parked.remove(&state.next) {
        if state.stopped {
            break;
        }
        state.next += 1;
        if let Err(error) = result.and_then(&mut state.sink) {
            state.stopped = true;
            state.error = Some(error);
        }
    }
    moved.notify_all();
}

/// Stops the other threads when one unwinds.
struct StopOnPanic<'a, T, D> {
    delivered: &'a Mutex<Delivered<T, D>>,
    moved: &'a Condvar,
}

impl<T, D> Drop for StopOnPanic<'_, T, D> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(self.delivered).stopped = true;
            self.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(threads: usize, fail_at: Option<u64>) -> (Vec<u64>, Option<String>) {
        let mut n = 0;
        let mut out = Vec::new();
        let result = ordered(
            threads,
            || {
                n += 1;
                Ok((n <= 200).then_some(n - 1))
            },
            || (),
            |(), i| {
                std::thread::sleep(std::time::Duration::from_micros((i * 7919) % 300));
                if fail_at.is_some_and(|f| i >= f) {
                    return Err(Error::corrupt(format!("item {i}")));
                }
                Ok(i * i)
            },
            |square| {
                out.push(square);
                Ok(())
            },
        );
        (out, result.err().map(|e| e.to_string()))
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        let expected: Vec<u64> = (0..200).map(|i| i * i).collect();
        for threads in [1, 2, 3, 8] {
            assert_eq!(run(threads, None), (expected.clone(), None));
        }
    }

    #[test]
    fn the_earliest_error_wins_and_nothing_after_it_is_delivered() {
        for threads in [1, 2, 5] {
            let (out, error) = run(threads, Some(37));
            assert_eq!(error.as_deref(), Some("item 37"));
            assert_eq!(out.len(), 37);
        }
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let caught = std::panic::catch_unwind(|| {
            let mut n = 0;
            ordered(
                2,
                || {
                    n += 1;
                    Ok(Some(n))
                },
                || (),
                |(), i| if i == 50 { panic!("on purpose") } else { Ok(i) },
                |_| Ok(()),
            )
        });
        assert!(caught.is_err());
    }
}
