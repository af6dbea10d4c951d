//! What can go wrong around the engine.
//!
//! Lives here: the engine's own errors, and those of the socket and the thread. Not here: their Python form.

use std::fmt;

/// Why a command was not carried out.
#[derive(Debug)]
pub enum Error {
    /// The engine said no.
    Engine(sfu::Error),
    /// The socket, a file descriptor or the thread could not be made.
    System(std::io::Error),
    /// The media thread has ended.
    Stopped,
}

impl Error {
    /// The stable name of the error: kebab-case, never translated.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Engine(e) => e.code(),
            Error::System(_) => "system",
            Error::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Engine(e) => e.fmt(f),
            Error::System(e) => write!(f, "the system refused: {e}"),
            Error::Stopped => f.write_str("the engine has stopped"),
        }
    }
}

impl std::error::Error for Error {}

impl From<sfu::Error> for Error {
    fn from(e: sfu::Error) -> Self {
        Error::Engine(e)
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Error::System(e)
    }
}
