//! The way that datagrams take between the engine and a client.
//!
//! Lives here: `Path`, its two ends and its protocol, and `Place`, an end that clients are told of.
//! Not here: which path a client has chosen (`session`), which transport a path leads to (`demux`).
//!
//! Spec: RFC 8445 (a path is a candidate pair), RFC 6544 (over TCP the client connects, the engine's end is passive).

use std::net::SocketAddr;

use str0m::net::{TcpType, Transmit};
use str0m::Candidate;

use crate::Error;

/// What carries datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Each by itself.
    Udp,
    /// One after another in a connection that the client made, each behind its length (RFC 4571).
    Tcp,
}

/// The two ends of a way, and what carries datagrams on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    /// What carries them.
    pub protocol: Protocol,
    /// The engine's end: the address of one of its places.
    pub local: SocketAddr,
    /// The client's end.
    pub remote: SocketAddr,
}

/// An address at which clients reach the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// What carries datagrams there.
    pub protocol: Protocol,
    /// The address, as clients are told it.
    pub address: SocketAddr,
}

impl Place {
    /// The candidate that tells clients of this place. Errors: `BadAddress`.
    pub(crate) fn candidate(&self) -> Result<Candidate, Error> {
        let candidate = match self.protocol {
            Protocol::Udp => Candidate::host(self.address, str0m::net::Protocol::Udp),
            Protocol::Tcp => Candidate::builder().tcp().host(self.address).tcptype(TcpType::Passive).build(),
        };
        candidate.map_err(|_| Error::BadAddress)
    }
}

impl Path {
    /// The path that str0m wants a datagram sent on. `None`: on none of ours.
    pub(crate) fn of(transmit: &Transmit) -> Option<Path> {
        let protocol = match transmit.proto {
            str0m::net::Protocol::Udp => Protocol::Udp,
            str0m::net::Protocol::Tcp => Protocol::Tcp,
            _ => return None,
        };
        Some(Path { protocol, local: transmit.source, remote: transmit.destination })
    }
}

impl From<Protocol> for str0m::net::Protocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Udp => str0m::net::Protocol::Udp,
            Protocol::Tcp => str0m::net::Protocol::Tcp,
        }
    }
}
