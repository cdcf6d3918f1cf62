//! Inputs to encode: small and large, repetitive and random, with lengths around the segment size.

use crate::mutate::Random;

/// Bytes with a name for the report.
pub(crate) struct Input {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Input {
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_string(), bytes }
    }
}

/// Inputs of the round-trip checks.
pub(crate) fn all(segment: usize) -> Vec<Input> {
    vec![
        Input::new("empty", Vec::new()),
        Input::new("one zero", vec![0]),
        Input::new("one 255", vec![255]),
        Input::new("two bytes", vec![1, 2]),
        Input::new("zeros", vec![0; segment]),
        Input::new("every byte value", (0..=255).collect()),
        Input::new("random", random(segment)),
        Input::new("records", records(segment)),
        Input::new("period of 3", b"abc".iter().copied().cycle().take(segment).collect()),
        Input::new("text", text(segment)),
        Input::new("text of a segment less 1", text(segment.saturating_sub(1))),
        Input::new("text of a segment and 1", text(segment + 1)),
    ]
}

/// Inputs whose encoded forms are damaged: at most `longest` bytes each.
pub(crate) fn small(longest: usize) -> Vec<Input> {
    let half_random = [random(longest / 4), text(longest / 4)].concat();
    vec![
        Input::new("empty", Vec::new()),
        Input::new("one zero", vec![0]),
        Input::new("every byte value", (0..=255).collect()),
        Input::new("zeros", vec![0; longest]),
        Input::new("random and text", half_random),
        Input::new("text", text(longest)),
    ]
}

/// Random bytes, as incompressible as a compressed stream.
pub(crate) fn random(length: usize) -> Vec<u8> {
    let mut random = Random::new(length as u64);
    (0..length).map(|_| random.next() as u8).collect()
}

/// Lines of words with different frequencies. Each text is a prefix of every longer one.
pub fn text(length: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "the", "of", "and", "segment", "to", "grammar", "in", "codec", "ratio", "that", "is", "entropy",
        "for", "window", "with", "Huffman",
    ];
    let mut random = Random::new(1);
    let mut text = Vec::with_capacity(length + 16);
    while text.len() < length {
        // The smaller of two draws prefers the front of the list.
        let index = random.below(WORDS.len()).min(random.below(WORDS.len()));
        text.extend_from_slice(WORDS[index].as_bytes());
        text.push(if random.below(12) == 0 { b'\n' } else { b' ' });
    }
    text.truncate(length);
    text
}

/// Fixed-size records with a counter, a noisy number and a constant, as in tables.
fn records(length: usize) -> Vec<u8> {
    let mut random = Random::new(2);
    let mut bytes = Vec::with_capacity(length + 16);
    for counter in 0_u32.. {
        if bytes.len() >= length {
            break;
        }
        bytes.extend_from_slice(&counter.to_le_bytes());
        bytes.extend_from_slice(&(1000 + random.below(50) as u32).to_le_bytes());
        bytes.extend_from_slice(b"\0\0RECORD");
    }
    bytes.truncate(length);
    bytes
}
