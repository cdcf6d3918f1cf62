//! Typed parameters: declared as constants, parsed from text, read without string look-ups.

use std::fmt;
use std::time::Duration;

use crate::{Digest, Error, Info, Result, nearest};

/// The type and range of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// A whole number in an inclusive range.
    Int {
        /// Minimum.
        min: i64,
        /// Maximum.
        max: i64,
    },
    /// A number of bytes in an inclusive range; the text takes K, M and G (powers of 1024).
    Size {
        /// Minimum.
        min: u64,
        /// Maximum.
        max: u64,
    },
    /// One of the listed words.
    Choice(&'static [&'static str]),
    /// `on` or `off`.
    Flag,
    /// Any text without a comma or colon.
    Text,
    /// Side data: `@FILE` when typed, `sha256:HEX` in canonical text, or `none`.
    Resource,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// For a [`ParamKind::Int`].
    Int(i64),
    /// For a [`ParamKind::Size`], in bytes.
    Size(u64),
    /// For a [`ParamKind::Choice`]: the index of the word.
    Choice(usize),
    /// For a [`ParamKind::Flag`].
    Flag(bool),
    /// For a [`ParamKind::Text`].
    Text(String),
    /// For a [`ParamKind::Resource`]; `None` without a resource.
    Resource(Option<Digest>),
}

/// A default: a [`Value`] that a constant can hold.
#[derive(Debug, Clone, Copy)]
enum Constant {
    Int(i64),
    Size(u64),
    Choice(usize),
    Flag(bool),
    Text(&'static str),
    NoResource,
}

/// The declaration of one parameter, built by the `const` constructors.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Param {
    /// The key in chains.
    pub name: &'static str,
    /// Other accepted spellings of the key.
    pub aliases: &'static [&'static str],
    /// Its type and range.
    pub kind: ParamKind,
    default: Constant,
    /// One line of help.
    pub help: &'static str,
}

impl Param {
    const fn new(name: &'static str, kind: ParamKind, default: Constant, help: &'static str) -> Self {
        Self { name, aliases: &[], kind, default, help }
    }

    /// A whole number in `min..=max`.
    pub const fn int(name: &'static str, min: i64, max: i64, default: i64, help: &'static str) -> Self {
        Self::new(name, ParamKind::Int { min, max }, Constant::Int(default), help)
    }

    /// A number of bytes in `min..=max`.
    pub const fn size(name: &'static str, min: u64, max: u64, default: u64, help: &'static str) -> Self {
        Self::new(name, ParamKind::Size { min, max }, Constant::Size(default), help)
    }

    /// One of `words`; `default` is an index into them.
    pub const fn choice(
        name: &'static str,
        words: &'static [&'static str],
        default: usize,
        help: &'static str,
    ) -> Self {
        Self::new(name, ParamKind::Choice(words), Constant::Choice(default), help)
    }

    /// On or off.
    pub const fn flag(name: &'static str, default: bool, help: &'static str) -> Self {
        Self::new(name, ParamKind::Flag, Constant::Flag(default), help)
    }

    /// Any text.
    pub const fn text(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::new(name, ParamKind::Text, Constant::Text(default), help)
    }

    /// Side data, by default none.
    pub const fn resource(name: &'static str, help: &'static str) -> Self {
        Self::new(name, ParamKind::Resource, Constant::NoResource, help)
    }

    /// The value where a chain gives none.
    pub fn default(&self) -> Value {
        match self.default {
            Constant::Int(v) => Value::Int(v),
            Constant::Size(v) => Value::Size(v),
            Constant::Choice(v) => Value::Choice(v),
            Constant::Flag(v) => Value::Flag(v),
            Constant::Text(v) => Value::Text(v.to_string()),
            Constant::NoResource => Value::Resource(None),
        }
    }

    /// Adds further spellings of the key.
    #[must_use]
    pub const fn or_called(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The type and range as text: `-7..22`, `raw|rans`, `on|off`, `4K..1G`.
    pub fn range_text(&self) -> String {
        match self.kind {
            ParamKind::Int { min, max } => format!("{min}..{max}"),
            ParamKind::Size { min, max } => format!("{}..{}", format_size(min), format_size(max)),
            ParamKind::Choice(words) => words.join("|"),
            ParamKind::Flag => "on|off".to_string(),
            ParamKind::Text => "text".to_string(),
            ParamKind::Resource => "@FILE|sha256:HEX|none".to_string(),
        }
    }

    /// A value of this parameter as canonical text.
    pub fn value_text(&self, value: &Value) -> String {
        match (self.kind, value) {
            (ParamKind::Choice(words), Value::Choice(i)) => words.get(*i).copied().unwrap_or("?").to_string(),
            (_, value) => value.to_string(),
        }
    }

    /// Parses a value.
    ///
    /// # Errors
    /// [`Param`](crate::ErrorKind::Param) with the allowed range and, for a choice, the nearest word.
    pub fn parse(&self, text: &str) -> Result<Value> {
        let range = || {
            Error::param(format!(
                "{}={text} is not allowed; {} takes {}",
                self.name,
                self.name,
                self.range_text()
            ))
        };
        match self.kind {
            ParamKind::Int { min, max } => match text.parse::<i64>() {
                Ok(v) if (min..=max).contains(&v) => Ok(Value::Int(v)),
                _ => Err(range()),
            },
            ParamKind::Size { min, max } => match parse_size(text) {
                Some(v) if (min..=max).contains(&v) => Ok(Value::Size(v)),
                _ => Err(range()),
            },
            ParamKind::Choice(words) => {
                words.iter().position(|w| *w == text).map(Value::Choice).ok_or_else(|| {
                    match nearest(text, words.iter().copied()) {
                        Some(word) => Error::param(format!("{}; did you mean {word:?}?", range())),
                        None => range(),
                    }
                })
            }
            ParamKind::Flag => match text {
                "on" | "true" | "1" => Ok(Value::Flag(true)),
                "off" | "false" | "0" => Ok(Value::Flag(false)),
                _ => Err(range()),
            },
            ParamKind::Text => Ok(Value::Text(text.to_string())),
            ParamKind::Resource => match text {
                "none" => Ok(Value::Resource(None)),
                _ => text
                    .strip_prefix("sha256:")
                    .and_then(Digest::from_hex)
                    .map(|d| Value::Resource(Some(d)))
                    .ok_or_else(range),
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(v) => write!(f, "{v}"),
            Self::Size(v) => f.write_str(&format_size(*v)),
            Self::Choice(i) => write!(f, "{i}"),
            Self::Flag(v) => f.write_str(if *v { "on" } else { "off" }),
            Self::Text(v) => f.write_str(v),
            Self::Resource(None) => f.write_str("none"),
            Self::Resource(Some(d)) => write!(f, "sha256:{d}"),
        }
    }
}

/// The values of all parameters of one entry, in declared order.
#[derive(Debug, Clone)]
pub struct Params {
    info: &'static Info,
    values: Vec<Value>,
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.info, other.info) && self.values == other.values
    }
}

impl Params {
    /// Every parameter at its default.
    pub fn defaults(info: &'static Info) -> Self {
        let values = info.params.iter().map(Param::default).collect();
        Self { info, values }
    }

    /// The entry that declares these parameters.
    pub fn info(&self) -> &'static Info {
        self.info
    }

    /// Sets the parameter at `index` (in declared order).
    ///
    /// # Panics
    /// If `index` is too large.
    pub fn set(&mut self, index: usize, value: Value) {
        self.values[index] = value;
    }

    /// The values with their declarations.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Param, &Value)> {
        self.info.params.iter().zip(&self.values)
    }

    fn value(&self, param: &Param) -> &Value {
        let index = self.info.params.iter().position(|p| p.name == param.name);
        &self.values[index.expect("a codec reads only parameters that its Info declares")]
    }

    /// The value of a whole-number parameter.
    pub fn int(&self, param: &Param) -> i64 {
        match self.value(param) {
            Value::Int(v) => *v,
            other => unreachable!("{} is not a whole number: {other:?}", param.name),
        }
    }

    /// The value of a size parameter in bytes.
    pub fn size(&self, param: &Param) -> u64 {
        match self.value(param) {
            Value::Size(v) => *v,
            other => unreachable!("{} is not a size: {other:?}", param.name),
        }
    }

    /// The index of the chosen word.
    pub fn choice(&self, param: &Param) -> usize {
        match self.value(param) {
            Value::Choice(v) => *v,
            other => unreachable!("{} is not a choice: {other:?}", param.name),
        }
    }

    /// Whether a flag is on.
    pub fn flag(&self, param: &Param) -> bool {
        match self.value(param) {
            Value::Flag(v) => *v,
            other => unreachable!("{} is not a flag: {other:?}", param.name),
        }
    }

    /// The value of a text parameter.
    pub fn text(&self, param: &Param) -> &str {
        match self.value(param) {
            Value::Text(v) => v,
            other => unreachable!("{} is not a text: {other:?}", param.name),
        }
    }

    /// The digest of a resource parameter.
    pub fn resource(&self, param: &Param) -> Option<Digest> {
        match self.value(param) {
            Value::Resource(v) => *v,
            other => unreachable!("{} is not a resource: {other:?}", param.name),
        }
    }
}

impl fmt::Display for Params {
    /// Canonical text: `:key=value` for every value that differs from its default, in declared order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (param, value) in self.iter() {
            let text = param.value_text(value);
            if text != param.value_text(&param.default()) {
                write!(f, ":{}={text}", param.name)?;
            }
        }
        Ok(())
    }
}

/// Parses a size: digits, then optionally K, M, G or T (powers of 1024, `KiB` and `KB` alike).
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Parses a time: `500ms`, `30s`, `1.5m`, `2h`, or a number of seconds; at most 10^7 seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = number.trim().parse::<f64>().ok()? * unit;
    (0.0..=1e7).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// Formats a size so that [`parse_size`] returns it: `16M`, `4K`, `1000`.
pub fn format_size(bytes: u64) -> String {
    for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// Formats a count with commas between thousands: `1,234,567`.
pub fn format_count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_trip() {
        for bytes in [0, 1, 1023, 1024, 1536, 16 << 20, 1 << 30, u64::MAX] {
            assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }
        assert_eq!(parse_size("16MiB"), Some(16 << 20));
        assert_eq!(parse_size("4kb"), Some(4096));
        assert_eq!(parse_size("99999999999999999999"), None);
        assert_eq!(parse_size("16777216T"), None);
        assert_eq!(parse_size("x"), None);
    }

    #[test]
    fn times_have_a_unit() {
        let milliseconds = |text| parse_duration(text).map(|time| time.as_millis());
        assert_eq!(
            ["500ms", "30s", "30", "1.5m"].map(milliseconds),
            [Some(500), Some(30_000), Some(30_000), Some(90_000)]
        );
        assert!(["", "x", "-1s", "5 weeks"].iter().all(|text| parse_duration(text).is_none()));
    }

    #[test]
    fn errors_name_the_range_and_the_nearest_word() {
        let level = Param::int("level", -7, 22, 3, "");
        assert_eq!(level.parse("-7").ok(), Some(Value::Int(-7)));
        let error = level.parse("23").unwrap_err().to_string();
        assert!(error.contains("-7..22"), "{error}");
        let coder = Param::choice("coder", &["rans", "raw"], 0, "");
        let error = coder.parse("ran").unwrap_err().to_string();
        assert!(error.contains("\"rans\""), "{error}");
    }
}
