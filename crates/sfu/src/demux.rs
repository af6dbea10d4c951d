//! Which transport a datagram is for.
//!
//! Lives here: the two maps, from a client's address and from an ICE user name fragment, and the reading of that
//! fragment from a STUN request. Not here: whether a STUN request is authentic (`session` asks str0m).
//!
//! All transports share one UDP port. A STUN request names its transport by the fragment the engine gave out
//! (RFC 8445 §7.2.2); everything else is told apart by its source address, which an authentic request has bound.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::TransportId;

/// An address stays with its transport until it has been silent this long: a datagram with a forged source can then
/// not take a living client's address away. Clients send checks every 2.5 s at the latest.
const ADDRESS_SILENCE: Duration = Duration::from_secs(5);

/// Most addresses that one transport may hold; a client that moves between networks needs a few.
const MAX_ADDRESSES: usize = 16;

/// STUN's attribute USERNAME (RFC 8489 §14.3).
const USERNAME: u16 = 0x0006;

struct Bound {
    transport: TransportId,
    last: Instant,
}

/// The maps from what a datagram shows to the transport it is for.
#[derive(Default)]
pub(crate) struct Demux {
    addresses: HashMap<SocketAddr, Bound>,
    fragments: HashMap<String, TransportId>,
}

impl Demux {
    /// The transport that an address is bound to; the address counts as heard at `now`.
    pub(crate) fn by_address(&mut self, source: SocketAddr, now: Instant) -> Option<TransportId> {
        let bound = self.addresses.get_mut(&source)?;
        bound.last = now;
        Some(bound.transport)
    }

    /// The transport that gave out the fragment a STUN request names.
    pub(crate) fn by_fragment(&self, fragment: &str) -> Option<TransportId> {
        self.fragments.get(fragment).copied()
    }

    /// Let `transport` be found by `fragment`.
    pub(crate) fn name(&mut self, fragment: String, transport: TransportId) {
        self.fragments.insert(fragment, transport);
    }

    /// Let `transport` be found by `source`, after an authentic request from there.
    pub(crate) fn bind(&mut self, source: SocketAddr, transport: TransportId, now: Instant) {
        if let Some(bound) = self.addresses.get_mut(&source) {
            if bound.transport == transport {
                bound.last = now;
            } else if now.saturating_duration_since(bound.last) > ADDRESS_SILENCE {
                *bound = Bound { transport, last: now };
            }
            return;
        }
        let mut held: Vec<(Instant, SocketAddr)> = self
            .addresses
            .iter()
            .filter(|(_, bound)| bound.transport == transport)
            .map(|(address, bound)| (bound.last, *address))
            .collect();
        if held.len() >= MAX_ADDRESSES {
            held.sort();
            self.addresses.remove(&held[0].1);
        }
        self.addresses.insert(source, Bound { transport, last: now });
    }

    /// How many ways lead to a transport.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn held(&self) -> usize {
        self.addresses.len() + self.fragments.len()
    }

    /// Forget everything that leads to `transport`.
    pub(crate) fn forget(&mut self, transport: TransportId) {
        self.addresses.retain(|_, bound| bound.transport != transport);
        self.fragments.retain(|_, id| *id != transport);
    }
}

/// Whether the first byte marks STUN (RFC 7983 §7).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|b| *b < 4)
}

/// The fragment of the receiving side in a STUN request's USERNAME, which reads `receiver:sender`.
///
/// ```text
/// 0        2        4                 8                                20
/// | type   | length | cookie 2112A442 | transaction, 12 bytes          | attributes …
/// each attribute: | type, 2 | length, 2 | value, padded to a multiple of 4 |
/// ```
pub(crate) fn stun_fragment(datagram: &[u8]) -> Option<&str> {
    let mut rest = datagram.get(20..)?;
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = tail.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 5000))
    }

    fn stun(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        out.extend_from_slice(&[7; 12]);
        for (kind, value) in attributes {
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&(value.len() as u16).to_be_bytes());
            out.extend_from_slice(value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    #[test]
    fn the_receivers_fragment_is_found_behind_other_attributes() {
        let request = stun(&[(0x8022, b"agent"), (USERNAME, b"ours:theirs"), (0x0024, &[0; 4])]);
        assert!(is_stun(&request));
        assert_eq!(stun_fragment(&request), Some("ours"));
    }

    #[test]
    fn a_request_cut_off_anywhere_names_nobody_or_the_right_one() {
        let request = stun(&[(0x8022, b"agent"), (USERNAME, b"ours:theirs")]);
        for end in 0..request.len() {
            assert!(matches!(stun_fragment(&request[..end]), None | Some("ours")), "cut at {end}");
        }
        assert_eq!(stun_fragment(&stun(&[(USERNAME, &[0xff, 0xfe])])), None);
    }

    #[test]
    fn an_address_is_taken_over_only_after_silence() {
        let (mut demux, start) = (Demux::default(), Instant::now());
        let (first, second) = (TransportId(1), TransportId(2));
        demux.bind(address(1), first, start);
        demux.bind(address(1), second, start + Duration::from_secs(4));
        assert_eq!(demux.by_address(address(1), start + Duration::from_secs(4)), Some(first));
        demux.bind(address(1), second, start + Duration::from_secs(8));
        assert_eq!(demux.by_address(address(1), start + Duration::from_secs(8)), Some(first));
        demux.bind(address(1), second, start + Duration::from_secs(14));
        assert_eq!(demux.by_address(address(1), start + Duration::from_secs(14)), Some(second));
    }

    #[test]
    fn a_transport_holds_few_addresses_and_loses_the_oldest() {
        let (mut demux, start) = (Demux::default(), Instant::now());
        for n in 0..=MAX_ADDRESSES {
            demux.bind(address(n as u8), TransportId(1), start + Duration::from_millis(n as u64));
        }
        assert_eq!(demux.addresses.len(), MAX_ADDRESSES);
        assert_eq!(demux.by_address(address(0), start), None);
        assert_eq!(demux.by_address(address(1), start), Some(TransportId(1)));
    }

    #[test]
    fn a_forgotten_transport_is_found_by_nothing() {
        let (mut demux, now) = (Demux::default(), Instant::now());
        demux.name("ours".into(), TransportId(1));
        demux.bind(address(1), TransportId(1), now);
        demux.forget(TransportId(1));
        assert_eq!(demux.by_fragment("ours"), None);
        assert_eq!(demux.by_address(address(1), now), None);
    }
}
