//! Static order-0 rANS over blocks of bytes: a small frequency table, then four interleaved states (Giesen
//! 2014, "Interleaved entropy coders").
//!
//! A block begins with its kind. Kind 0 holds the bytes as they are. Kind 1 holds the frequency table, the
//! four states that the decoder begins with (32 bits each), and 16-bit words; numbers are little-endian.
//! Frequencies are on a scale of 4096. The table goes through the byte values from 0 on: a frequency is a
//! LEB128 varint in minimal form, and a 0 is followed by one byte, the number of further values with
//! frequency 0. It ends where the sum reaches 4096. Byte `i` of a block belongs to state `i % 4`. The encoder
//! starts all states at `2^16` and codes backwards, so that is where the decoder must end.

use lab_codec::{Error, Result};

/// Frequencies sum to 2^12: coarse enough for a decoding table of 16 KiB, which fits the first-level cache.
const BITS: u32 = 12;
const SCALE: u32 = 1 << BITS;
/// The smallest state between two symbols. States are `LOW..LOW << 16`, so one 16-bit word always refills
/// one.
const LOW: u32 = 1 << 16;
/// Independent states: the processor overlaps their chains of table look-up and multiplication.
const STATES: usize = 4;

const STORED: u8 = 0;
const CODED: u8 = 1;

/// Frequencies of all byte values. They sum to 4096, and every value that occurs has at least 1.
type Frequencies = [u16; 256];

/// The encoding step of a byte value, whose division by the frequency is a multiplication by the reciprocal.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// 2^64 / frequency, rounded up; for frequency 1 see [`new`](Self::new).
    reciprocal: u64,
    /// From this state on a word must leave first, or the step would pass 2^32.
    limit: u64,
    bias: u32,
    complement: u32,
}

impl Step {
    fn new(start: u32, frequency: u32) -> Self {
        // `x + bias + (x / frequency) * complement` is `(x / frequency) * SCALE + start + x % frequency`. The
        // high half of `x * reciprocal` is that quotient for every `x < 2^32`, and for frequency 1 it is
        // `x - 1`.
        let (reciprocal, bias) = match frequency {
            0 | 1 => (u64::MAX, start + SCALE - 1),
            _ => (u64::MAX / u64::from(frequency) + 1, start),
        };
        let limit = u64::from(frequency) << (32 - BITS);
        Self { reciprocal, limit, bias, complement: SCALE.wrapping_sub(frequency) }
    }
}

/// Encodes blocks. Its buffers are reused from one block to the next.
#[derive(Debug, Default)]
pub struct Encoder {
    words: Vec<u16>,
}

impl Encoder {
    /// Appends the coded form of `block` to `out`; nothing for an empty one. A block grows by one byte at
    /// most.
    pub fn encode(&mut self, block: &[u8], out: &mut Vec<u8>) {
        if block.is_empty() {
            return;
        }
        let start = out.len();
        let frequencies = normalize(&count(block), block.len() as u64);
        out.push(CODED);
        write_table(&frequencies, out);
        self.code(block, &frequencies, out);
        if out.len() - start > block.len() {
            out.truncate(start);
            out.push(STORED);
            out.extend_from_slice(block);
        }
    }

    fn code(&mut self, block: &[u8], frequencies: &Frequencies, out: &mut Vec<u8>) {
        let mut sum = 0;
        let steps = frequencies.map(|frequency| {
            let step = Step::new(sum, u32::from(frequency));
            sum += u32::from(frequency);
            step
        });
        // A byte emits at most one word. rANS encodes backwards, so words fill the buffer from its end.
        if self.words.len() < block.len() {
            self.words.resize(block.len(), 0);
        }
        let mut at = block.len();
        let mut states = [LOW; STATES];
        let mut put = |state: &mut u32, byte: u8| {
            let step = &steps[usize::from(byte)];
            let mut x = *state;
            if u64::from(x) >= step.limit {
                at -= 1;
                self.words[at] = x as u16;
                x >>= 16;
            }
            let quotient = ((u128::from(x) * u128::from(step.reciprocal)) >> 64) as u32;
            *state = x.wrapping_add(step.bias).wrapping_add(quotient.wrapping_mul(step.complement));
        };
        let (groups, rest) = block.as_chunks::<STATES>();
        for (state, byte) in states.iter_mut().zip(rest).rev() {
            put(state, *byte);
        }
        for group in groups.iter().rev() {
            for (state, byte) in states.iter_mut().zip(group).rev() {
                put(state, *byte);
            }
        }
        out.extend(states.iter().flat_map(|state| state.to_le_bytes()));
        out.extend(self.words[at..block.len()].iter().flat_map(|word| word.to_le_bytes()));
    }
}

/// Counts of all byte values. Four tables in turn: in a run, an increment need not wait for the store of the
/// one before.
fn count(block: &[u8]) -> [u32; 256] {
    let mut counts = [[0_u32; 256]; 4];
    let (groups, rest) = block.as_chunks::<4>();
    for group in groups {
        for (table, byte) in counts.iter_mut().zip(group) {
            table[usize::from(*byte)] += 1;
        }
    }
    for byte in rest {
        counts[0][usize::from(*byte)] += 1;
    }
    let [a, b, c, d] = counts;
    std::array::from_fn(|i| a[i] + b[i] + c[i] + d[i])
}

/// Scales counts to frequencies: rounded down but at least 1, then corrected one by one where that costs
/// fewest bits. Integers only, so that every machine writes the same table.
fn normalize(counts: &[u32; 256], total: u64) -> Frequencies {
    let mut frequencies = counts.map(|c| match c {
        0 => 0,
        _ => (u64::from(c) * u64::from(SCALE) / total).max(1) as u16,
    });
    let used: Vec<usize> = (0..256).filter(|&i| counts[i] > 0).collect();
    let mut sum: u32 = frequencies.iter().map(|f| u32::from(*f)).sum();
    // A step of one from frequency f changes the cost of a symbol that occurs c times by about c / (f +- 1/2)
    // nats: the derivative of c ln f in the middle of the step. Cross products compare those quotients
    // exactly.
    while sum != SCALE {
        let grow = sum < SCALE;
        let width = |i: usize| 2 * u64::from(frequencies[i]) + u64::from(grow) - u64::from(!grow);
        let worth = |a: &usize, b: &usize| {
            (u64::from(counts[*a]) * width(*b)).cmp(&(u64::from(counts[*b]) * width(*a)))
        };
        let candidates = used.iter().copied();
        let best = if grow {
            candidates.max_by(worth)
        } else {
            candidates.filter(|&i| frequencies[i] > 1).min_by(worth)
        };
        // The sum is above 4096 and at most 256 values share it, so one of them is above 1.
        let Some(best) = best else { break };
        if grow {
            frequencies[best] += 1;
            sum += 1;
        } else {
            frequencies[best] -= 1;
            sum -= 1;
        }
    }
    frequencies
}

fn write_table(frequencies: &Frequencies, out: &mut Vec<u8>) {
    let (mut value, mut sum) = (0, 0);
    while sum < SCALE && value < 256 {
        let frequency = frequencies[value];
        sum += u32::from(frequency);
        value += 1;
        if frequency == 0 {
            let zeros = frequencies[value..].iter().take_while(|f| **f == 0).count();
            out.extend([0, zeros as u8]);
            value += zeros;
        } else if frequency < 128 {
            out.push(frequency as u8);
        } else {
            out.extend([frequency as u8 | 128, (frequency >> 7) as u8]);
        }
    }
}

fn read_table(input: &mut &[u8]) -> Result<Frequencies> {
    let mut frequencies = [0; 256];
    let (mut value, mut sum) = (0, 0);
    while sum < SCALE {
        if value >= 256 {
            return Err(Error::corrupt("a frequency table does not add up to 4096"));
        }
        let mut frequency = u16::from(take(input)?);
        if frequency == 0 {
            value += 1 + usize::from(take(input)?);
            continue;
        }
        if frequency >= 128 {
            let high = u16::from(take(input)?);
            if high == 0 || high > 32 {
                return Err(Error::corrupt("a frequency is not a varint of at most 4096 in minimal form"));
            }
            frequency = frequency - 128 + (high << 7);
        }
        frequencies[value] = frequency;
        sum += u32::from(frequency);
        value += 1;
    }
    if sum > SCALE {
        return Err(Error::corrupt(format!("a frequency table adds up to {sum} instead of {SCALE}")));
    }
    Ok(frequencies)
}

fn take(input: &mut &[u8]) -> Result<u8> {
    let (first, rest) = input.split_first().ok_or_else(ends_early)?;
    *input = rest;
    Ok(*first)
}

#[cold]
fn ends_early() -> Error {
    Error::truncated("the coded block ends early")
}

/// Decodes blocks. Its table is reused from one block to the next.
#[derive(Debug)]
pub struct Decoder {
    /// For each point of the scale, from the lowest bit: the byte value (8 bits), its frequency less 1 (12
    /// bits), and the point's offset in the value's interval (12 bits). One load decodes a byte.
    slots: Box<[u32; SCALE as usize]>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { slots: Box::new([0; SCALE as usize]) }
    }
}

impl Decoder {
    /// Decodes a block of `length` bytes from the front of `input`, removes it there, and appends it to
    /// `out`.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated); [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the
    /// table or the final states are wrong; [`Unsupported`](lab_codec::ErrorKind::Unsupported) for an unknown
    /// kind.
    pub fn decode(&mut self, input: &mut &[u8], length: usize, out: &mut Vec<u8>) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        match take(input)? {
            STORED => {
                let (bytes, rest) = input.split_at_checked(length).ok_or_else(ends_early)?;
                out.extend_from_slice(bytes);
                *input = rest;
                Ok(())
            }
            CODED => {
                self.fill(&read_table(input)?);
                self.decode_coded(input, length, out)
            }
            kind => Err(Error::unsupported(format!("a block of kind {kind}; a newer version may read it"))),
        }
    }

    fn fill(&mut self, frequencies: &Frequencies) {
        let mut rest = &mut self.slots[..];
        for (value, frequency) in frequencies.iter().enumerate() {
            let (slots, behind) = rest.split_at_mut(usize::from(*frequency));
            let common = value as u32 | u32::from(frequency.saturating_sub(1)) << 8;
            for (place, slot) in slots.iter_mut().enumerate() {
                *slot = common | (place as u32) << 20;
            }
            rest = behind;
        }
    }

    fn decode_coded(&self, input: &mut &[u8], length: usize, out: &mut Vec<u8>) -> Result<()> {
        let mut states = [0; STATES];
        for state in &mut states {
            let (bytes, rest) = input.split_first_chunk().ok_or_else(ends_early)?;
            *state = u32::from_le_bytes(*bytes);
            *input = rest;
            if *state < LOW {
                return Err(Error::corrupt("a block begins with a state that is too small"));
            }
        }
        let start = out.len();
        out.resize(start + length, 0);
        let (groups, rest) = out[start..].as_chunks_mut::<STATES>();
        let mut groups = groups.iter_mut();
        // A group reads at most four words, so with eight bytes left none of its reads needs a bounds test.
        let mut words = *input;
        while words.len() >= 2 * STATES {
            let Some(group) = groups.next() else { break };
            let mut used = 0;
            for (byte, state) in group.iter_mut().zip(&mut states) {
                *byte = self.step(state);
                let word = u32::from(words[used]) | u32::from(words[used + 1]) << 8;
                let short = *state < LOW;
                *state = if short { *state << 16 | word } else { *state };
                used += 2 * usize::from(short);
            }
            words = &words[used..];
        }
        for group in groups.map(|group| &mut group[..]).chain(std::iter::once(rest)) {
            for (byte, state) in group.iter_mut().zip(&mut states) {
                *byte = self.step(state);
                if *state < LOW {
                    let (word, behind) = words.split_first_chunk().ok_or_else(ends_early)?;
                    *state = *state << 16 | u32::from(u16::from_le_bytes(*word));
                    words = behind;
                }
            }
        }
        *input = words;
        if states == [LOW; STATES] {
            Ok(())
        } else {
            Err(Error::corrupt("the entropy coder ends a block in a wrong state"))
        }
    }

    /// Decodes one byte value from a state.
    #[inline]
    fn step(&self, state: &mut u32) -> u8 {
        let slot = self.slots[(*state & (SCALE - 1)) as usize];
        let frequency = ((slot >> 8) & 0xFFF) + 1;
        *state = frequency * (*state >> BITS) + (slot >> 20);
        slot as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(block: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Encoder::default().encode(block, &mut out);
        out
    }

    fn decode(mut input: &[u8], length: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Decoder::default().decode(&mut input, length, &mut out)?;
        if input.is_empty() { Ok(out) } else { Err(Error::corrupt("bytes are left")) }
    }

    proptest! {
        #[test]
        fn round_trip(block in proptest::collection::vec(any::<u8>(), 0..3000), shift in 0u32..8) {
            let block: Vec<u8> = block.into_iter().map(|b| b >> shift).collect();
            prop_assert_eq!(decode(&encode(&block), block.len()).unwrap(), block);
        }

        #[test]
        fn frequencies_add_up(
            counts in proptest::collection::vec(0u32..1 << 20, 256),
            sparse in 1usize..256,
        ) {
            let mut counts: [u32; 256] = counts.try_into().unwrap();
            counts.iter_mut().enumerate().filter(|(i, _)| i % sparse != 0).for_each(|(_, c)| *c = 0);
            counts[7] += 1;
            let total = counts.iter().map(|c| u64::from(*c)).sum();
            let frequencies = normalize(&counts, total);
            prop_assert_eq!(frequencies.iter().map(|f| u32::from(*f)).sum::<u32>(), SCALE);
            prop_assert!(counts.iter().zip(&frequencies).all(|(c, f)| (*c > 0) == (*f > 0)));
            let mut table = Vec::new();
            write_table(&frequencies, &mut table);
            let mut rest = table.as_slice();
            prop_assert_eq!(read_table(&mut rest).unwrap(), frequencies);
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn division_by_multiplication(x in LOW.., frequency in 1u32..=SCALE, start in 0u32..SCALE) {
            let step = Step::new(start, frequency);
            let x = if u64::from(x) >= step.limit { x >> 16 } else { x };
            let quotient = ((u128::from(x) * u128::from(step.reciprocal)) >> 64) as u32;
            let found = x.wrapping_add(step.bias).wrapping_add(quotient.wrapping_mul(step.complement));
            let expected = u64::from(x / frequency) * u64::from(SCALE) + u64::from(start + x % frequency);
            prop_assert_eq!(u64::from(found), expected & 0xFFFF_FFFF);
        }
    }

    #[test]
    fn the_size_is_near_the_entropy() {
        // 3/4, 1/8 and 1/8 of the bytes: 1.0613 bits each.
        let block: Vec<u8> = (0..80_000).map(|i| [9, 9, 9, 70, 9, 9, 9, 200][i % 8]).collect();
        let size = encode(&block).len() as f64;
        let bits = 80_000.0 * (0.75 * (4.0_f64 / 3.0).log2() + 0.25 * 3.0);
        assert!(size * 8.0 < bits * 1.001 + 300.0, "{size}");
        assert_eq!(encode(&[5; 100_000]).len(), 21);
    }

    #[test]
    fn damaged_tables_are_refused() {
        let kind = |bytes: &[u8]| decode(bytes, 10).unwrap_err().kind();
        use lab_codec::ErrorKind::{Corrupt, Truncated, Unsupported};
        assert_eq!(kind(&[2]), Unsupported);
        assert_eq!(kind(&[]), Truncated);
        assert_eq!(kind(&[1, 0]), Truncated);
        assert_eq!(kind(&[1, 0, 255, 1]), Corrupt); // past the last byte value
        assert_eq!(kind(&[1, 0x81, 0]), Corrupt); // not minimal
        assert_eq!(kind(&[1, 0x80, 31, 0x81, 1]), Corrupt); // 3968 + 129
        assert_eq!(kind(&[1, 0x80, 33]), Corrupt); // above 4096
        assert_eq!(kind(&[1, 0x80, 32, 0, 0, 0, 0]), Corrupt); // a state of 0
    }
}
