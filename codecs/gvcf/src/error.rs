//! Errors of the format, with the codes that its public description gives them.

use std::fmt;

use lab_codec::ErrorKind;

/// Shorthand of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The codes of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// A prefix that breaks a rule, or a checksum that does not match.
    Format,
    /// Compressed data that does not decode.
    Compression,
    /// More memory would be needed than is allowed.
    Memory,
    /// The operating system refused.
    Io,
    /// git refused, or a repository is not what it should be.
    Git,
}

impl Code {
    /// The name that the description uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "GVC_ERROR_FORMAT",
            Self::Compression => "GVC_ERROR_COMPRESSION",
            Self::Memory => "GVC_ERROR_MEMORY",
            Self::Io => "GVC_ERROR_IO",
            Self::Git => "GVC_ERROR_GIT",
        }
    }
}

/// An error with its code.
#[derive(Debug)]
pub struct Error {
    code: Code,
    inner: lab_codec::Error,
}

impl Error {
    /// An error of the given code and kind.
    pub fn new(code: Code, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { code, inner: lab_codec::Error::new(kind, message) }
    }

    /// A prefix that breaks a rule.
    pub fn format(message: impl Into<String>) -> Self {
        Self::new(Code::Format, ErrorKind::Corrupt, message)
    }

    /// Compressed data that does not decode.
    pub fn compression(message: impl Into<String>) -> Self {
        Self::new(Code::Compression, ErrorKind::Corrupt, message)
    }

    /// A size beyond what is allowed.
    pub fn memory(message: impl Into<String>) -> Self {
        Self::new(Code::Memory, ErrorKind::Limit, message)
    }

    /// A repository that is not what it should be.
    pub fn git(message: impl Into<String>) -> Self {
        Self::new(Code::Git, ErrorKind::Corrupt, message)
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What kind of error this is to the house.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind()
    }

    /// The same error seen from further out.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.inner = self.inner.at(place);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.inner, self.code.name())
    }
}

impl std::error::Error for Error {}

impl From<Error> for lab_codec::Error {
    fn from(error: Error) -> Self {
        // An error of the operating system keeps what only it knows: a closed pipe ends the program quietly.
        if error.inner.io_kind().is_some() { error.inner } else { Self::new(error.kind(), error.to_string()) }
    }
}

impl From<lab_codec::Error> for Error {
    fn from(inner: lab_codec::Error) -> Self {
        let code = match inner.kind() {
            ErrorKind::Limit => Code::Memory,
            ErrorKind::Io => Code::Io,
            ErrorKind::Tool | ErrorKind::MissingTool => Code::Git,
            ErrorKind::Corrupt | ErrorKind::Truncated => Code::Compression,
            _ => Code::Format,
        };
        Self { code, inner }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self { code: Code::Io, inner: error.into() }
    }
}
