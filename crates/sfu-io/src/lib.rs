//! The engine's shell: one UDP socket, one media thread, and the channels to and from it.
//!
//! Lives here: the system calls (`net`, which holds all `unsafe` of the workspace), the thread's loop, commands with
//! replies, events with a file descriptor that wakes their reader.
//! Not here: what the engine does (`sfu`), Python (`sfu-py`).
//!
//! A caller's thread reads descriptions and builds transports; the media thread only applies them, which holds it
//! for a fraction of a millisecond. Media never leaves the media thread.

mod error;
mod net;
mod thread;

pub use error::Error;
pub use thread::Handle;
