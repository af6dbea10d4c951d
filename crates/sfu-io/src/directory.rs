//! Which media thread a datagram is for.
//!
//! Lives here: the two maps that all threads share, from an ICE user name fragment and from a path. Not here: which
//! transport it is for, which each thread's engine finds by itself (`sfu`).
//!
//! Threads share one port, of which the first reads. A path is told here by the thread whose engine has bound it, so
//! after an authentic request: before that a STUN request is led by the fragment that it names, and all else by
//! nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use sfu::{stun_fragment, Path, TransportId};

/// A path stays with its thread until no check has come on it for so long; clients check every 2.5 s at the latest.
const PATH_SILENCE: Duration = Duration::from_secs(6);

/// Most fragments by which one transport is found; of more the oldest lead nowhere.
const MAX_FRAGMENTS: usize = 16;

#[derive(Default)]
struct Tables {
    fragments: HashMap<String, usize>,
    /// The fragments of each transport, the newest last.
    names: HashMap<TransportId, VecDeque<String>>,
    paths: HashMap<Path, (usize, Instant)>,
}

/// What leads a datagram to a thread.
#[derive(Default)]
pub(crate) struct Directory(RwLock<Tables>);

impl Directory {
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that a datagram is for; `None`: nobody's.
    pub(crate) fn thread_of(&self, path: &Path, bytes: &[u8]) -> Option<usize> {
        let tables = self.read();
        let named = stun_fragment(bytes).and_then(|fragment| tables.fragments.get(fragment).copied());
        named.or_else(|| tables.paths.get(path).map(|(thread, _)| *thread))
    }

    /// Let a transport of a thread be found by a fragment too.
    pub(crate) fn name(&self, fragment: &str, transport: TransportId, thread: usize) {
        let tables = &mut *self.write();
        if tables.fragments.insert(fragment.into(), thread).is_some() {
            return;
        }
        let names = tables.names.entry(transport).or_default();
        names.push_back(fragment.into());
        if names.len() > MAX_FRAGMENTS {
            if let Some(oldest) = names.pop_front() {
                tables.fragments.remove(&oldest);
            }
        }
    }

    /// Let nothing lead to a transport by its fragments; its paths go at the next sweep.
    pub(crate) fn forget(&self, transport: TransportId) {
        let tables = &mut *self.write();
        for fragment in tables.names.remove(&transport).unwrap_or_default() {
            tables.fragments.remove(&fragment);
        }
    }

    /// A thread's engine has found an authentic check on a path.
    pub(crate) fn claim(&self, path: Path, thread: usize, now: Instant) {
        let tables = &mut *self.write();
        let (holder, last) = tables.paths.entry(path).or_insert((thread, now));
        if *holder == thread || now.saturating_duration_since(*last) > PATH_SILENCE {
            (*holder, *last) = (thread, now);
        }
    }

    /// Forget the paths of a thread that its engine does not know any more.
    pub(crate) fn sweep(&self, thread: usize, knows: impl Fn(&Path) -> bool) {
        let gone = |(path, (holder, _)): (&Path, &(usize, Instant))| *holder == thread && !knows(path);
        if self.read().paths.iter().any(gone) {
            self.write().paths.retain(|path, (holder, _)| *holder != thread || knows(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu::Protocol;

    fn path(n: u8) -> Path {
        let (local, remote) = (([192, 0, 2, 1], 7000).into(), ([198, 51, 100, n], 5000).into());
        Path { protocol: Protocol::Udp, local, remote }
    }

    /// A STUN binding request whose USERNAME begins with `fragment`.
    fn request(fragment: &str) -> Vec<u8> {
        let name = format!("{fragment}:x");
        let mut out = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        out.extend_from_slice(&[0, 6, 0, name.len() as u8]);
        out.extend_from_slice(name.as_bytes());
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn a_request_is_led_by_its_fragment_and_all_else_by_its_path() {
        let (directory, now) = (Directory::default(), Instant::now());
        directory.name("first", TransportId(1), 0);
        directory.name("second", TransportId(2), 1);
        assert_eq!(directory.thread_of(&path(1), &request("second")), Some(1));
        assert_eq!(directory.thread_of(&path(1), &[128; 20]), None);
        directory.claim(path(1), 1, now);
        assert_eq!(directory.thread_of(&path(1), &[128; 20]), Some(1));
        assert_eq!(directory.thread_of(&path(1), &request("first")), Some(0));
        assert_eq!(directory.thread_of(&path(1), &request("stranger")), Some(1));
        directory.forget(TransportId(2));
        assert_eq!(directory.thread_of(&path(2), &request("second")), None);
        directory.sweep(1, |_| false);
        assert_eq!(directory.thread_of(&path(1), &[128; 20]), None);
    }

    #[test]
    fn another_thread_takes_a_path_only_after_silence() {
        let (directory, start) = (Directory::default(), Instant::now());
        directory.claim(path(1), 0, start);
        directory.claim(path(1), 1, start + Duration::from_secs(5));
        assert_eq!(directory.thread_of(&path(1), &[128]), Some(0));
        directory.claim(path(1), 0, start + Duration::from_secs(6));
        directory.claim(path(1), 1, start + Duration::from_secs(11));
        assert_eq!(directory.thread_of(&path(1), &[128]), Some(0));
        directory.claim(path(1), 1, start + Duration::from_secs(13));
        assert_eq!(directory.thread_of(&path(1), &[128]), Some(1));
        directory.sweep(0, |_| false);
        assert_eq!(directory.thread_of(&path(1), &[128]), Some(1), "it is another's");
    }

    #[test]
    fn a_transport_that_is_named_again_and_again_is_found_by_its_last_names() {
        let directory = Directory::default();
        for n in 0..=MAX_FRAGMENTS {
            directory.name(&format!("f{n}"), TransportId(1), 1);
            directory.name(&format!("f{n}"), TransportId(1), 1);
        }
        assert_eq!(directory.thread_of(&path(1), &request("f0")), None);
        assert_eq!(directory.thread_of(&path(1), &request("f1")), Some(1));
        directory.forget(TransportId(1));
        let tables = directory.read();
        assert!(tables.fragments.is_empty() && tables.names.is_empty());
    }
}
