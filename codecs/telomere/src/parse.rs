//! The optimal parse: chooses the records with the fewest bits, counting batch headers and padding.
//!
//! It is a shortest path over states (block, number of records in the open batch). The bits of a step do not
//! depend on the steps before it. Closing a batch rounds the sum up to a byte, which keeps the order of sums.
//! So every part of a cheapest path is itself cheapest, and one pass over the blocks finds it (Bellman's
//! principle).
//!
//! Nodes are only the blocks where a hit begins or ends, plus a few blocks behind them where splitting a
//! literal can pay. All other blocks lie inside a literal, where nothing has to be decided.

use std::collections::VecDeque;

use lab_codec::{Context, Error, Result};

use crate::format::{BATCH, BATCH_HEADER, Record, Records, count_len};
use crate::search::Hit;
use crate::seed::Seed;

/// How records are grouped into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// One to three records in a batch: allowed in every file.
    Small,
    /// All records in one batch: only extended files may hold it.
    Whole,
}

/// The chosen records and their size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parse {
    /// The records.
    pub records: Records,
    /// Size of all batches in bits, a multiple of 8.
    pub bits: u64,
}

/// Number of states of a node: 0, 1 or 2 records in the open batch; a third record closes it. With a single
/// batch only state 0 is used.
const STATES: usize = 3;
/// Cost of a state that no path reaches; halved so that adding to it cannot overflow.
const UNREACHABLE: u64 = u64::MAX / 2;

/// The last step of the cheapest path to a state.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The node that the step leaves.
    node: u32,
    /// The state that the step leaves.
    state: u8,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Closes the open batch; covers no block.
    Close,
    Literal,
    Seed(u32),
}

/// Code lengths of literals: `(blocks, bits)` means that a literal of at most `blocks` blocks has a code of
/// `bits` bits. These are the 3 bits `100` plus EVQL(blocks - 1), whose lengths are 2, 4, 7, 12, 21 and 38.
const LITERAL_CODES: [(u32, u32); 6] = [(2, 5), (4, 7), (16, 10), (256, 15), (65_536, 24), (u32::MAX, 41)];

/// Longest literal, in blocks, that the parser considers splitting. Where a batch ends, two short codes can
/// fill the padding that one longer code would overflow, and save a byte.
const MAX_SPLIT_LITERAL: u32 = 64;
/// Where the parser splits it: after as many blocks as the three shortest codes hold.
const SPLIT_AFTER: [u32; 3] = [LITERAL_CODES[0].0, LITERAL_CODES[1].0, LITERAL_CODES[2].0];

/// Nodes between two checks for cancellation.
const CHECK_INTERVAL: usize = 1 << 14;

/// Parses an input of `raw_len` bytes with the hits of a search.
///
/// # Errors
/// [`Limit`](lab_codec::ErrorKind::Limit) for 2^32 blocks or more,
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
pub fn parse(
    raw_len: usize,
    block_size: u8,
    hits: &[Hit],
    grouping: Grouping,
    cx: &Context,
) -> Result<Parse> {
    let blocks = u32::try_from(raw_len.div_ceil(usize::from(block_size)))
        .map_err(|_| Error::limit("the input has 2^32 blocks or more; use larger blocks"))?;
    if blocks == 0 {
        return Ok(Parse::default());
    }
    let blocks_at = nodes(blocks, hits);
    let mut paths = Paths {
        single_batch: grouping == Grouping::Whole,
        cost: vec![[UNREACHABLE; STATES]; blocks_at.len()],
        step: vec![[Step { node: 0, state: 0, kind: Kind::Close }; STATES]; blocks_at.len()],
        blocks_at,
    };
    paths.cost[0][0] = 0;
    let block_bits = 8 * u64::from(block_size);
    // The last block may be partial: a literal that ends there holds fewer bytes than its blocks suggest.
    let missing_bits = u64::from(blocks) * block_bits - raw_len as u64 * 8;
    let last = paths.blocks_at.len() - 1;
    let mut windows: [Windows; STATES] = Default::default();
    let mut rest = hits;
    for node in 0..=last {
        if node % CHECK_INTERVAL == 0 {
            cx.check()?;
        }
        let block = paths.blocks_at[node];
        // Literals that end here. The windows hold costs minus the raw bits before each start. Adding the raw
        // bits up to this block gives the cost with the literal's bytes.
        for (state, windows) in windows.iter_mut().enumerate() {
            if let Some((from, relative, code)) = windows.best(block) {
                let bytes = (relative + (u64::from(block) * block_bits) as i64) as u64;
                let bytes = if node == last { bytes - missing_bits } else { bytes };
                paths.relax(
                    node,
                    Step { node: from, state: state as u8, kind: Kind::Literal },
                    bytes + u64::from(code),
                );
            }
        }
        paths.close(node);
        for (state, windows) in windows.iter_mut().enumerate() {
            let cost = paths.cost[node][state];
            if cost < UNREACHABLE {
                windows.push(block, node as u32, cost as i64 - (u64::from(block) * block_bits) as i64);
            }
        }
        // Seeds that begin here. Hits of one block are ordered by index with growing arity, so the first hit
        // that reaches an arity is the cheapest seed for it.
        let hit_count = rest.iter().take_while(|hit| hit.block == block).count();
        let (mut arity, mut to) = (1, node);
        for hit in &rest[..hit_count] {
            while arity <= hit.arity {
                while paths.blocks_at[to] < block + u32::from(arity) {
                    to += 1;
                }
                for state in 0..STATES {
                    let cost = paths.cost[node][state];
                    if cost < UNREACHABLE {
                        let step =
                            Step { node: node as u32, state: state as u8, kind: Kind::Seed(hit.index) };
                        paths.relax(to, step, cost + u64::from(Seed::cost(hit.index, arity)));
                    }
                }
                arity += 1;
            }
        }
        rest = &rest[hit_count..];
    }
    Ok(paths.walk_back())
}

/// The nodes of the graph: first and last block, every block where a hit begins or may end, and split points.
fn nodes(blocks: u32, hits: &[Hit]) -> Vec<u32> {
    let mut marks = vec![0_u64; blocks as usize / 64 + 1];
    let mut mark = |block: u32| marks[block as usize / 64] |= 1 << (block % 64);
    mark(0);
    mark(blocks);
    let mut starts = hits.iter().map(|hit| hit.block).chain([blocks]).peekable();
    // A literal may begin at `block`. If it is short, its first blocks may be cheaper in the batch before.
    let mut literal = |block: u32, mark: &mut dyn FnMut(u32)| {
        while starts.next_if(|start| *start <= block).is_some() {}
        let next = starts.peek().map_or(block, |start| *start);
        if next - block <= MAX_SPLIT_LITERAL {
            SPLIT_AFTER.iter().map(|cut| block + cut).filter(|cut| *cut < next).for_each(mark);
        }
    };
    literal(0, &mut mark);
    for (i, hit) in hits.iter().enumerate() {
        mark(hit.block);
        let before = i.checked_sub(1).map_or(0, |i| hits[i].block + u32::from(hits[i].arity));
        // Every shorter arity of a hit is a possible end, too.
        for end in hit.block + 1..=hit.block + u32::from(hit.arity) {
            mark(end);
            if end > before {
                literal(end, &mut mark);
            }
        }
    }
    let count = marks.iter().map(|word| word.count_ones() as usize).sum();
    let mut nodes = Vec::with_capacity(count);
    for (i, mut word) in marks.into_iter().enumerate() {
        while word != 0 {
            nodes.push(i as u32 * 64 + word.trailing_zeros());
            word &= word - 1;
        }
    }
    nodes
}

/// The cheapest paths found so far.
struct Paths {
    single_batch: bool,
    blocks_at: Vec<u32>,
    cost: Vec<[u64; STATES]>,
    step: Vec<[Step; STATES]>,
}

impl Paths {
    /// Relaxes a state of `node`: a record leads there from `step`, and the path then takes `cost` bits. The
    /// header of a batch that this record opens is added here.
    fn relax(&mut self, node: usize, step: Step, cost: u64) {
        let (state, cost) = match step.state {
            0 if self.single_batch => (0, cost),
            0 => (1, cost + BATCH_HEADER),
            1 => (2, cost),
            _ => (0, cost.next_multiple_of(8)),
        };
        if cost < self.cost[node][state] {
            self.cost[node][state] = cost;
            self.step[node][state] = step;
        }
    }

    /// Closes a batch of one or two records where that is the cheapest path to a state without an open batch.
    fn close(&mut self, node: usize) {
        for state in 1..STATES {
            let cost = self.cost[node][state].next_multiple_of(8);
            if cost < self.cost[node][0] {
                self.cost[node][0] = cost;
                self.step[node][0] = Step { node: node as u32, state: state as u8, kind: Kind::Close };
            }
        }
    }

    fn walk_back(self) -> Parse {
        let mut records = Vec::new();
        let mut batches: Vec<u64> = Vec::new();
        let last = self.blocks_at.len() - 1;
        let (mut node, mut state) = (last, 0);
        let mut open = 0;
        loop {
            if state == 0 && !self.single_batch && open > 0 {
                batches.push(open);
                open = 0;
            }
            if node == 0 {
                break;
            }
            let step = self.step[node][state];
            let blocks = self.blocks_at[node] - self.blocks_at[step.node as usize];
            match step.kind {
                Kind::Close => {}
                Kind::Literal => records.push(Record::Literal { blocks: u64::from(blocks) }),
                Kind::Seed(index) => records.push(Record::Seed { index, arity: blocks as u8 }),
            }
            open += u64::from(!matches!(step.kind, Kind::Close));
            (node, state) = (step.node as usize, usize::from(step.state));
        }
        let mut bits = self.cost[last][0];
        if self.single_batch {
            batches.push(open);
            bits = (bits + BATCH_HEADER + count_len(open)).next_multiple_of(8);
        }
        records.reverse();
        batches.reverse();
        debug_assert!(!self.single_batch || open > 0 && BATCH > 0);
        Parse { records: Records { records, batches }, bits }
    }
}

/// The cheapest starts of a literal. For each code length, a monotonic queue holds the sliding-window minimum
/// over the blocks that this code can reach. So each start is pushed and popped once per code length.
#[derive(Default)]
struct Windows([VecDeque<Start>; LITERAL_CODES.len()]);

/// A node where a literal may begin. `relative` is the cost of the path to it minus the raw bits of all
/// blocks before it, so that starts stay comparable wherever the literal ends.
#[derive(Clone, Copy)]
struct Start {
    block: u32,
    node: u32,
    relative: i64,
}

impl Windows {
    fn push(&mut self, block: u32, node: u32, relative: i64) {
        for window in &mut self.0 {
            // An earlier start that is not cheaper can never win again.
            while window.back().is_some_and(|start| start.relative >= relative) {
                window.pop_back();
            }
            window.push_back(Start { block, node, relative });
        }
    }

    /// The cheapest literal that ends before `block`: its start node, its relative cost without the code, and
    /// the bits of its code.
    fn best(&mut self, block: u32) -> Option<(u32, i64, u32)> {
        let mut best: Option<(u32, i64, u32)> = None;
        for (window, (reach, code)) in self.0.iter_mut().zip(LITERAL_CODES) {
            while window.front().is_some_and(|start| block - start.block > reach) {
                window.pop_front();
            }
            if let Some(start) = window.front()
                && best
                    .is_none_or(|(_, relative, c)| start.relative + i64::from(code) < relative + i64::from(c))
            {
                best = Some((start.node, start.relative, code));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bits of records, measured with the format's own lengths.
    fn measure(raw_len: usize, block_size: u8, records: &Records) -> u64 {
        let mut left = raw_len as u64 * 8;
        let mut total = 0;
        for batch in records.batches() {
            let mut bits = BATCH_HEADER + count_len(batch.len() as u64);
            for record in batch {
                let raw = (record.blocks() * u64::from(block_size) * 8).min(left);
                left -= raw;
                bits += u64::from(record.code_len());
                if matches!(record, Record::Literal { .. }) {
                    bits += raw;
                }
            }
            total += bits.next_multiple_of(8);
        }
        assert_eq!(left, 0);
        total
    }

    /// The fewest bits of all parses, by trying every record from every state.
    fn exhaustive(raw_len: usize, block_size: u8, hits: &[Hit], single_batch: bool) -> u64 {
        let blocks = raw_len.div_ceil(usize::from(block_size));
        let states = if single_batch { 200 } else { 3 };
        let mut cost = vec![vec![UNREACHABLE; states + 1]; blocks + 1];
        cost[0][0] = 0;
        for block in 0..blocks {
            for state in 0..states {
                let here = cost[block][state];
                if here >= UNREACHABLE {
                    continue;
                }
                let mut take = |to: usize, bits: u64| {
                    let total = here + bits + if state == 0 { BATCH_HEADER } else { 0 };
                    let mut closed = total;
                    if single_batch {
                        closed = total + count_len(state as u64 + 1);
                    }
                    if !single_batch && state == 2 {
                        cost[to][0] = cost[to][0].min(total.next_multiple_of(8));
                    } else {
                        cost[to][state + 1] = cost[to][state + 1].min(total);
                    }
                    if !single_batch || to == blocks {
                        cost[to][0] = cost[to][0].min(closed.next_multiple_of(8));
                    }
                };
                for to in block + 1..=blocks {
                    let raw = ((to - block) * usize::from(block_size))
                        .min(raw_len - block * usize::from(block_size));
                    let record = Record::Literal { blocks: (to - block) as u64 };
                    take(to, u64::from(record.code_len()) + raw as u64 * 8);
                }
                for hit in hits.iter().filter(|hit| hit.block as usize == block) {
                    for arity in 1..=hit.arity {
                        take(block + usize::from(arity), u64::from(Seed::cost(hit.index, arity)));
                    }
                }
            }
        }
        cost[blocks][0]
    }

    proptest! {
        #[test]
        fn no_way_takes_fewer_bits(
            raw_len in 1_usize..150,
            block_size in 1_u8..6,
            wild in proptest::collection::vec((any::<u32>(), 0_u32..20, 1_u8..5), 0..40),
        ) {
            let full = (raw_len / usize::from(block_size)) as u32;
            let mut hits: Vec<Hit> = wild
                .into_iter()
                .map(|(index, block, arity)| Hit { block, index: index >> 8 >> (index % 24), arity })
                .filter(|hit| hit.block + u32::from(hit.arity) <= full && hit.index < 16_843_008)
                .collect();
            hits.sort_by_key(|hit| (hit.block, hit.index));
            let cx = Context::default();
            for grouping in [Grouping::Small, Grouping::Whole] {
                let mut reduced: Vec<Hit> = Vec::new();
                for hit in &hits {
                    if reduced.last().is_none_or(|last| last.block != hit.block || last.arity < hit.arity) {
                        reduced.push(*hit);
                    }
                }
                let parse = parse(raw_len, block_size, &reduced, grouping, &cx).unwrap();
                prop_assert_eq!(measure(raw_len, block_size, &parse.records), parse.bits);
                let least = exhaustive(raw_len, block_size, &hits, grouping == Grouping::Whole);
                // The parse ignores the length of a single batch's record count: EVQL grows by up to 7 bits,
                // and padding rounds that up to 16.
                let slack = if grouping == Grouping::Whole { 16 } else { 0 };
                prop_assert!(parse.bits <= least + slack, "{} bits, {least} suffice", parse.bits);
                prop_assert!(parse.bits >= least);
            }
        }
    }

    #[test]
    fn literals_have_the_codes_of_the_format() {
        let mut least = 1;
        for (most, code) in LITERAL_CODES {
            for blocks in [least, u64::from(most)] {
                assert_eq!(Record::Literal { blocks }.code_len(), code);
            }
            least = u64::from(most) + 1;
        }
    }

    #[test]
    fn without_hits_there_is_one_literal() {
        let cx = Context::default();
        for raw_len in [1, 2, 3, 4, 100, 200_000, 1_000_000] {
            let parse = parse(raw_len, 3, &[], Grouping::Small, &cx).unwrap();
            let blocks = raw_len.div_ceil(3) as u64;
            assert_eq!(parse.records.records, [Record::Literal { blocks }]);
            assert_eq!(parse.bits, measure(raw_len, 3, &parse.records));
        }
    }
}
