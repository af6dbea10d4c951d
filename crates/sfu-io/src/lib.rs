//! The engine's shell: the sockets of one port, its media threads, and the channels to and from them.
//!
//! Lives here: the system calls (`net`, which holds all `unsafe` of the workspace), opening the port (`listen`),
//! connections over TCP and their framing (`tcp`, `framing`), a media thread (`thread`), which of several a datagram is
//! for (`directory`), commands with replies, events with a file descriptor that wakes their reader, and which thread a
//! room is on (`handle`).
//! Not here: what the engine does (`sfu`), Python (`sfu-py`).
//!
//! A caller's thread reads descriptions and builds transports; a media thread only applies them, which holds it
//! for a fraction of a millisecond. Media never leaves the media threads. A room is on one of them.

mod directory;
mod error;
mod framing;
mod handle;
mod listen;
mod net;
mod tcp;
mod thread;

pub use error::Error;
pub use handle::Handle;
pub use listen::Listen;
pub use net::interfaces;
