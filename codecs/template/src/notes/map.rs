//! Maps: the context of each symbol of a dictionary.
//!
//! A map comes from a file, or stands with a name in the parameters of a template. A file has a line for each
//! symbol or range of symbols: `3 NIGHT`, `7-12 DAY`, `* NIGHT` for all others. The same as a parameter is
//! `NAME.NIGHT.3.NIGHT.7-12.DAY`: the name, the context of all others, then symbols and contexts in ascending
//! order.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use lab_codec::{Error, Result};

use super::cid;
use super::dictionary::{Dictionary, is_context_name};

/// The contexts that a map may name.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// The dictionary with the symbols.
    pub dictionary: &'a Dictionary,
    /// Numbers of contexts, the content's first.
    pub contexts: &'a [usize],
}

impl Declared<'_> {
    /// The number of a declared context.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage), listing the declared names.
    pub fn context(&self, name: &str) -> Result<usize> {
        let names = &self.dictionary.table().contexts;
        self.contexts.iter().copied().find(|&number| names[number] == name).ok_or_else(|| {
            let declared: Vec<_> = self.contexts.iter().map(|&number| names[number].as_str()).collect();
            Error::usage(format!(
                "the template does not declare the context {name:?}; it declares {}",
                declared.join(", ")
            ))
        })
    }

    /// Parses `3` or `3-7`.
    fn symbols(&self, text: &str) -> Result<RangeInclusive<u32>> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| n.to_string() == text);
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(Error::usage(format!("{text:?} is not a symbol; write 3 or 3-7")));
        };
        let entries = self.dictionary.entries();
        if last as usize >= entries {
            return Err(Error::usage(format!(
                "symbol {last} does not exist; the dictionary has {entries}, from 0"
            )));
        }
        if first > last {
            return Err(Error::usage(format!("the range {text} is empty; give the smaller number first")));
        }
        Ok(first..=last)
    }
}

/// The context of each symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// The context of all symbols that are not named.
    rest: usize,
    /// Named symbols with their contexts, ascending.
    named: Vec<(RangeInclusive<u32>, usize)>,
}

impl Map {
    /// Reads the lines of a file.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage), with the line: an undeclared context, an unknown or repeated
    /// symbol.
    pub fn from_lines(text: &str, declared: Declared) -> Result<Self> {
        let Declared { dictionary, contexts } = declared;
        let mut identifiers = HashMap::new();
        for entry in 0..dictionary.entries() {
            let piece = dictionary.piece(entry, contexts[0]);
            identifiers.entry(cid::text(&piece.digest)).or_insert(entry as u32);
        }
        let mut rest = None;
        let mut named = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let at_line = |e: Error| e.at(format!("line {}", number + 1));
            let words: Vec<_> = line.split_whitespace().collect();
            let (symbol, name) = match words[..] {
                [] => continue,
                [symbol, name] => (symbol, name),
                _ => return Err(at_line(Error::usage("a line needs a symbol and a context"))),
            };
            let context = declared.context(name).map_err(at_line)?;
            if symbol == "*" {
                if rest.replace(context).is_some() {
                    return Err(at_line(Error::usage("a second line for *")));
                }
                continue;
            }
            let symbols = match identifiers.get(symbol) {
                Some(&entry) => entry..=entry,
                None => declared.symbols(symbol).map_err(at_line)?,
            };
            named.push((symbols, context, number + 1));
        }
        named.sort_by_key(|(symbols, ..)| *symbols.start());
        for pair in named.windows(2) {
            if pair[1].0.start() <= pair[0].0.end() {
                let (symbol, line) = (pair[1].0.start(), pair[0].2.max(pair[1].2));
                return Err(Error::usage(format!("symbol {symbol} occurs twice")).at(format!("line {line}")));
            }
        }
        let named = named.into_iter().map(|(symbols, context, _)| (symbols, context)).collect();
        Ok(Self { rest: rest.unwrap_or(contexts[0]), named })
    }

    /// Parses `CONTEXT.SYMBOLS.CONTEXT...`, the part of a parameter after the name.
    fn from_words<'a>(mut words: impl Iterator<Item = &'a str>, declared: Declared) -> Result<Self> {
        let Some(rest) = words.next() else {
            return Err(Error::param("a map needs a name, and a context for the symbols it does not name"));
        };
        let mut map = Self { rest: declared.context(rest)?, named: Vec::new() };
        while let Some(symbols) = words.next() {
            let symbols = declared.symbols(symbols)?;
            if map.named.last().is_some_and(|(before, _)| symbols.start() <= before.end()) {
                return Err(Error::param(format!(
                    "symbol {} occurs twice, or after a larger one",
                    symbols.start()
                )));
            }
            let Some(context) = words.next() else {
                return Err(Error::param(format!("symbol {} has no context", symbols.start())));
            };
            map.named.push((symbols, declared.context(context)?));
        }
        Ok(map)
    }

    /// The map as a parameter, without its name.
    pub fn to_words(&self, dictionary: &Dictionary) -> String {
        let name = |context: usize| &dictionary.table().contexts[context];
        let mut text = name(self.rest).clone();
        for (symbols, context) in &self.named {
            let (first, last) = (symbols.start(), symbols.end());
            let symbols = if first == last { first.to_string() } else { format!("{first}-{last}") };
            text += &format!(".{symbols}.{}", name(*context));
        }
        text
    }

    /// The context of a symbol.
    pub fn context(&self, entry: u32) -> usize {
        let at = self.named.partition_point(|(symbols, _)| *symbols.end() < entry);
        let named = self.named.get(at).filter(|(symbols, _)| symbols.contains(&entry));
        named.map_or(self.rest, |(_, context)| *context)
    }
}

/// Parses the parameter `maps`: named maps, joined by `+`.
///
/// # Errors
/// [`Param`](lab_codec::ErrorKind::Param), with the map's name.
pub fn read_all(text: &str, declared: Declared) -> Result<Vec<(String, Map)>> {
    let mut maps = Vec::<(String, Map)>::new();
    for text in text.split('+').filter(|_| !text.is_empty()) {
        let mut words = text.split('.');
        let name = words.next().unwrap_or_default();
        if !is_context_name(name) {
            return Err(Error::param(format!("{name:?} is not a map name; use letters, digits, - and _")));
        }
        if maps.iter().any(|(known, _)| known == name) {
            return Err(Error::param(format!("two maps are named {name:?}")));
        }
        let map = Map::from_words(words, declared)
            .map_err(|e| Error::param(format!("the map {name:?}: {}", e.message())))?;
        maps.push((name.to_string(), map));
    }
    Ok(maps)
}
