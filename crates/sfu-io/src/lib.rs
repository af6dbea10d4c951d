//! The engine's shell: the sockets of one port, one media thread, and the channels to and from it.
//!
//! Lives here: the system calls (`net`, which holds all `unsafe` of the workspace), connections over
//! TCP and their framing (`tcp`, `framing`), the thread's loop, commands with replies, events with a file descriptor
//! that wakes their reader (`thread`).
//! Not here: what the engine does (`sfu`), Python (`sfu-py`).
//!
//! A caller's thread reads descriptions and builds transports; the media thread only applies them, which holds it
//! for a fraction of a millisecond. Media never leaves the media thread.

mod error;
mod framing;
mod net;
mod tcp;
mod thread;

pub use error::Error;
pub use net::interfaces;
pub use thread::{Handle, Listen};
