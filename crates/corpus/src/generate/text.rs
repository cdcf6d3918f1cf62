//! Artificial text: words drawn by Zipf's law, sentences, lines and paragraphs.

use super::Prng;

/// How many words there are. With Zipf's law over them, the rarest has a chance of 1 in 78,000.
const WORDS: usize = 8192;
/// Words are drawn by 16 random bits.
const SLOTS: usize = 1 << 16;
/// A line is broken after the word that passes this column.
const COLUMNS: usize = 76;

/// Consonants and vowels, repeated by frequency, roughly as in English.
const CONSONANTS: &[u8] = b"tttttttttnnnnnnnsssssssrrrrrrhhhhhhddddllllcccmmmwwffggyyppbbvkjxqz";
const VOWELS: &[u8] = b"eeeeeeeeeeeeaaaaaaaaoooooooiiiiiiiuuu";

/// Words by rank, and how often each is drawn.
pub struct Vocabulary {
    letters: Vec<u8>,
    /// Where each word begins in `letters`; one more than there are words.
    starts: Vec<u32>,
    /// The rank for each of the 2^16 draws.
    slots: Vec<u16>,
}

impl Vocabulary {
    /// Invents words. The more frequent a word, the shorter it tends to be.
    pub fn new(prng: &mut Prng) -> Self {
        let mut letters = Vec::new();
        let mut starts = vec![0];
        for rank in 0..WORDS {
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

    /// The word that 16 random bits stand for.
    fn draw(&self, bits: u64) -> &[u8] {
        let rank = usize::from(self.slots[bits as usize % SLOTS]);
        &self.letters[self.starts[rank] as usize..self.starts[rank + 1] as usize]
    }
}

/// Shares the slots out in proportion to 1/rank, in whole numbers so that every machine agrees.
fn zipf_slots() -> Vec<u16> {
    let weight = |rank: usize| (1_u64 << 40) / (rank as u64 + 1);
    let total: u64 = (0..WORDS).map(weight).sum();
    let mut slots = Vec::with_capacity(SLOTS);
    let mut reached = 0;
    for rank in 0..WORDS {
        reached += weight(rank);
        let end = (u128::from(reached) * SLOTS as u128 / u128::from(total)) as usize;
        slots.resize(end, rank as u16);
    }
    slots
}

/// Writes words as running text.
pub struct Writer {
    prng: Prng,
    vocabulary: Vocabulary,
    column: usize,
    /// Words until the sentence ends; 0 before its first.
    sentence: usize,
    /// Sentences until the paragraph ends.
    paragraph: usize,
}

impl Writer {
    pub fn new(mut prng: Prng) -> Self {
        let vocabulary = Vocabulary::new(&mut prng);
        Self { prng, vocabulary, column: 0, sentence: 0, paragraph: 4 }
    }

    /// The writer's source of randomness, for choices about the text.
    pub fn prng(&mut self) -> &mut Prng {
        &mut self.prng
    }

    /// Appends a bare word.
    pub fn word(&mut self, out: &mut Vec<u8>) {
        let bits = self.prng.bits();
        out.extend_from_slice(self.vocabulary.draw(bits));
    }

    /// Appends the next word of the running text with what separates it from the one after.
    pub fn running_word(&mut self, out: &mut Vec<u8>) {
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
        } else if self.column > COLUMNS {
            out.push(b'\n');
            self.column = 0;
        } else {
            out.push(b' ');
        }
    }
}
