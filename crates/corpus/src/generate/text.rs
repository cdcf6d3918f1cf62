//! Random text: words drawn by Zipf's law, sentences, lines and paragraphs.

use super::Prng;

/// Size of the vocabulary. By Zipf's law over it, the rarest word has a probability of 1 in 78,000.
const VOCABULARY: usize = 8192;
/// Slots of the word distribution: a draw takes 16 random bits.
const SLOTS: usize = 1 << 16;
/// Column after which a line is broken at the next word end.
const MAX_COLUMN: usize = 76;

/// Consonants and vowels, repeated by their approximate frequency in English.
const CONSONANTS: &[u8] = b"tttttttttnnnnnnnsssssssrrrrrrhhhhhhddddllllcccmmmwwffggyyppbbvkjxqz";
const VOWELS: &[u8] = b"eeeeeeeeeeeeaaaaaaaaoooooooiiiiiiiuuu";

/// Vocabulary by rank, with the distribution of draws.
pub(super) struct Vocabulary {
    letters: Vec<u8>,
    /// Offset of each word in `letters`, plus the end of the last.
    starts: Vec<u32>,
    /// Rank of the word for each of the 2^16 draws.
    slots: Vec<u16>,
}

impl Vocabulary {
    /// Invents words; frequent words tend to be short.
    pub(super) fn new(prng: &mut Prng) -> Self {
        let mut letters = Vec::new();
        let mut starts = vec![0];
        for rank in 0..VOCABULARY {
            let magnitude = (rank + 2).ilog2() as usize; // 1 to 13
            let length = 1 + magnitude / 3 + prng.below(2 + magnitude / 2);
            let vowel_first = prng.below(3);
            for position in 0..length {
                let choices = if (position + vowel_first) % 2 == 1 { VOWELS } else { CONSONANTS };
                letters.push(choices[prng.below(choices.len())]);
            }
            starts.push(letters.len() as u32);
        }
        Self { letters, starts, slots: zipf_slots() }
    }

    /// The word for 16 random bits.
    fn draw(&self, bits: u64) -> &[u8] {
        let rank = usize::from(self.slots[bits as usize % SLOTS]);
        &self.letters[self.starts[rank] as usize..self.starts[rank + 1] as usize]
    }
}

/// Distributes the slots in proportion to 1/rank, in integers so that every machine agrees.
fn zipf_slots() -> Vec<u16> {
    let weight = |rank: usize| (1_u64 << 40) / (rank as u64 + 1);
    let total: u64 = (0..VOCABULARY).map(weight).sum();
    let mut slots = Vec::with_capacity(SLOTS);
    let mut reached = 0;
    for rank in 0..VOCABULARY {
        reached += weight(rank);
        let end = (u128::from(reached) * SLOTS as u128 / u128::from(total)) as usize;
        slots.resize(end, rank as u16);
    }
    slots
}

/// Writes words as running text.
pub(super) struct Writer {
    prng: Prng,
    vocabulary: Vocabulary,
    column: usize,
    /// Words left in the sentence; 0 before the first sentence.
    sentence: usize,
    /// Sentences left in the paragraph.
    paragraph: usize,
}

impl Writer {
    pub(super) fn new(mut prng: Prng) -> Self {
        let vocabulary = Vocabulary::new(&mut prng);
        Self { prng, vocabulary, column: 0, sentence: 0, paragraph: 4 }
    }

    /// The random generator, for choices about the text.
    pub(super) fn prng(&mut self) -> &mut Prng {
        &mut self.prng
    }

    /// Appends a word without separators.
    pub(super) fn word(&mut self, out: &mut Vec<u8>) {
        let bits = self.prng.bits();
        out.extend_from_slice(self.vocabulary.draw(bits));
    }

    /// Appends the next word of the running text, with the separator after it.
    pub(super) fn running_word(&mut self, out: &mut Vec<u8>) {
        let bits = self.prng.bits();
        let start = out.len();
        if bits >> 58 == 0 {
            // One word in 64 is a number.
            out.extend_from_slice((bits >> 16 & 0x7FF).to_string().as_bytes());
        } else {
            out.extend_from_slice(self.vocabulary.draw(bits));
        }
        if self.sentence == 0 {
            out[start] = out[start].to_ascii_uppercase();
            self.sentence = 5 + (bits >> 32 & 15) as usize;
        }
        self.sentence -= 1;
        if self.sentence == 0 {
            out.push(if bits >> 40 & 15 == 0 { b'?' } else { b'.' });
            self.paragraph -= 1;
        } else if bits >> 44 & 15 == 0 {
            out.push(b',');
        }
        self.column += out.len() - start + 1;
        if self.paragraph == 0 {
            out.extend_from_slice(b"\n\n");
            self.paragraph = 3 + (bits >> 48 & 7) as usize;
            self.column = 0;
        } else if self.column > MAX_COLUMN {
            out.push(b'\n');
            self.column = 0;
        } else {
            out.push(b' ');
        }
    }
}
