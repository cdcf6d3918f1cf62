//! The one error type of the project: a kind, which decides the exit code, and one line of text.

use std::fmt;

/// Shorthand used throughout the workspace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes contradict their format or a checksum.
    Corrupt,
    /// The bytes end too early.
    Truncated,
    /// Honouring the input would exceed a limit on memory, size or count.
    Limit,
    /// A valid file of another kind or of a newer version.
    Unsupported,
    /// A codec parameter is unknown or out of range.
    Param,
    /// Wrong use of the command: an invalid chain, an output that exists, a missing argument.
    Usage,
    /// An external program is needed and was not found.
    MissingTool,
    /// A content-addressed resource is needed and was not found.
    MissingResource,
    /// An external program ran and failed.
    Tool,
    /// The user or a deadline cancelled the work.
    Cancelled,
    /// Some but not all of the content could be recovered.
    Partial,
    /// A limit that the user set on a comparison is exceeded.
    Exceeded,
    /// The operating system refused.
    Io,
}

/// What would help. A library names the way out; the program puts it into words, such as the name of its
/// option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hint {
    /// Allow more memory.
    RaiseMemoryLimit,
    /// Cut the content into smaller segments.
    SmallerSegments,
    /// Say that the output may be replaced, or name another.
    Overwrite,
    /// Go on with the earlier run, or say that it may be replaced.
    Resume,
    /// Say where the resource lies.
    FindResource,
    /// Recover the intact segments.
    Salvage,
    /// Write to a file or a pipe.
    NotATerminal,
    /// List the registered codecs.
    ListCodecs,
    /// Build the seed table again.
    RebuildTable,
    /// Get the files from another address or a directory.
    OtherSource,
}

/// An error: its kind, a one-line message, and the places where it occurred, from the outside in.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    places: Vec<String>,
    hint: Option<Hint>,
    io: Option<std::io::Error>,
}

impl Error {
    /// An error of `kind` with a one-line `message` in lower case and without a final full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), places: Vec::new(), hint: None, io: None }
    }

    /// The input contradicts its format.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// The input ends too early.
    pub fn truncated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Truncated, message)
    }

    /// A limit would be exceeded.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    /// Wrong use of the command or chain.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A parameter is unknown or out of range.
    pub fn param(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Param, message)
    }

    /// A valid file of another kind, or of a newer version.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// The work was cancelled.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "interrupted")
    }

    /// Adds a place, one layer further out: a stage, a segment or a path.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.places.push(place.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without the places.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with what would help.
    #[must_use]
    pub fn with_hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What would help, where the library knows; it is not part of the text.
    pub fn hint(&self) -> Option<Hint> {
        self.hint
    }

    /// The operating system's error, if it is one.
    pub fn io_kind(&self) -> Option<std::io::ErrorKind> {
        self.io.as_ref().map(std::io::Error::kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in self.places.iter().rev() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io.as_ref().map(|e| e as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(io: std::io::Error) -> Self {
        let kind = match io.kind() {
            std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
            _ => ErrorKind::Io,
        };
        Self { kind, message: io.to_string(), places: Vec::new(), hint: None, io: Some(io) }
    }
}
