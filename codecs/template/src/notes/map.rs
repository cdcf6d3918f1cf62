//! Maps: which symbol of a dictionary is in which context.
//!
//! A map comes from a file, or it stands in the parameters of a template, where it has a name. A file has a line for each
//! symbol, or for a range of them: `3 NIGHT`, `7-12 DAY`, `* NIGHT` for all that are not named. Among the parameters the
//! same is `NAME.NIGHT.3.NIGHT.7-12.DAY`: the name, the context of all that are not named, then symbols and contexts in
//! ascending order.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use lab_codec::{Error, Result};

use super::cid;
use super::dictionary::{Dictionary, is_context_name};

/// What the contexts are that a map may name.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// The dictionary with the symbols.
    pub dictionary: &'a Dictionary,
    /// Numbers of contexts; the first one is the content's.
    pub contexts: &'a [usize],
}

impl Declared<'_> {
    /// The number of a declared context.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage), with the names that are declared.
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

    /// `3`, or `3-7`.
    fn symbols(&self, text: &str) -> Result<RangeInclusive<u32>> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| n.to_string() == text);
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(Error::usage(format!("{text:?} is no symbol; symbols look like 3, or 3-7")));
        };
        let entries = self.dictionary.entries();
        if last as usize >= entries {
            return Err(Error::usage(format!(
                "the dictionary has no symbol {last}; it has {entries}, from 0 on"
            )));
        }
        if first > last {
            return Err(Error::usage(format!("the symbols {text} are none; give the smaller number first")));
        }
        Ok(first..=last)
    }
}

/// Which symbol is in which context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// The context of all symbols that are not named.
    rest: usize,
    /// Those that are, ascending.
    named: Vec<(RangeInclusive<u32>, usize)>,
}

impl Map {
    /// Reads the lines of a file.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage), with the line: a context that is not declared, a symbol that does not exist
    /// or comes twice.
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
                _ => return Err(at_line(Error::usage("a line has a symbol and a context"))),
            };
            let context = declared.context(name).map_err(at_line)?;
            if symbol == "*" {
                if rest.replace(context).is_some() {
                    return Err(at_line(Error::usage("there are two lines for *")));
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
                return Err(
                    Error::usage(format!("symbol {symbol} comes a second time")).at(format!("line {line}"))
                );
            }
        }
        let named = named.into_iter().map(|(symbols, context, _)| (symbols, context)).collect();
        Ok(Self { rest: rest.unwrap_or(contexts[0]), named })
    }

    /// Reads `CONTEXT.SYMBOLS.CONTEXT...`, what stands behind a name among the parameters.
    fn from_words<'a>(mut words: impl Iterator<Item = &'a str>, declared: Declared) -> Result<Self> {
        let Some(rest) = words.next() else {
            return Err(Error::param(
                "a map has a name, and a context for all symbols that it does not name",
            ));
        };
        let mut map = Self { rest: declared.context(rest)?, named: Vec::new() };
        while let Some(symbols) = words.next() {
            let symbols = declared.symbols(symbols)?;
            if map.named.last().is_some_and(|(before, _)| symbols.start() <= before.end()) {
                return Err(Error::param(format!(
                    "symbol {} comes a second time, or behind a larger one",
                    symbols.start()
                )));
            }
            let Some(context) = words.next() else {
                return Err(Error::param(format!("no context for the symbol {}", symbols.start())));
            };
            map.named.push((symbols, declared.context(context)?));
        }
        Ok(map)
    }

    /// As it stands among the parameters, behind its name and a point.
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

/// Reads the parameter `maps`: maps joined by `+`, each with its name.
///
/// # Errors
/// [`Param`](lab_codec::ErrorKind::Param), with the name: whatever is wrong with it.
pub fn read_all(text: &str, declared: Declared) -> Result<Vec<(String, Map)>> {
    let mut maps = Vec::<(String, Map)>::new();
    for text in text.split('+').filter(|_| !text.is_empty()) {
        let mut words = text.split('.');
        let name = words.next().unwrap_or_default();
        if !is_context_name(name) {
            return Err(Error::param(format!("{name:?} is no name of a map: letters, digits, - and _")));
        }
        if maps.iter().any(|(known, _)| known == name) {
            return Err(Error::param(format!("the map {name:?} is there twice")));
        }
        let map = Map::from_words(words, declared)
            .map_err(|e| Error::param(format!("the map {name:?}: {}", e.message())))?;
        maps.push((name.to_string(), map));
    }
    Ok(maps)
}
