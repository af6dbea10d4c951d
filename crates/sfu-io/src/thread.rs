//! A media thread: its engine, and what it does in turn.
//!
//! Lives here: the loop, the commands it obeys, and what it hands to the thread that a datagram is for.
//! Not here: the handle that gives commands (`handle`), system calls (`net`), forwarding (`sfu`).
//!
//! The first thread reads the port; all send. What belongs to a room on another thread is handed over: copied once, in
//! batches. With one thread nothing of that happens.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError};
use std::sync::{Arc, Once};
use std::time::Instant;

use sfu::{stun_fragment, Engine, Event, Input, Output, Path, Protocol};

use crate::directory::Directory;
use crate::listen::Sockets;
use crate::net::{thread_cpu_us, Incoming, Outgoing, Poller, Wake, BATCH};
use crate::tcp::{Connection, Connections, Found, SWEEP};
use crate::Error;

/// Batches taken from the socket before timers and commands have their turn.
const BATCHES_PER_TURN: usize = 4;

/// Datagrams handed to a thread that it has not taken yet; more are dropped, as a full socket would.
const MAX_HANDED: usize = 4096;

/// The media threads' name.
pub(crate) const THREAD: &str = "sfu-media";

/// Let a panic on a media thread say only where it was, in one line. A hostile description can cause one in str0m,
/// and must not be able to hold the thread while a backtrace is resolved, or to write its words into the log.
pub(crate) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match (std::thread::current().name(), info.location()) {
            (Some(THREAD), Some(at)) => eprintln!("sfu: a transport failed at {}:{}", at.file(), at.line()),
            _ => others(info),
        }));
    });
}

/// The poller's number of the wake; those of the sockets for datagrams follow, then those of connections.
const WAKE: u64 = 0;

/// A datagram that one thread hands to another.
type Handed = (Path, Vec<u8>);

/// The counters by name.
pub(crate) type Counters = Vec<(&'static str, u64)>;

type Work = Box<dyn FnOnce(&mut Engine, Instant) + Send>;

pub(crate) enum Command {
    /// Something to do with the engine.
    Do(Work),
    /// Take datagrams that came to the first thread.
    Take(Vec<Handed>),
    /// Take over a connection that came to the first thread.
    Adopt(Box<Connection>),
    /// Report the counters.
    Stats(SyncSender<Counters>),
    /// End the thread.
    Stop,
}

/// How a media thread is spoken to.
pub(crate) struct Line {
    commands: Sender<Command>,
    wake: Wake,
    /// Datagrams handed over and not yet taken.
    handed: AtomicUsize,
}

impl Line {
    pub(crate) fn new(commands: Sender<Command>) -> std::io::Result<Line> {
        Ok(Line { commands, wake: Wake::new()?, handed: AtomicUsize::new(0) })
    }

    /// Give a command. Errors: `Stopped`.
    pub(crate) fn tell(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).map_err(|_| Error::Stopped)?;
        self.wake.wake();
        Ok(())
    }

    /// Hand datagrams over. False: so many wait already that these are dropped.
    fn hand(&self, datagrams: Vec<Handed>) -> bool {
        let count = datagrams.len();
        if self.handed.fetch_add(count, Ordering::Relaxed) + count > MAX_HANDED {
            self.handed.fetch_sub(count, Ordering::Relaxed);
            return false;
        }
        self.tell(Command::Take(datagrams)).is_ok()
    }
}

/// What the media threads of a port share.
pub(crate) struct Shared {
    pub(crate) lines: Vec<Line>,
    pub(crate) directory: Directory,
    /// Readable while events wait.
    pub(crate) news: Wake,
}

/// A socket for datagrams.
struct Datagrams {
    socket: Arc<UdpSocket>,
    outgoing: Outgoing,
    local: SocketAddr,
}

/// What a media thread owns.
pub(crate) struct Media {
    number: usize,
    shared: Arc<Shared>,
    poller: Poller,
    datagrams: Vec<Datagrams>,
    connections: Connections,
    engine: Engine,
    inbox: Receiver<Command>,
    outbox: Sender<Event>,
    /// For each thread, what is to be handed to it.
    handing: Vec<Vec<Handed>>,
    handed: u64,
    handed_dropped: u64,
}

impl Media {
    /// The media thread `number`, not yet running. sockets: its own for connections, everybody's for datagrams.
    pub(crate) fn new(
        number: usize,
        shared: Arc<Shared>,
        sockets: Sockets,
        engine: Engine,
        inbox: Receiver<Command>,
        outbox: Sender<Event>,
    ) -> Result<Media, Error> {
        let poller = Poller::new()?;
        poller.add(shared.lines[number].wake.fd(), WAKE)?;
        let mut datagrams = Vec::with_capacity(sockets.udp.len());
        for (n, (socket, local)) in sockets.udp.into_iter().enumerate() {
            if number == 0 {
                poller.add(socket.as_raw_fd(), WAKE + 1 + n as u64)?;
            }
            let ipv6 = socket.local_addr()?.is_ipv6();
            datagrams.push(Datagrams { outgoing: Outgoing::new(ipv6), socket, local });
        }
        let connections = Connections::new(sockets.tcp, WAKE + 1 + datagrams.len() as u64, &poller)?;
        let handing = shared.lines.iter().map(|_| Vec::new()).collect();
        let (handed, handed_dropped) = (0, 0);
        Ok(Media {
            number,
            shared,
            poller,
            datagrams,
            connections,
            engine,
            inbox,
            outbox,
            handing,
            handed,
            handed_dropped,
        })
    }

    /// Run until told to stop.
    pub(crate) fn run(mut self) {
        let mut incoming = Incoming::new();
        let mut next = Instant::now();
        let mut sweep = next + SWEEP;
        let mut ready = Vec::new();
        loop {
            ready.clear();
            ready.extend(self.poller.wait(next.saturating_duration_since(Instant::now())));
            for r in &ready {
                if r.token == WAKE {
                    self.shared.lines[self.number].wake.settle();
                    if !self.obey() {
                        return;
                    }
                } else if let Some(n) = self.socket_of(r.token) {
                    self.receive(n, &mut incoming);
                } else if let Some(n) = self.connections.listener(r.token) {
                    self.connections.accept(n, Instant::now(), &self.poller);
                } else {
                    if r.write {
                        self.connections.write(r.token, &self.poller);
                    }
                    if r.read {
                        self.read(r.token);
                    }
                }
            }
            let now = Instant::now();
            if now >= sweep {
                sweep = now + SWEEP;
                self.connections.sweep(now, &self.poller, |path| self.engine.knows(path));
                if self.is_one_of_many() {
                    self.shared.directory.sweep(self.number, |path| self.engine.knows(path));
                }
            }
            self.engine.handle_input(now, Input::Timeout);
            next = self.carry_out();
            if self.connections.len() > 0 {
                next = next.min(sweep);
            }
        }
    }

    fn socket_of(&self, token: u64) -> Option<usize> {
        let n = (token - WAKE - 1) as usize;
        (n < self.datagrams.len()).then_some(n)
    }

    /// Take what waits in a socket, as much as one turn allows.
    fn receive(&mut self, n: usize, incoming: &mut Incoming) {
        for _ in 0..BATCHES_PER_TURN {
            let Datagrams { socket, local, .. } = &self.datagrams[n];
            let local = *local;
            let count = incoming.receive(socket);
            let now = Instant::now();
            for (remote, bytes) in incoming.datagrams() {
                let path = Path { protocol: Protocol::Udp, local, remote };
                match self.elsewhere(&path, bytes) {
                    Some(other) => self.handing[other].push((path, bytes.to_vec())),
                    None => self.take(now, path, bytes),
                }
            }
            self.hand_over();
            self.carry_out();
            if count < BATCH {
                break;
            }
        }
    }

    fn is_one_of_many(&self) -> bool {
        self.shared.lines.len() > 1
    }

    /// The other thread that a datagram is for.
    fn elsewhere(&self, path: &Path, bytes: &[u8]) -> Option<usize> {
        let thread = self.is_one_of_many().then(|| self.shared.directory.thread_of(path, bytes)).flatten();
        thread.filter(|thread| *thread != self.number)
    }

    /// Give the engine a datagram; a check that it finds authentic makes the path this thread's.
    fn take(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        self.engine.handle_input(now, Input::Datagram { path, bytes });
        if self.is_one_of_many() && stun_fragment(bytes).is_some() && self.engine.knows(&path) {
            self.shared.directory.claim(path, self.number, now);
        }
    }

    /// Hand over what has been collected for other threads.
    fn hand_over(&mut self) {
        for (thread, datagrams) in self.handing.iter_mut().enumerate() {
            let count = datagrams.len() as u64;
            if count > 0 {
                let taken = self.shared.lines[thread].hand(std::mem::take(datagrams));
                *if taken { &mut self.handed } else { &mut self.handed_dropped } += count;
            }
        }
    }

    /// Take what has come on a connection, as much as one turn allows. One that leads to another thread goes there, with
    /// all that came on it from then on.
    fn read(&mut self, token: u64) {
        let now = Instant::now();
        let (shared, own, many) = (&self.shared, self.number, self.is_one_of_many());
        let (engine, handing, mut gone) = (&mut self.engine, &mut self.handing, None);
        let left = self.connections.read(token, now, &self.poller, |path, bytes| {
            let found = || shared.directory.thread_of(&path, bytes).filter(|thread| *thread != own);
            gone = gone.or_else(|| many.then(found).flatten());
            if let Some(thread) = gone {
                handing[thread].push((path, bytes.to_vec()));
                return Found::At(thread);
            }
            engine.handle_input(now, Input::Datagram { path, bytes });
            if engine.knows(&path) {
                Found::Here
            } else {
                Found::Nowhere
            }
        });
        if let Some((thread, connection)) = left {
            let _ = self.shared.lines[thread].tell(Command::Adopt(Box::new(connection)));
        }
        self.hand_over();
        self.carry_out();
    }

    /// Carry out the commands that wait. False: it is time to end.
    fn obey(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Do(work)) => {
                    work(&mut self.engine, Instant::now());
                    self.carry_out();
                }
                Ok(Command::Take(datagrams)) => {
                    self.shared.lines[self.number].handed.fetch_sub(datagrams.len(), Ordering::Relaxed);
                    let now = Instant::now();
                    for (path, bytes) in datagrams {
                        self.take(now, path, &bytes);
                    }
                    self.carry_out();
                }
                Ok(Command::Adopt(connection)) => {
                    self.connections.adopt(*connection, Instant::now(), &self.poller);
                }
                Ok(Command::Stats(reply)) => {
                    let _ = reply.send(self.stats());
                }
                Err(TryRecvError::Empty) => return true,
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Do what the engine says; returns when it wants to be asked again.
    fn carry_out(&mut self) -> Instant {
        let mut told = false;
        let next = loop {
            match self.engine.poll_output() {
                Output::Transmit { path, bytes } => self.transmit(path, bytes),
                Output::Event(event) => told |= self.outbox.send(event).is_ok(),
                Output::Timeout(at) => break at,
            }
        };
        for d in &mut self.datagrams {
            d.outgoing.flush(&d.socket);
        }
        self.connections.flush(&self.poller);
        if told {
            self.shared.news.wake();
        }
        next
    }

    fn transmit(&mut self, path: Path, bytes: Vec<u8>) {
        if path.protocol == Protocol::Tcp {
            return self.connections.push(&path, &bytes);
        }
        // One place of a socket stands for all of its: the engine names a place it was given with a datagram.
        let Some(d) = self.datagrams.iter_mut().find(|d| d.local == path.local) else { return };
        d.outgoing.push(path.remote, bytes);
        if d.outgoing.len() >= 8 * BATCH {
            d.outgoing.flush(&d.socket);
        }
    }

    fn stats(&self) -> Counters {
        let (user, system) = thread_cpu_us();
        let mut out = self.engine.stats().named();
        out.extend([
            ("send_calls", self.datagrams.iter().map(|d| d.outgoing.calls).sum()),
            ("send_dropped", self.datagrams.iter().map(|d| d.outgoing.dropped).sum()),
            ("handed", self.handed),
            ("handed_dropped", self.handed_dropped),
            ("tcp_connections", self.connections.len() as u64),
            ("tcp_accepted", self.connections.accepted),
            ("tcp_refused", self.connections.refused),
            ("tcp_dropped", self.connections.dropped),
            ("cpu_user_us", user),
            ("cpu_sys_us", system),
        ]);
        out
    }
}
