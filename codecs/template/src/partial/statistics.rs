//! Statistics of a grammar: rules, depths, lengths, and the savings of each rule.

use lab_codec::{Context, Result};

use super::Parsed;
use super::table::Table;
use crate::grammar::TERMINALS;

/// Statistics of one or more segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes of the text.
    pub bytes: u64,
    /// Bytes of segments stored raw, without a grammar.
    pub stored: u64,
    /// Rules.
    pub rules: u64,
    /// Symbols of the start sequences.
    pub start: u64,
    /// Symbols on the right-hand sides of all rules.
    pub sides: u64,
    /// Bytes of the text covered by rules in the start sequences.
    pub covered: u64,
    /// Rules by depth: index 0 holds those of depth 1, whose symbols are bytes.
    pub depths: Vec<u64>,
    /// Rules by length: index i holds those of `2^i` to `2^(i + 1) - 1` bytes.
    pub lengths: Vec<u64>,
    /// Bytes of the longest rule.
    pub longest: u64,
}

/// Statistics of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Rules are numbered in the order in which they are complete.
    pub number: u32,
    /// Its uses, on right-hand sides and in the start sequence.
    pub uses: u32,
    /// Symbols on its right-hand side.
    pub width: u32,
    /// Bytes of its text.
    pub len: u32,
    /// 1 if its symbols are bytes, else 1 more than the deepest of them.
    pub depth: u32,
    /// Its occurrences in the text, counted through expanded rules.
    pub occurrences: u32,
    /// Tokens saved: those of its uses spelled out, less those of its uses and its definition (NEW and its
    /// right-hand side).
    pub saves: i64,
}

impl Statistics {
    /// Adds a segment, and returns its rules.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit).
    pub fn add(&mut self, segment: &Parsed, cx: &Context) -> Result<Vec<Rule>> {
        let table = match segment {
            Parsed::Bytes(bytes) => {
                self.bytes += bytes.len() as u64;
                self.stored += bytes.len() as u64;
                return Ok(Vec::new());
            }
            Parsed::Grammar(table) => table,
        };
        let memory = table.rules().saturating_mul(size_of::<Rule>());
        cx.limits().check_memory(memory as u64, "the list of rules")?;
        let rules = rules(table);
        self.bytes += u64::from(table.bytes());
        self.rules += rules.len() as u64;
        self.start += table.start().len() as u64;
        let in_rules = table.start().iter().filter(|&&symbol| symbol >= TERMINALS);
        self.covered += in_rules.map(|&symbol| u64::from(table.len_of(symbol))).sum::<u64>();
        for rule in &rules {
            self.sides += u64::from(rule.width);
            self.longest = self.longest.max(rule.len.into());
            count(&mut self.depths, rule.depth as usize - 1);
            count(&mut self.lengths, rule.len.ilog2() as usize);
        }
        Ok(rules)
    }
}

fn count(histogram: &mut Vec<u64>, at: usize) {
    if histogram.len() <= at {
        histogram.resize(at + 1, 0);
    }
    histogram[at] += 1;
}

fn rules(table: &Table) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::with_capacity(table.rules());
    for number in 0..table.rules() as u32 {
        let side = table.side(number as usize);
        let mut depth = 0;
        for inner in side.iter().filter_map(|symbol| symbol.checked_sub(TERMINALS)) {
            rules[inner as usize].uses += 1;
            depth = depth.max(rules[inner as usize].depth);
        }
        rules.push(Rule {
            number,
            uses: 0,
            width: side.len() as u32,
            len: table.len_of(TERMINALS + number),
            depth: depth + 1,
            occurrences: 0,
            saves: 0,
        });
    }
    for rule in table.start().iter().filter_map(|symbol| symbol.checked_sub(TERMINALS)) {
        rules[rule as usize].uses += 1;
        rules[rule as usize].occurrences += 1;
    }
    for number in (0..rules.len()).rev() {
        let outer = rules[number].occurrences;
        for inner in table.side(number).iter().filter_map(|symbol| symbol.checked_sub(TERMINALS)) {
            // The sums fit 32 bits: every occurrence has a place of its own in the text.
            rules[inner as usize].occurrences += outer;
        }
        // Spelled out: uses * width. With the rule: NEW, width, and a token for each later use.
        let rule = &mut rules[number];
        rule.saves = (i64::from(rule.uses) - 1) * (i64::from(rule.width) - 1) - 1;
    }
    rules
}

/// The first bytes of a rule's text, at most `most`.
///
/// # Errors
/// Cancellation.
pub fn beginning(segment: &Parsed, rule: &Rule, most: usize, cx: &Context) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    if let Parsed::Grammar(table) = segment {
        table.expand_symbol(TERMINALS + rule.number, 0..most.min(rule.len as usize), &mut text, cx)?;
    }
    Ok(text)
}
