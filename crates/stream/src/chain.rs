//! The chain grammar: text to codecs with parameters, canonical text, and sweeps.
//!
//! ```text
//! chain = stage {"," stage}      stage = id {":" arg}      arg = [key "="] value
//! ```
//! A value without a key binds to the first parameter. In a sweep a value may be a list `1/3/19` or a range
//! `2..4`; quoted braces `{1,3,19}` and `{2..4}` mean the same. Text that [`Chain`] displays is canonical:
//! defaults are left out, parameters stand in declared order, and it parses to the same chain.

use std::fmt;
use std::ops::Range;

use lab_codec::{Digest, Entry, Error, Param, ParamKind, Params, Registry, Result, Role, Value, nearest};

/// Maximum stages of a chain; bounds what a hostile header can request.
pub const MAX_STAGES: usize = 32;
/// Maximum length of a chain text, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Maximum chains of one sweep.
pub const MAX_SWEEP: usize = 10_000;

/// One entry of a chain with its parameters.
#[derive(Clone)]
pub struct Stage {
    /// The registry entry.
    pub entry: Entry,
    /// Its parameters.
    pub params: Params,
}

/// Codecs in order, then at most one carrier.
#[derive(Clone)]
pub struct Chain {
    /// The codecs, first applied first.
    pub codecs: Vec<Stage>,
    /// The carrier, if the chain names one.
    pub carrier: Option<Stage>,
}

/// Reads the file that `@FILE` names and returns its digest.
pub type Loader<'a> = &'a mut dyn FnMut(&str) -> Result<Digest>;

impl Chain {
    /// Parses exactly one chain without `@FILE`.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) or [`Param`](lab_codec::ErrorKind::Param); the message names
    /// the span, the valid keys or ranges, and the nearest name.
    pub fn parse(registry: &Registry, text: &str) -> Result<Self> {
        Self::parse_with(registry, text, &mut |path| {
            Err(Error::usage(format!("{path:?}: @FILE is not allowed here; use the resource's digest")))
        })
    }

    /// Parses exactly one chain; `load` reads each `@FILE`.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_with(registry: &Registry, text: &str, load: Loader) -> Result<Self> {
        let mut chains = Self::parse_sweep(registry, text, load)?;
        match (chains.pop(), chains.is_empty()) {
            (Some(chain), true) => Ok(chain),
            _ => Err(Error::usage(format!(
                "chain {text:?} is a sweep of {} chains; this command accepts one chain",
                chains.len() + 1
            ))),
        }
    }

    /// Parses a chain whose values may be lists and ranges: the cross product, with the first stage varying
    /// slowest.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_sweep(registry: &Registry, text: &str, load: Loader) -> Result<Vec<Self>> {
        let in_chain = |error: Error| error.at(format!("chain {text:?}"));
        if text.len() > MAX_TEXT {
            return Err(Error::usage(format!("a chain of {} bytes exceeds {MAX_TEXT}", text.len())));
        }
        let spans = split(text, 0..text.len(), ',').map_err(in_chain)?;
        if spans.len() > MAX_STAGES {
            return Err(in_chain(Error::usage(format!("{} stages, at most {MAX_STAGES}", spans.len()))));
        }
        let mut chains = vec![Self { codecs: Vec::new(), carrier: None }];
        let last = spans.len() - 1;
        for (i, span) in spans.into_iter().enumerate() {
            let stages = parse_stage(registry, text, span.clone(), load).map_err(in_chain)?;
            let role = stages.first().map_or(Role::Codec, |s| s.entry.role());
            if role == Role::Carrier && i != last {
                return Err(in_chain(Error::usage(format!(
                    "{:?} at {}..{} is a carrier and must be the last stage",
                    &text[span.clone()],
                    span.start,
                    span.end
                ))));
            }
            if chains.len().saturating_mul(stages.len()) > MAX_SWEEP {
                return Err(in_chain(Error::usage(format!("the sweep exceeds {MAX_SWEEP} chains"))));
            }
            chains = chains
                .iter()
                .flat_map(|chain| stages.iter().map(|stage| chain.with(role, stage.clone())))
                .collect();
        }
        Ok(chains)
    }

    /// Parses the codecs in a stream's header; empty text means no codec.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse); a carrier in a header is corrupt.
    pub fn parse_codecs(registry: &Registry, text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self { codecs: Vec::new(), carrier: None });
        }
        let mut refuse = |_: &str| Err(Error::corrupt("a stream's header names a file"));
        let chain = Self::parse_with(registry, text, &mut refuse)?;
        if chain.carrier.is_some() || chain.to_string() != text {
            return Err(Error::corrupt(format!("the header's chain {text:?} is not in canonical form")));
        }
        Ok(chain)
    }

    fn with(&self, role: Role, stage: Stage) -> Self {
        let mut chain = self.clone();
        match role {
            Role::Codec => chain.codecs.push(stage),
            Role::Carrier => chain.carrier = Some(stage),
        }
        chain
    }

    /// Canonical text of the codecs without the carrier, as stored in a stream's header.
    pub fn codecs_text(&self) -> String {
        self.codecs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// Digests of all resources that the codecs use, in order.
    pub fn resources(&self) -> Vec<Digest> {
        let values =
            self.codecs.iter().flat_map(|s| s.params.iter().map(|(_, v)| v.clone()).collect::<Vec<_>>());
        values.filter_map(|v| if let Value::Resource(d) = v { d } else { None }).collect()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.entry.info.id, self.params)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, stage) in self.codecs.iter().chain(&self.carrier).enumerate() {
            write!(f, "{}{stage}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

/// The ids in a chain's text, registered or not.
pub fn ids(text: &str) -> Vec<&str> {
    let spans = split(text, 0..text.len(), ',').unwrap_or_default();
    spans.into_iter().map(|span| text[span].split(':').next().unwrap_or_default().trim()).collect()
}

/// Splits `text[span]` at each separator outside braces.
fn split(text: &str, span: Range<usize>, separator: char) -> Result<Vec<Range<usize>>> {
    let mut spans = Vec::new();
    let mut start = span.start;
    let mut open = None;
    for (i, c) in text[span.clone()].char_indices().map(|(i, c)| (i + span.start, c)) {
        match c {
            '{' if open.is_none() => open = Some(i),
            '}' if open.is_some() => open = None,
            '{' | '}' => return Err(Error::usage(format!("unexpected {c:?} at {i}"))),
            c if c == separator && open.is_none() => {
                spans.push(start..i);
                start = i + 1;
            }
            _ => {}
        }
    }
    if let Some(i) = open {
        return Err(Error::usage(format!("the brace at {i} is not closed")));
    }
    spans.push(start..span.end);
    Ok(spans)
}

/// Parses `sha256:HEX`, which the separator split, as one span.
fn join_digests(text: &str, spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if text[last.clone()].rsplit('=').next() == Some("sha256") => last.end = span.end,
            _ => joined.push(span),
        }
    }
    joined
}

/// Parses one stage into all variants of its sweep.
fn parse_stage(registry: &Registry, text: &str, span: Range<usize>, load: Loader) -> Result<Vec<Stage>> {
    let place = |s: &Range<usize>| format!("at {}..{}", s.start, s.end);
    let mut parts = join_digests(text, split(text, span, ':')?).into_iter();
    let id = parts.next().unwrap_or(0..0);
    if text[id.clone()].is_empty() {
        return Err(Error::usage(format!(
            "a codec name is missing at {}; a chain looks like repair,zstd:level=19,video",
            id.start
        )));
    }
    let entry = *registry.get(&text[id.clone()]).map_err(|e| e.at(place(&id)))?;
    let info = entry.info;
    let mut all = vec![Params::defaults(info)];
    let mut given = vec![false; info.params.len()];
    for (position, arg) in parts.enumerate() {
        // A value in braces may hold anything, even chains with keys of their own.
        let keyed = text[arg.clone()].split_once('=').filter(|(key, _)| !key.contains('{'));
        let (index, param, value) = match keyed {
            Some((key, _)) => {
                let (index, param) =
                    info.param(key).ok_or_else(|| unknown_key(&entry, key).at(place(&arg)))?;
                (index, param, arg.start + key.len() + 1..arg.end)
            }
            None => {
                let param = info.params.first().filter(|_| position == 0).ok_or_else(|| {
                    let keys = if info.params.is_empty() { "it takes none".into() } else { keys(&entry) };
                    Error::usage(format!(
                        "{:?} is not key=value for {:?}; {keys}",
                        &text[arg.clone()],
                        info.id
                    ))
                    .at(place(&arg))
                })?;
                (0, param, arg.clone())
            }
        };
        if std::mem::replace(&mut given[index], true) {
            return Err(Error::usage(format!("{:?} is given twice", param.name)).at(place(&arg)));
        }
        let values = parse_values(param, &text[value.clone()], load).map_err(|e| e.at(place(&value)))?;
        if all.len().saturating_mul(values.len()) > MAX_SWEEP {
            return Err(Error::usage(format!("the sweep exceeds {MAX_SWEEP} chains")).at(place(&value)));
        }
        all = all
            .iter()
            .flat_map(|params| {
                values.iter().map(|value| {
                    let mut params = params.clone();
                    params.set(index, value.clone());
                    params
                })
            })
            .collect();
    }
    Ok(all.into_iter().map(|params| Stage { entry, params }).collect())
}

fn keys(entry: &Entry) -> String {
    let keys: Vec<_> = entry.info.params.iter().map(|p| format!("{}={}", p.name, p.range_text())).collect();
    format!("it takes {}", keys.join(", "))
}

fn unknown_key(entry: &Entry, key: &str) -> Error {
    let id = entry.info.id;
    if entry.info.params.is_empty() {
        return Error::param(format!("{id:?} takes no parameters"));
    }
    let hint = match nearest(key, entry.info.params.iter().map(|p| p.name)) {
        Some(name) => format!("; did you mean {name:?}?"),
        None => String::new(),
    };
    Error::param(format!("{id:?} has no parameter {key:?}{hint} ({})", keys(entry)))
}

/// Parses one value, or all values of a sweep.
fn parse_values(param: &Param, text: &str, load: Loader) -> Result<Vec<Value>> {
    match param.kind {
        ParamKind::Text => return Ok(vec![param.parse(text)?]),
        ParamKind::Resource => {
            return match text.strip_prefix('@') {
                Some(path) => Ok(vec![Value::Resource(Some(load(path)?))]),
                None => Ok(vec![param.parse(text)?]),
            };
        }
        _ => {}
    }
    let (list, separator) = match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        Some(inner) => (inner, ','),
        None => (text, '/'),
    };
    let mut values = Vec::new();
    for item in list.split(separator) {
        match item.split_once("..") {
            Some((low, high)) if matches!(param.kind, ParamKind::Int { .. }) => {
                let (Value::Int(low), Value::Int(high)) = (param.parse(low)?, param.parse(high)?) else {
                    return Err(Error::param(format!("{item:?} is not a range")));
                };
                if low > high || (high - low) as usize >= MAX_SWEEP {
                    return Err(Error::param(format!("{item:?} is not an ascending range")));
                }
                values.extend((low..=high).map(Value::Int));
            }
            _ => values.push(param.parse(item)?),
        }
    }
    Ok(values)
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
