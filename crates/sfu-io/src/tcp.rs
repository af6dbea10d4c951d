//! Connections that clients make where no datagram comes through.
//!
//! Lives here: accepting, reading, a bounded queue for what a connection does not take at once, and the limits.
//! Not here: frames (`framing`), system calls (`net`), what a datagram means (`sfu`).
//!
//! A connection is worth nothing until an authentic request has come on it: those that have sent none are few, few from
//! one address, and end after a while. One that takes less than it is sent loses what does not fit in its queue, as
//! a slow network would, and holds nobody up.
//!
//! Spec: RFC 6544 (ICE over TCP; the engine's end is passive).

use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use sfu::{Path, Protocol};

use crate::framing::{put, Frames};
use crate::net::{descriptor_limit, hurry, Poller};

/// What may wait for a connection: half a second of 2 Mbit/s.
const MAX_WAITING_BYTES: usize = 128 << 10;

/// Checks may go beyond that: a connection that is slow is not dead.
const ROOM_FOR_CHECKS: usize = 4 << 10;

/// How long a connection may lead to no transport: before its first authentic request, or after its transport has ended.
const MAX_LOST: Duration = Duration::from_secs(10);

/// Datagrams for nobody on a connection that has never led to a transport; a client's first checks may come before it
/// has told its new fragment.
const MAX_STRAYS: u32 = 64;

/// Connections from one address that lead to no transport.
const MAX_LOST_PER_ADDRESS: usize = 64;

/// Connections accepted before others have their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// Bytes read from a connection before others have their turn.
const READ_BYTES: usize = 16 << 10;

/// How often connections that have to go are looked for.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);

/// Where a datagram on a connection led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// To a transport of this thread.
    Here,
    /// To one of another thread.
    At(usize),
    /// To none.
    Nowhere,
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    path: Path,
    frames: Frames,
    waiting: VecDeque<u8>,
    /// Whether the poller says when it can be written.
    blocked: bool,
    /// Whether something has been queued that nobody has tried to send.
    fresh: bool,
    /// Whether it leads to a transport.
    known: bool,
    /// Since when it has not, or has.
    since: Instant,
    strays: u32,
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
struct Limits {
    all: usize,
    per_address: usize,
    lost: usize,
}

impl Limits {
    /// Half the descriptors at most: signalling needs as many.
    fn of(descriptors: usize) -> Limits {
        let all = (descriptors / 2).clamp(64, 8192);
        Limits { all, per_address: all / 2, lost: all / 4 }
    }
}

/// The listeners and their connections. Tokens of the poller from `first` on are its own.
pub(crate) struct Connections {
    listeners: Vec<(TcpListener, SocketAddr)>,
    connections: HashMap<u64, Connection>,
    tokens: HashMap<Path, u64>,
    fresh: Vec<u64>,
    first: u64,
    next: u64,
    limits: Limits,
    scratch: Vec<u8>,
    /// Listeners out of the poller, since there was no descriptor for the next connection.
    resting: bool,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
}

impl Connections {
    /// listeners: each with the address by which clients know it.
    pub(crate) fn new(
        listeners: Vec<(TcpListener, SocketAddr)>,
        first: u64,
        poller: &Poller,
    ) -> std::io::Result<Connections> {
        for (n, (listener, _)) in listeners.iter().enumerate() {
            poller.add(listener.as_raw_fd(), first + n as u64)?;
        }
        Ok(Connections {
            next: first + listeners.len() as u64,
            listeners,
            connections: HashMap::new(),
            tokens: HashMap::new(),
            fresh: Vec::new(),
            first,
            limits: Limits::of(descriptor_limit()),
            scratch: vec![0; READ_BYTES],
            resting: false,
            accepted: 0,
            refused: 0,
            dropped: 0,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// The listener that a token stands for.
    pub(crate) fn listener(&self, token: u64) -> Option<usize> {
        let n = usize::try_from(token.checked_sub(self.first)?).ok()?;
        (n < self.listeners.len()).then_some(n)
    }

    /// Take the connections that wait.
    pub(crate) fn accept(&mut self, listener: usize, now: Instant, poller: &Poller) {
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listeners[listener].0.accept() {
                Ok((stream, remote)) => self.enter(listener, stream, remote, now, poller),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    // It stays readable: without this the thread would do nothing else.
                    self.resting = true;
                    self.listeners.iter().for_each(|(l, _)| poller.remove(l.as_raw_fd()));
                    return;
                }
                Err(_) => {}
            }
        }
    }

    fn enter(
        &mut self,
        listener: usize,
        stream: TcpStream,
        remote: SocketAddr,
        now: Instant,
        poller: &Poller,
    ) {
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        if stream.set_nonblocking(true).is_err() {
            self.refused += 1;
            return;
        }
        hurry(&stream);
        let connection = Connection {
            stream,
            path: Path { protocol: Protocol::Tcp, local: self.listeners[listener].1, remote },
            frames: Frames::default(),
            waiting: VecDeque::new(),
            blocked: false,
            fresh: false,
            known: false,
            since: now,
            strays: 0,
        };
        if self.adopt(connection, now, poller) {
            self.accepted += 1;
        }
    }

    /// Take a connection that nothing waits for. False: there are too many.
    pub(crate) fn adopt(&mut self, mut connection: Connection, now: Instant, poller: &Poller) -> bool {
        let token = self.next;
        if self.is_full(connection.path.remote.ip())
            || poller.add(connection.stream.as_raw_fd(), token).is_err()
        {
            self.refused += 1;
            return false;
        }
        self.next += 1;
        (connection.known, connection.since) = (false, now);
        // An address and a port may come again before it is known here that the last connection from there has ended.
        if let Some(old) = self.tokens.insert(connection.path, token) {
            self.connections.remove(&old);
        }
        self.connections.insert(token, connection);
        true
    }

    fn is_full(&self, from: IpAddr) -> bool {
        let here = || self.connections.values().filter(|c| c.path.remote.ip() == from);
        let lost = self.connections.values().filter(|c| !c.known).count();
        self.connections.len() >= self.limits.all
            || lost >= self.limits.lost
            || here().count() >= self.limits.per_address
            || here().filter(|c| !c.known).count() >= MAX_LOST_PER_ADDRESS
    }

    /// Read what has come, as much as one turn allows, and hand on each datagram; `each` says where it led. One that leads
    /// to another thread is not this thread's any more: it is returned with that thread's number.
    pub(crate) fn read(
        &mut self,
        token: u64,
        now: Instant,
        poller: &Poller,
        mut each: impl FnMut(Path, &[u8]) -> Found,
    ) -> Option<(usize, Connection)> {
        let c = self.connections.get_mut(&token)?;
        let (path, mut leads_to) = (c.path, None);
        let fine = match c.stream.read(&mut self.scratch) {
            Ok(0) => false,
            Ok(n) => {
                let took = c.frames.take(&self.scratch[..n], |frame| {
                    let found = each(path, frame);
                    if let Found::At(thread) = found {
                        leads_to = Some(thread);
                    }
                    let known = found != Found::Nowhere;
                    if known != c.known {
                        (c.known, c.since) = (known, now);
                    }
                    c.strays += u32::from(!known);
                });
                took.is_ok() && (c.known || c.strays < MAX_STRAYS)
            }
            Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        };
        match leads_to {
            _ if !fine => self.end(token),
            None => {}
            Some(thread) => {
                poller.remove(c.stream.as_raw_fd());
                return self.take(token).map(|connection| (thread, connection));
            }
        }
        None
    }

    /// Queue a datagram for the connection of a path.
    pub(crate) fn push(&mut self, path: &Path, datagram: &[u8]) {
        let Some((token, c)) =
            self.tokens.get(path).and_then(|t| self.connections.get_mut(t).map(|c| (*t, c)))
        else {
            self.dropped += 1;
            return;
        };
        let check = datagram.first().is_some_and(|b| *b < 4);
        let room = MAX_WAITING_BYTES + if check { ROOM_FOR_CHECKS } else { 0 };
        if c.waiting.len() + datagram.len() + 2 > room {
            self.dropped += 1;
            return;
        }
        put(datagram, &mut c.waiting);
        if !c.fresh && !c.blocked {
            c.fresh = true;
            self.fresh.push(token);
        }
    }

    /// Send what has been queued.
    pub(crate) fn flush(&mut self, poller: &Poller) {
        for token in std::mem::take(&mut self.fresh) {
            self.write(token, poller);
        }
    }

    /// Send what waits for a connection, as far as it takes it.
    pub(crate) fn write(&mut self, token: u64, poller: &Poller) {
        let Some(c) = self.connections.get_mut(&token) else { return };
        c.fresh = false;
        while !c.waiting.is_empty() {
            let (a, b) = c.waiting.as_slices();
            match c.stream.write_vectored(&[IoSlice::new(a), IoSlice::new(b)]) {
                Ok(n) if n > 0 => drop(c.waiting.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                _ => return self.end(token),
            }
        }
        let blocked = !c.waiting.is_empty();
        if blocked != c.blocked {
            c.blocked = blocked;
            poller.want_write(c.stream.as_raw_fd(), token, blocked);
        }
    }

    /// End connections that have led to no transport for too long.
    pub(crate) fn sweep(&mut self, now: Instant, poller: &Poller, knows: impl Fn(&Path) -> bool) {
        let mut ends = Vec::new();
        for (token, c) in &mut self.connections {
            let known = knows(&c.path);
            if known != c.known {
                (c.known, c.since) = (known, now);
            }
            if !known && now.saturating_duration_since(c.since) >= MAX_LOST {
                ends.push(*token);
            }
        }
        ends.into_iter().for_each(|token| self.end(token));
        if std::mem::take(&mut self.resting) {
            for (n, (listener, _)) in self.listeners.iter().enumerate() {
                let _ = poller.add(listener.as_raw_fd(), self.first + n as u64);
            }
        }
    }

    /// Closing the descriptor takes it out of the poller.
    fn end(&mut self, token: u64) {
        drop(self.take(token));
    }

    fn take(&mut self, token: u64) -> Option<Connection> {
        let connection = self.connections.remove(&token)?;
        if self.tokens.get(&connection.path) == Some(&token) {
            self.tokens.remove(&connection.path);
        }
        Some(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::listen;

    struct Site {
        poller: Poller,
        connections: Connections,
        at: SocketAddr,
        now: Instant,
    }

    impl Site {
        fn new() -> Site {
            let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
            let at = listener.local_addr().unwrap();
            let poller = Poller::new().unwrap();
            let connections = Connections::new(vec![(listener, at)], 1, &poller).unwrap();
            Site { poller, connections, at, now: Instant::now() }
        }

        /// Take what has come; the datagrams. `known`: whether they are for somebody.
        fn turn(&mut self, known: bool) -> Vec<(Path, Vec<u8>)> {
            let ready: Vec<_> = self.poller.wait(Duration::from_secs(10)).collect();
            assert!(!ready.is_empty(), "nothing came within the limit");
            let mut got = vec![];
            for r in ready {
                if let Some(n) = self.connections.listener(r.token) {
                    self.connections.accept(n, self.now, &self.poller);
                    continue;
                }
                if r.read {
                    let found = if known { Found::Here } else { Found::Nowhere };
                    let left = self.connections.read(r.token, self.now, &self.poller, |path, bytes| {
                        got.push((path, bytes.to_vec()));
                        found
                    });
                    assert!(left.is_none());
                }
                if r.write {
                    self.connections.write(r.token, &self.poller);
                }
            }
            got
        }

        fn connect(&mut self) -> TcpStream {
            let (before, stream) = (self.connections.accepted, TcpStream::connect(self.at).unwrap());
            while self.connections.accepted == before {
                self.turn(true);
            }
            stream
        }

        fn receive(&mut self, known: bool) -> (Path, Vec<u8>) {
            loop {
                if let Some(first) = self.turn(known).into_iter().next() {
                    return first;
                }
            }
        }
    }

    fn framed(datagram: &[u8]) -> Vec<u8> {
        let mut out = VecDeque::new();
        put(datagram, &mut out);
        out.into()
    }

    #[test]
    fn datagrams_come_and_go_on_a_connection() {
        let mut site = Site::new();
        let mut stream = site.connect();
        stream.write_all(&framed(b"hello")).unwrap();
        let (path, bytes) = site.receive(true);
        assert_eq!(bytes, b"hello");
        let remote = stream.local_addr().unwrap();
        assert_eq!(path, Path { protocol: Protocol::Tcp, local: site.at, remote });
        site.connections.push(&path, b"there");
        site.connections.push(&path, b"again");
        site.connections.flush(&site.poller);
        let mut got = [0; 14];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(got[..], [framed(b"there"), framed(b"again")].concat());
        drop(stream);
        while site.connections.len() > 0 {
            site.turn(true);
        }
        site.connections.push(&path, b"nobody");
        assert_eq!(site.connections.dropped, 1);
        assert!(site.connections.tokens.is_empty());
    }

    #[test]
    fn a_reader_that_is_slow_loses_whole_datagrams_and_holds_nobody_up() {
        let mut site = Site::new();
        let mut slow = site.connect();
        slow.write_all(&framed(b"x")).unwrap();
        let (path, _) = site.receive(true);
        let sent = 4000u32;
        for n in 0..sent {
            let mut datagram = vec![9; 1000];
            datagram[..4].copy_from_slice(&(n | 0x0900_0000).to_be_bytes());
            site.connections.push(&path, &datagram);
            site.connections.flush(&site.poller);
        }
        let waiting = site.connections.connections.values().next().unwrap().waiting.len();
        assert!(waiting <= MAX_WAITING_BYTES, "{waiting}");
        let lost = site.connections.dropped as u32;
        assert!(lost > sent / 2, "{lost} lost");
        // A check still goes into the queue.
        site.connections.push(&path, &[0, 1, 0, 0]);
        assert_eq!(site.connections.dropped as u32, lost);
        // When it reads again, it gets whole datagrams, in order, and then the check.
        slow.set_nonblocking(true).unwrap();
        let (mut frames, mut got, mut piece, mut check) = (Frames::default(), vec![], [0; 9000], false);
        while !check {
            match slow.read(&mut piece) {
                Ok(n) => frames
                    .take(&piece[..n], |f| match f.len() {
                        1000 => got.push(u32::from_be_bytes(f[..4].try_into().unwrap())),
                        _ => check = f == [0, 1, 0, 0],
                    })
                    .unwrap(),
                Err(_) => drop(site.turn(true)),
            }
        }
        assert_eq!(got.len() as u32, sent - lost);
        assert!(got.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn a_connection_that_leads_nowhere_ends() {
        let mut site = Site::new();
        let mut talks = site.connect();
        let _silent = site.connect();
        site.connections.sweep(site.now + MAX_LOST / 2, &site.poller, |_| false);
        assert_eq!(site.connections.len(), 2);
        talks.write_all(&framed(b"a check")).unwrap();
        let (path, _) = site.receive(true);
        site.connections.sweep(site.now + MAX_LOST, &site.poller, |p| *p == path);
        assert_eq!(site.connections.len(), 1, "the silent one has ended");
        site.connections.sweep(site.now + 2 * MAX_LOST, &site.poller, |_| false);
        assert_eq!(site.connections.len(), 1, "its transport has just ended");
        site.connections.sweep(site.now + 3 * MAX_LOST, &site.poller, |_| false);
        assert_eq!(site.connections.len(), 0);
        assert_eq!(talks.read(&mut [0; 9]).unwrap(), 0, "it is told so");
    }

    #[test]
    fn a_connection_that_leads_to_another_thread_goes_there() {
        let (mut site, mut other) = (Site::new(), Site::new());
        let mut stream = site.connect();
        stream.write_all(&[framed(b"a check"), framed(b"more")].concat()).unwrap();
        let mut left = None;
        let mut got = vec![];
        while left.is_none() {
            let ready: Vec<_> = site.poller.wait(Duration::from_secs(10)).collect();
            left = site.connections.read(ready[0].token, site.now, &site.poller, |_, bytes| {
                got.push(bytes.to_vec());
                Found::At(3)
            });
        }
        assert_eq!(got[0], b"a check");
        let (thread, connection) = left.unwrap();
        let path = connection.path;
        assert_eq!((thread, site.connections.len()), (3, 0));
        assert!(other.connections.adopt(connection, other.now, &other.poller));
        stream.write_all(&framed(b"later")).unwrap();
        while got.last().unwrap() != b"later" {
            got.push(other.receive(true).1);
        }
        other.connections.push(&path, b"answer");
        other.connections.flush(&other.poller);
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..], framed(b"answer"));
    }

    #[test]
    fn strangers_on_a_connection_are_heard_for_so_long() {
        let mut site = Site::new();
        for hostile in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), framed(b"stray").repeat(MAX_STRAYS as usize)] {
            let mut stream = site.connect();
            stream.write_all(&hostile).unwrap();
            while site.connections.len() > 0 {
                site.turn(false);
            }
        }
    }

    #[test]
    fn connections_that_lead_nowhere_are_few_and_others_are_not_kept_out() {
        let mut site = Site::new();
        let first = site.connect();
        let mut lost: Vec<TcpStream> = vec![first];
        while site.connections.refused < 3 {
            lost.push(TcpStream::connect(site.at).unwrap());
            site.turn(false);
        }
        assert!(site.connections.len() <= MAX_LOST_PER_ADDRESS);
        site.connections.sweep(site.now + MAX_LOST, &site.poller, |_| false);
        assert_eq!(site.connections.len(), 0);
        site.connect();
        let limits = Limits::of(1024);
        assert_eq!((limits.all, limits.per_address, limits.lost), (512, 256, 128));
    }
}
