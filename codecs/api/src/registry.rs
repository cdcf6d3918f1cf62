//! The registry: an explicit list of entries, built by whoever runs the program.

use std::sync::Arc;

use crate::{Carrier, Codec, Error, Info, Params, Resources, Result, Role};

/// How an entry's instances are made from parameters.
#[derive(Clone, Copy)]
pub enum Build {
    /// Makes a codec. Parameters become one typed struct here, once.
    Codec(fn(&Params, &Resources) -> Result<Arc<dyn Codec>>),
    /// Makes a carrier.
    Carrier(fn(&Params, &Resources) -> Result<Arc<dyn Carrier>>),
}

/// One codec or carrier: its description and its constructor.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The description.
    pub info: &'static Info,
    /// The constructor.
    pub build: Build,
}

impl Entry {
    /// An entry for a codec.
    pub const fn codec(
        info: &'static Info,
        build: fn(&Params, &Resources) -> Result<Arc<dyn Codec>>,
    ) -> Self {
        Self { info, build: Build::Codec(build) }
    }

    /// An entry for a carrier.
    pub const fn carrier(
        info: &'static Info,
        build: fn(&Params, &Resources) -> Result<Arc<dyn Carrier>>,
    ) -> Self {
        Self { info, build: Build::Carrier(build) }
    }

    /// Whether this is a codec or a carrier.
    pub fn role(&self) -> Role {
        match self.build {
            Build::Codec(_) => Role::Codec,
            Build::Carrier(_) => Role::Carrier,
        }
    }
}

/// The entries, in the order in which they are listed and carriers are probed.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// A registry without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// Where the id is taken or malformed: that is a mistake in the program, not in its input.
    pub fn register(&mut self, entry: Entry) -> &mut Self {
        let id = entry.info.id;
        let well_formed = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        assert!(well_formed, "the id {id:?} is not lower-case letters, digits and '-'");
        assert!(self.find(id).is_none(), "the id {id:?} is registered twice");
        self.entries.push(entry);
        self
    }

    /// All entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry called `id`.
    pub fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.info.id == id)
    }

    /// The entry called `id`.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) with the nearest known id.
    pub fn get(&self, id: &str) -> Result<&Entry> {
        self.find(id).ok_or_else(|| {
            let hint = match nearest(id, self.entries.iter().map(|e| e.info.id)) {
                Some(name) => format!("did you mean {name:?}?"),
                None => "`lab codecs` lists what there is".to_string(),
            };
            Error::usage(format!("unknown codec {id:?}; {hint}"))
        })
    }

    /// All carriers, as (description, instance with default parameters), in registration order.
    pub fn carriers(&self) -> impl Iterator<Item = (&'static Info, Result<Arc<dyn Carrier>>)> {
        self.entries.iter().filter_map(|e| match e.build {
            Build::Carrier(build) => Some((e.info, build(&Params::defaults(e.info), &Resources::default()))),
            Build::Codec(_) => None,
        })
    }
}

/// The candidate that is most like `text`, where one is near enough to be what was meant.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (strsim::damerau_levenshtein(text, c), c))
        .filter(|(distance, c)| *distance <= 1 + c.len().max(text.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}
