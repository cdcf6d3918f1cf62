//! Building a table: count the seeds of each bucket, place every record in its bucket, sort the buckets.
//!
//! Seeds are hashed twice, once to count and once to place: vector lanes do that faster than memory could
//! store and reload 134 MB of digests. Each thread handles its own range of seeds and derives from the counts
//! where its records of each bucket begin. So no two threads write to the same place, and sorting makes the
//! result independent of the number of threads.

use std::sync::atomic::{AtomicU64, Ordering};

use lab_codec::{Context, Result, reserve};

use super::{BUCKET_BITS, BUCKETS, SeedTable, Store, record};
use crate::seed::{MAX_SEED_LEN, Salt, Seed, seeds_up_to};
use crate::sha::Route;

/// Seeds that are hashed in one call.
const HASH_GROUP: usize = 1024;

/// Builds the table of all seeds of one to `max_seed_len` bytes on `threads` threads.
///
/// # Errors
/// [`Limit`](lab_codec::ErrorKind::Limit) where the memory limit is too low,
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
pub fn build(salt: Salt, max_seed_len: u8, threads: usize, cx: &Context) -> Result<SeedTable> {
    debug_assert!((1..=MAX_SEED_LEN).contains(&max_seed_len));
    let count = seeds_up_to(max_seed_len);
    // Each thread gets about 16 hash groups or more: fewer would not pay for starting it.
    let threads = threads.clamp(1, 1 + count as usize / (HASH_GROUP * 16));
    cx.limits().check_memory(memory(max_seed_len, threads), "a table of seeds of this length")?;
    let route = Route::fastest();
    let seeds_per_thread = count.div_ceil(threads as u32);
    let seeds_of = |thread: usize| {
        let first = (thread as u32).saturating_mul(seeds_per_thread).min(count);
        first..first.saturating_add(seeds_per_thread).min(count)
    };

    let mut places: Vec<Vec<u32>> = on_threads((0..threads).collect(), |thread: usize| {
        let mut counts = vec![0; BUCKETS];
        each_head(salt, seeds_of(thread), route, cx, |head, _| counts[bucket(head)] += 1)?;
        Ok(counts)
    })?;
    // Prefix sums turn counts into places: bucket by bucket, and within a bucket thread by thread.
    let mut offsets = Vec::with_capacity(BUCKETS + 1);
    let mut next = 0;
    for bucket in 0..BUCKETS {
        offsets.push(next);
        for places in &mut places {
            let count = places[bucket];
            places[bucket] = next;
            next += count;
        }
    }
    offsets.push(next);

    let mut records = Vec::new();
    reserve(&mut records, count as usize).map_err(|e| e.at("the seed table"))?;
    records.resize_with(count as usize, || AtomicU64::new(0));
    let work: Vec<(usize, Vec<u32>)> = places.into_iter().enumerate().collect();
    on_threads(work, |(thread, mut places)| {
        each_head(salt, seeds_of(thread), route, cx, |head, seed| {
            let place = &mut places[bucket(head)];
            records[*place as usize].store(record(head, seed), Ordering::Relaxed);
            *place += 1;
        })
    })?;
    let mut records: Vec<u64> = records.into_iter().map(AtomicU64::into_inner).collect();

    let mut work = Vec::with_capacity(threads);
    let mut rest = &mut records[..];
    for thread in 0..threads {
        let (first, end) = (BUCKETS * thread / threads, BUCKETS * (thread + 1) / threads);
        let (own_records, other_records) = rest.split_at_mut((offsets[end] - offsets[first]) as usize);
        work.push((&offsets[first..=end], own_records));
        rest = other_records;
    }
    on_threads(work, |(offsets, records)| {
        for (i, bucket) in offsets.windows(2).enumerate() {
            if i % 1024 == 0 {
                cx.check()?;
            }
            records[(bucket[0] - offsets[0]) as usize..(bucket[1] - offsets[0]) as usize].sort_unstable();
        }
        Ok(())
    })?;
    Ok(SeedTable { max_seed_len, salt, offsets, records: Store::Memory(records) })
}

/// Peak memory of building in bytes: the records, and bucket counters for each thread and the table.
pub fn memory(max_seed_len: u8, threads: usize) -> u64 {
    u64::from(seeds_up_to(max_seed_len)) * 8 + (threads as u64 + 1) * (BUCKETS as u64 + 1) * 4
}

fn bucket(head: u64) -> usize {
    (head >> (64 - BUCKET_BITS)) as usize
}

/// Hashes the seeds with these indices, in order, and passes head and seed to `each`.
fn each_head(
    salt: Salt,
    positions: std::ops::Range<u32>,
    route: Route,
    cx: &Context,
    mut each: impl FnMut(u64, Seed),
) -> Result<()> {
    let (mut messages, mut heads) = ([0; HASH_GROUP], [0; HASH_GROUP]);
    for len in 1..=MAX_SEED_LEN {
        let base = seeds_up_to(len - 1);
        let (first, end) = (positions.start.max(base), positions.end.min(seeds_up_to(len)));
        let mut at = first;
        while at < end {
            if (at - first) % (1 << 20) == 0 {
                cx.check()?;
            }
            let count = HASH_GROUP.min((end - at) as usize);
            let mut length = 0;
            for (i, message) in messages[..count].iter_mut().enumerate() {
                (*message, length) = salt.message(Seed { value: at + i as u32 - base, len });
            }
            route.heads(&messages[..count], length, &mut heads[..count]);
            for (i, head) in heads[..count].iter().enumerate() {
                each(*head, Seed { value: at + i as u32 - base, len });
            }
            at += count as u32;
        }
    }
    Ok(())
}

/// Runs each item of work on its own thread, the first on the current one.
fn on_threads<W: Send, R: Send>(work: Vec<W>, each: impl Fn(W) -> Result<R> + Sync) -> Result<Vec<R>> {
    let mut work = work.into_iter();
    let Some(first) = work.next() else { return Ok(Vec::new()) };
    std::thread::scope(|scope| {
        let each = &each;
        let spawn = |w| std::thread::Builder::new().spawn_scoped(scope, move || each(w));
        let others = work.map(spawn).collect::<std::io::Result<Vec<_>>>()?;
        let mut results = vec![each(first)?];
        for other in others {
            results.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(results)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_found_by_its_digest() {
        for (salt, len) in [("", 1), ("", 2), ("0102030405", 2)] {
            let salt = Salt::from_hex(salt).unwrap();
            let table = build(salt, len, 1, &Context::default()).unwrap();
            assert_eq!(table.entries(), seeds_up_to(len));
            for index in (0..table.entries()).step_by(97) {
                let seed = Seed::at(index).unwrap();
                let link = salt.first_link(seed);
                let head = u64::from_be_bytes(link[..8].try_into().unwrap());
                for bits in [16, 17, 24, 53, 54] {
                    let mut found = Vec::new();
                    table.find(head, bits, &mut found);
                    assert!(found.contains(&index), "{index} by {bits} bits");
                }
                // The seeds that agree in 16 bits, by a scan of all records.
                let mut found = Vec::new();
                table.find(head, 16, &mut found);
                let expected = table.seeds().filter(|(h, _)| h >> 48 == head >> 48).count();
                assert_eq!(found.len(), expected);
            }
            let mut all: Vec<u32> = table.seeds().map(|(_, index)| index).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..seeds_up_to(len)));
        }
    }

    #[test]
    fn threads_do_not_matter() {
        let one = build(Salt::default(), 2, 1, &Context::default()).unwrap();
        let many = build(Salt::default(), 2, 3, &Context::default()).unwrap();
        assert!(one.seeds().eq(many.seeds()) && one.offsets == many.offsets);
    }

    #[test]
    fn absent_digests_are_not_found() {
        let table = build(Salt::default(), 1, 1, &Context::default()).unwrap();
        for head in [0, u64::MAX, 1 << 63] {
            let mut found = Vec::new();
            table.find(head, 54, &mut found);
            assert!(found.is_empty());
        }
    }
}
