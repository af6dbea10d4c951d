//! A selective forwarding unit as a state machine: datagrams and time in, datagrams and events out.
//!
//! Lives here: transports (each one end of a WebRTC connection, on str0m), finding the transport a datagram is
//! for, tables of who receives whose track, rewriting what is forwarded, the choice of a simulcast layer, keyframe
//! requests, and data packets within a room.
//!
//! Not here: sockets, threads and the clock (`sfu-io`), Python (`sfu-py`), signalling, permissions and rooms as
//! people know them (`visavis.rtc`). Media is forwarded as it came: the engine holds no key that could open it.
//!
//! The shape is str0m's own: time is an argument, [`Engine::handle_input`] takes what happened and
//! [`Engine::poll_output`] says what to do about it, so that every test runs in memory and in virtual time.
#![forbid(unsafe_code)]

mod allocate;
mod clock;
mod data;
mod demux;
mod dtls;
mod engine;
mod error;
mod forward;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod keyframe;
mod layers;
mod loudness;
mod path;
mod quality;
mod redundancy;
mod sdp;
mod session;
mod twcc;
mod vp8;

pub use demux::stun_fragment;
pub use engine::{Engine, Event, EventKind, Input, Output, Route, Stats};
pub use error::Error;
pub use path::{Path, Place, Protocol};
pub use sdp::{Answer, Offer, MAX_SDP_BYTES};
pub use session::{Blueprint, NewTrack, OfferPlan, Session, TransportId};

/// Largest datagram the engine looks at, in bytes; WebRTC stays below 1500.
pub const MAX_DATAGRAM_BYTES: usize = 2048;
