//! The rules that can be used again, in lists by first byte and by class (uses to come).
//!
//! A use names a rule by its index in a list. The rule then moves to the list of the class below, and the
//! last rule of the old list takes its place, so both sides update in constant time. A used-up rule is in no
//! list.

use lab_codec::{Error, Result};

use super::model::{CLASSES, class_after_use};

#[inline]
fn index(first: u8, class: u8) -> usize {
    usize::from(first) * CLASSES + usize::from(class)
}

/// The lists as a decoder keeps them: the rules themselves.
#[derive(Debug)]
pub(super) struct Lists<T> {
    lists: Vec<Vec<T>>,
    inserted: u64,
}

impl<T: Copy> Default for Lists<T> {
    fn default() -> Self {
        Self { lists: vec![Vec::new(); 256 * CLASSES], inserted: 0 }
    }
}

impl<T: Copy> Lists<T> {
    /// The length of a list; at least one.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where there is none.
    #[inline]
    pub(super) fn len(&self, first: u8, class: u8) -> Result<u32> {
        match self.lists.get(index(first, class)) {
            Some(list) if !list.is_empty() && usize::from(class) < CLASSES => Ok(list.len() as u32),
            _ => Err(none(first, class)),
        }
    }

    /// Uses the rule at index `at` of a list and moves it to the list of class `after`.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where there is none.
    #[inline]
    pub(super) fn take(&mut self, first: u8, class: u8, at: u32, after: u8) -> Result<T> {
        let list = &mut self.lists[index(first, class)];
        let Some(&rule) = list.get(at as usize) else { return Err(none(first, class)) };
        if after != class {
            list.swap_remove(at as usize);
            if after > 0 {
                self.lists[index(first, after)].push(rule);
            }
        }
        Ok(rule)
    }

    /// Adds a rule that is complete.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the class is 0 or too large.
    #[inline]
    pub(super) fn insert(&mut self, first: u8, class: u8, rule: T) -> Result<()> {
        if class == 0 || usize::from(class) >= CLASSES {
            return Err(Error::corrupt(format!("a rule of class {class}; classes are 1 to 30")));
        }
        self.lists[index(first, class)].push(rule);
        self.inserted += 1;
        Ok(())
    }

    /// Upper bound of the memory in use, in bytes: a vector's capacity is at most twice its length.
    pub(super) fn memory(&self) -> u64 {
        self.inserted.saturating_mul(2 * size_of::<T>() as u64)
    }
}

#[cold]
fn none(first: u8, class: u8) -> Error {
    Error::corrupt(format!("no rule of class {class} begins with byte {first}, or its index is too large"))
}

/// An encoder's record of a rule.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    /// Its last two bytes, the last one low.
    pub tail: u16,
    /// Its first byte.
    pub first: u8,
    /// Its class, or 0 when it is used up.
    pub class: u8,
    at: u32,
}

/// The lists of an encoder, which also needs the index of each rule.
#[derive(Debug)]
pub(super) struct Ranked {
    lists: Vec<Vec<u32>>,
    members: Vec<Member>,
    /// Open rules whose first byte is not known yet.
    awaiting: Vec<u32>,
}

impl Ranked {
    /// Lists for `rules` rules.
    pub(super) fn new(rules: usize) -> Self {
        Self {
            lists: vec![Vec::new(); 256 * CLASSES],
            members: vec![Member::default(); rules],
            awaiting: Vec::new(),
        }
    }

    /// A rule by number.
    #[inline]
    pub(super) fn member(&self, rule: usize) -> Member {
        self.members[rule]
    }

    /// The definition of a rule begins.
    pub(super) fn open(&mut self, rule: usize, class: u8) {
        self.members[rule].class = class;
        self.awaiting.push(rule as u32);
    }

    /// Records the first byte of a token: all rules opened since the last token begin with it.
    #[inline]
    pub(super) fn said(&mut self, first: u8) {
        for rule in self.awaiting.drain(..) {
            self.members[rule as usize].first = first;
        }
    }

    /// The definition of a rule is complete.
    pub(super) fn close(&mut self, rule: usize, tail: u16) {
        self.members[rule].tail = tail;
        self.insert(rule);
    }

    fn insert(&mut self, rule: usize) {
        let member = &mut self.members[rule];
        let list = &mut self.lists[index(member.first, member.class)];
        member.at = list.len() as u32;
        list.push(rule as u32);
    }

    /// Uses a rule: returns its index in its list and the list's length.
    pub(super) fn use_again(&mut self, rule: usize) -> (u32, u32) {
        let Member { first, class, at, .. } = self.members[rule];
        let list = &mut self.lists[index(first, class)];
        let len = list.len() as u32;
        let after = class_after_use(class);
        if after != class {
            list.swap_remove(at as usize);
            if let Some(&moved) = list.get(at as usize) {
                self.members[moved as usize].at = at;
            }
            self.members[rule].class = after;
            if after > 0 {
                self.insert(rule);
            }
        }
        (at, len)
    }
}
