//! Which transport a datagram is for.
//!
//! Lives here: the two maps, from a path and from an ICE user name fragment, and the reading of that fragment from a
//! STUN request. Not here: whether a STUN request is authentic (`session` asks str0m).
//!
//! All transports share one port. A STUN request names its transport by the fragment the engine gave out (RFC 8445
//! §7.2.2); everything else is told apart by the path it came on, which an authentic request has bound.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::{Path, TransportId};

/// A path stays with its transport until it has been silent this long: a datagram with a forged source can then not
/// take a living client's path away. Clients send checks every 2.5 s at the latest.
const PATH_SILENCE: Duration = Duration::from_secs(5);

/// Most paths that one transport may hold; a client that moves between networks needs a few, and each of the engine's
/// places makes one more.
const MAX_PATHS: usize = 16;

/// Most fragments that one transport may have: those of restarts that were offered and not answered among them.
const MAX_FRAGMENTS: usize = 4;

/// STUN's attributes USERNAME (RFC 8489 §14.3) and USE-CANDIDATE (RFC 8445 §16.1).
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// The type of a binding request (RFC 8489 §5).
const BINDING_REQUEST: [u8; 2] = [0, 1];

struct Bound {
    transport: TransportId,
    last: Instant,
}

/// The maps from what a datagram shows to the transport it is for.
#[derive(Default)]
pub(crate) struct Demux {
    paths: HashMap<Path, Bound>,
    fragments: HashMap<String, TransportId>,
    /// The fragments of each transport, the newest last.
    names: HashMap<TransportId, Vec<String>>,
}

impl Demux {
    /// The transport that a path is bound to; the path counts as heard at `now`.
    pub(crate) fn by_path(&mut self, path: Path, now: Instant) -> Option<TransportId> {
        let bound = self.paths.get_mut(&path)?;
        bound.last = now;
        Some(bound.transport)
    }

    /// The transport that gave out the fragment a STUN request names.
    pub(crate) fn by_fragment(&self, fragment: &str) -> Option<TransportId> {
        self.fragments.get(fragment).copied()
    }

    /// Whether a path is bound to a transport.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.paths.contains_key(path)
    }

    /// Let `transport` be found by `fragment` too: the one before is good until a restart of ICE has been answered.
    pub(crate) fn name(&mut self, fragment: String, transport: TransportId) {
        let names = self.names.entry(transport).or_default();
        if names.contains(&fragment) {
            return;
        }
        if names.len() >= MAX_FRAGMENTS {
            self.fragments.remove(&names.remove(1));
        }
        names.push(fragment.clone());
        self.fragments.insert(fragment, transport);
    }

    /// Let `transport` be found by `fragment` alone.
    pub(crate) fn rename(&mut self, fragment: String, transport: TransportId) {
        for old in self.names.remove(&transport).unwrap_or_default() {
            self.fragments.remove(&old);
        }
        self.name(fragment, transport);
    }

    /// Let `transport` be found by `path`, after an authentic request on it.
    pub(crate) fn bind(&mut self, path: Path, transport: TransportId, now: Instant) {
        if let Some(bound) = self.paths.get_mut(&path) {
            if bound.transport == transport {
                bound.last = now;
            } else if now.saturating_duration_since(bound.last) > PATH_SILENCE {
                *bound = Bound { transport, last: now };
            }
            return;
        }
        let mut held: Vec<(Instant, Path)> = self
            .paths
            .iter()
            .filter(|(_, bound)| bound.transport == transport)
            .map(|(path, bound)| (bound.last, *path))
            .collect();
        if held.len() >= MAX_PATHS {
            held.sort();
            self.paths.remove(&held[0].1);
        }
        self.paths.insert(path, Bound { transport, last: now });
    }

    /// How many ways lead to a transport.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn held(&self) -> usize {
        self.paths.len() + self.fragments.len() + self.names.len()
    }

    /// Forget everything that leads to `transport`.
    pub(crate) fn forget(&mut self, transport: TransportId) {
        self.paths.retain(|_, bound| bound.transport != transport);
        for old in self.names.remove(&transport).unwrap_or_default() {
            self.fragments.remove(&old);
        }
    }
}

/// Whether the first byte marks STUN (RFC 7983 §7).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|b| *b < 4)
}

/// Whether the first byte marks DTLS (RFC 7983 §7).
pub(crate) fn is_dtls(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|b| (20..64).contains(b))
}

/// The fragment of the receiving side in the USERNAME of a STUN request, which reads `receiver:sender`; of nothing else.
pub fn stun_fragment(datagram: &[u8]) -> Option<&str> {
    if !is_stun(datagram) {
        return None;
    }
    std::str::from_utf8(stun_attribute(datagram, USERNAME)?).ok()?.split(':').next()
}

/// Whether a STUN request nominates the path it came on.
pub(crate) fn stun_nominates(datagram: &[u8]) -> bool {
    datagram.starts_with(&BINDING_REQUEST) && stun_attribute(datagram, USE_CANDIDATE).is_some()
}

/// The value of an attribute of a STUN message.
///
/// ```text
/// 0        2        4                 8                                20
/// | type   | length | cookie 2112A442 | transaction, 12 bytes          | attributes …
/// each attribute: | type, 2 | length, 2 | value, padded to a multiple of 4 |
/// ```
fn stun_attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = datagram.get(20..)?;
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = tail.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == wanted {
            return Some(value);
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;

    fn path(n: u8) -> Path {
        let (local, remote) = (([192, 0, 2, 1], 7000).into(), ([198, 51, 100, n], 5000).into());
        Path { protocol: Protocol::Udp, local, remote }
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
    fn a_path_is_taken_over_only_after_silence() {
        let (mut demux, start) = (Demux::default(), Instant::now());
        let (first, second) = (TransportId(1), TransportId(2));
        demux.bind(path(1), first, start);
        demux.bind(path(1), second, start + Duration::from_secs(4));
        assert_eq!(demux.by_path(path(1), start + Duration::from_secs(4)), Some(first));
        demux.bind(path(1), second, start + Duration::from_secs(8));
        assert_eq!(demux.by_path(path(1), start + Duration::from_secs(8)), Some(first));
        demux.bind(path(1), second, start + Duration::from_secs(14));
        assert_eq!(demux.by_path(path(1), start + Duration::from_secs(14)), Some(second));
    }

    #[test]
    fn a_transport_holds_few_paths_and_loses_the_oldest() {
        let (mut demux, start) = (Demux::default(), Instant::now());
        for n in 0..=MAX_PATHS {
            demux.bind(path(n as u8), TransportId(1), start + Duration::from_millis(n as u64));
        }
        assert_eq!(demux.paths.len(), MAX_PATHS);
        assert_eq!(demux.by_path(path(0), start), None);
        assert_eq!(demux.by_path(path(1), start), Some(TransportId(1)));
    }

    #[test]
    fn a_forgotten_transport_is_found_by_nothing() {
        let (mut demux, now) = (Demux::default(), Instant::now());
        demux.name("ours".into(), TransportId(1));
        demux.bind(path(1), TransportId(1), now);
        demux.forget(TransportId(1));
        assert_eq!(demux.by_fragment("ours"), None);
        assert_eq!(demux.by_path(path(1), now), None);
    }
}
