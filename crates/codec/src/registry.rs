//! The registry: an explicit list of entries, built by the program; and the resources of their constructors.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Carrier, Codec, Digest, Error, ErrorKind, Find, Hint, Info, Params, Result, Role};

/// The constructor of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Build {
    /// Builds a codec. Parameters become one typed struct here, once.
    Codec(fn(&Params, &Resources) -> Result<Arc<dyn Codec>>),
    /// Builds a carrier.
    Carrier(fn(&Params, &Resources) -> Result<Arc<dyn Carrier>>),
}

/// One codec or carrier: its description and its constructor.
#[derive(Debug, Clone, Copy)]
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

/// The entries, in the order of listing and of probing carriers.
#[derive(Debug, Clone, Default)]
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
    /// If the id is taken or malformed, which is an error of the program, not of its input.
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

    /// The entry with this id, if any.
    pub fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.info.id == id)
    }

    /// The entry with this id.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) with the nearest known id.
    pub fn get(&self, id: &str) -> Result<&Entry> {
        self.find(id).ok_or_else(|| {
            let hint = match nearest(id, self.entries.iter().map(|e| e.info.id)) {
                Some(name) => format!("did you mean {name:?}?"),
                None => "`lab codecs` lists all codecs".to_string(),
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

/// Inputs of a constructor beside parameters: resources by digest, and the caller's registry, for a codec
/// that names other chains. The caller has verified each content against its digest.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    found: HashMap<Digest, Arc<[u8]>>,
    source: Option<Arc<dyn Find>>,
    registry: Arc<Registry>,
}

impl Resources {
    /// Adds the content with the given SHA-256.
    pub fn insert(&mut self, digest: Digest, content: Arc<[u8]>) {
        self.found.insert(digest, content);
    }

    /// Adds a source for contents that were not added.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn Find>) -> Self {
        self.source = Some(source);
        self
    }

    /// Sets the registry in which a codec looks up the chains in its parameters.
    #[must_use]
    pub fn with_registry(mut self, registry: &Registry) -> Self {
        self.registry = Arc::new(registry.clone());
        self
    }

    /// The caller's registry; empty by default.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The content with the given SHA-256.
    ///
    /// # Errors
    /// [`MissingResource`](ErrorKind::MissingResource), naming the digest and where to put the file; those of
    /// [`Find::find`].
    pub fn get(&self, digest: &Digest) -> Result<Arc<[u8]>> {
        if let Some(content) = self.found.get(digest) {
            return Ok(Arc::clone(content));
        }
        let looked_up = self.source.as_ref().map_or(Ok(None), |source| source.find(digest))?;
        looked_up.ok_or_else(|| {
            Error::new(ErrorKind::MissingResource, format!("resource sha256:{digest} is missing"))
                .with_hint(Hint::FindResource)
        })
    }
}

/// The candidate most similar to `text`, if any is close enough to be a misspelling.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (strsim::damerau_levenshtein(text, c), c))
        .filter(|(distance, c)| *distance <= 1 + c.len().max(text.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}
