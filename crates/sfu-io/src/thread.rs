//! The media thread and the handle by which others speak to it.
//!
//! Lives here: the loop, commands with replies, events. Not here: system calls (`net`), forwarding (`sfu`).

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use sfu::{
    Answer, Blueprint, Engine, Event, Input, NewTrack, Offer, OfferPlan, Output, Path, Place, Protocol,
    Route, TransportId,
};

use crate::net::{bind, listen, thread_cpu_us, Incoming, Outgoing, Poller, Wake, BATCH};
use crate::tcp::{Connections, SWEEP};
use crate::Error;

/// Batches taken from the socket before timers and commands have their turn.
const BATCHES_PER_TURN: usize = 4;

/// The media thread's name.
const THREAD: &str = "sfu-media";

/// Let a panic on the media thread say only where it was, in one line. A hostile description can cause one in str0m,
/// and must not be able to hold the thread while a backtrace is resolved, or to write its words into the log.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match (std::thread::current().name(), info.location()) {
            (Some(THREAD), Some(at)) => eprintln!("sfu: a transport failed at {}:{}", at.file(), at.line()),
            _ => others(info),
        }));
    });
}

/// How often another port is tried where any will do.
const PORT_TRIES: usize = 64;

/// The poller's number of the wake; those of the sockets for datagrams follow, then those of connections.
const WAKE: u64 = 0;

/// Where the engine is reached.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Addresses to open the port at, and for each how clients are told of it; none: as it is.
    pub at: Vec<(IpAddr, Vec<IpAddr>)>,
    /// The port; 0 for any.
    pub port: u16,
    /// Take datagrams.
    pub udp: bool,
    /// Take connections.
    pub tcp: bool,
}

/// The sockets of one port, each with the address by which clients know it.
#[derive(Default)]
struct Sockets {
    udp: Vec<(UdpSocket, IpAddr, SocketAddr)>,
    tcp: Vec<(TcpListener, SocketAddr)>,
    places: Vec<Place>,
}

impl Listen {
    /// Open all, on one port.
    fn open(&self) -> std::io::Result<(Sockets, u16)> {
        let mut tries = if self.port == 0 { PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.open_at(self.port) {
                Err(e) if tries > 0 && e.kind() == std::io::ErrorKind::AddrInUse => {}
                other => return other,
            }
        }
    }

    fn open_at(&self, mut port: u16) -> std::io::Result<(Sockets, u16)> {
        let mut sockets = Sockets::default();
        for (address, told) in &self.at {
            let own = [*address];
            let told = if told.is_empty() { &own[..] } else { told };
            let mut places = |protocol, port| {
                let place = |ip: &IpAddr| Place { protocol, address: SocketAddr::new(*ip, port) };
                sockets.places.extend(told.iter().map(place));
                SocketAddr::new(told[0], port)
            };
            if self.udp {
                let socket = bind(SocketAddr::new(*address, port))?;
                port = socket.local_addr()?.port();
                sockets.udp.push((socket, *address, places(Protocol::Udp, port)));
            }
            if self.tcp {
                let listener = listen(SocketAddr::new(*address, port))?;
                port = listener.local_addr()?.port();
                sockets.tcp.push((listener, places(Protocol::Tcp, port)));
            }
        }
        Ok((sockets, port))
    }
}

type Work = Box<dyn FnOnce(&mut Engine, Instant) + Send>;

enum Command {
    /// Something to do with the engine.
    Do(Work),
    /// Report the counters.
    Stats(std::sync::mpsc::SyncSender<Vec<(&'static str, u64)>>),
    /// End the thread.
    Stop,
}

/// A running engine. Dropping it ends the media thread.
pub struct Handle {
    commands: Sender<Command>,
    events: Mutex<Receiver<Event>>,
    wake: Arc<Wake>,
    news: Arc<Wake>,
    blueprint: Blueprint,
    thread: Mutex<Option<JoinHandle<()>>>,
    port: u16,
}

impl Handle {
    /// Open the port and start the media thread.
    ///
    /// Errors: `System` if the sockets or the thread cannot be had, `Engine` with `BadAddress`, `NoCertificate`.
    pub fn start(listen: &Listen) -> Result<Handle, Error> {
        quiet_panics();
        let (sockets, port) = listen.open()?;
        let engine = Engine::new(&sockets.places, Instant::now())?;
        let blueprint = engine.blueprint();
        let (wake, news) = (Arc::new(Wake::new()?), Arc::new(Wake::new()?));
        let poller = Poller::new()?;
        poller.add(wake.fd(), WAKE)?;
        let mut datagrams = Vec::with_capacity(sockets.udp.len());
        for (n, (socket, address, local)) in sockets.udp.into_iter().enumerate() {
            poller.add(socket.as_raw_fd(), WAKE + 1 + n as u64)?;
            datagrams.push(Datagrams { outgoing: Outgoing::new(address.is_ipv6()), socket, local });
        }
        let connections = Connections::new(sockets.tcp, WAKE + 1 + datagrams.len() as u64, &poller)?;
        let (commands, inbox) = channel();
        let (outbox, events) = channel();
        let media = Media {
            poller,
            datagrams,
            connections,
            engine,
            inbox,
            outbox,
            wake: wake.clone(),
            news: news.clone(),
        };
        let thread = std::thread::Builder::new().name(THREAD.into()).spawn(move || media.run())?;
        Ok(Handle {
            commands,
            events: Mutex::new(events),
            wake,
            news,
            blueprint,
            thread: Mutex::new(Some(thread)),
            port,
        })
    }

    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file descriptor that is readable while events wait; it belongs to the handle.
    pub fn event_fd(&self) -> RawFd {
        self.news.fd()
    }

    /// The events that wait, oldest first.
    pub fn drain(&self) -> Vec<Event> {
        // First the descriptor, then the queue: an event between the two makes it readable again.
        self.news.settle();
        self.events.lock().unwrap_or_else(PoisonError::into_inner).try_iter().collect()
    }

    fn tell(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).map_err(|_| Error::Stopped)?;
        self.wake.wake();
        Ok(())
    }

    fn order(&self, work: impl FnOnce(&mut Engine, Instant) + Send + 'static) -> Result<(), Error> {
        self.tell(Command::Do(Box::new(work)))
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine, Instant) -> Result<T, sfu::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, result) = sync_channel(1);
        self.order(move |engine, now| {
            let _ = reply.send(work(engine, now));
        })?;
        Ok(result.recv().map_err(|_| Error::Stopped)??)
    }

    /// Make a transport. Errors: `TransportExists`.
    pub fn create(&self, id: TransportId) -> Result<(), Error> {
        let session = self.blueprint.build(Instant::now())?;
        self.ask(move |engine, now| engine.add(now, id, session))
    }

    /// Take a publisher's offer; returns the answer. Errors: those of [`Offer::parse`] and [`Engine::accept_offer`].
    pub fn accept_offer(&self, id: TransportId, sdp: &str) -> Result<String, Error> {
        let offer = Offer::parse(sdp)?;
        self.ask(move |engine, now| engine.accept_offer(now, id, offer))
    }

    /// Make an offer to a subscriber; returns it and the sections of the tracks it adds.
    /// Errors: those of [`Engine::make_offer`].
    pub fn make_offer(
        &self,
        id: TransportId,
        add: Vec<NewTrack>,
        stop: Vec<String>,
        channels: bool,
        restart: bool,
    ) -> Result<(String, Vec<String>), Error> {
        let plan = OfferPlan { add, stop, channels, restart };
        self.ask(move |engine, now| engine.make_offer(now, id, plan))
    }

    /// Take a subscriber's answer. Errors: those of [`Answer::parse`] and [`Engine::accept_answer`].
    pub fn accept_answer(&self, id: TransportId, sdp: &str) -> Result<(), Error> {
        let answer = Answer::parse(sdp)?;
        self.ask(move |engine, now| engine.accept_answer(now, id, answer))
    }

    /// End a transport.
    pub fn close(&self, id: TransportId) -> Result<(), Error> {
        self.order(move |engine, now| engine.close(now, id))
    }

    /// Send a track to a subscriber.
    pub fn route(&self, route: Route) -> Result<(), Error> {
        self.order(move |engine, now| engine.route(now, &route))
    }

    /// Send packets of nothing in a subscriber's section until media comes, or for five seconds.
    pub fn wake_section(&self, target: TransportId, target_mid: String) -> Result<(), Error> {
        self.order(move |engine, now| engine.wake(now, target, &target_mid))
    }

    /// Stop sending in a subscriber's section.
    pub fn unroute(&self, target: TransportId, target_mid: String) -> Result<(), Error> {
        self.order(move |engine, now| engine.unroute(now, target, &target_mid))
    }

    /// Change the highest layer of a subscriber's section, or pause it; and how early it is served.
    pub fn set_layer(
        &self,
        target: TransportId,
        target_mid: String,
        max_layer: u8,
        paused: bool,
        rank: u8,
    ) -> Result<(), Error> {
        self.order(move |engine, now| engine.set_layer(now, target, &target_mid, max_layer, paused, rank))
    }

    /// Enter a participant in a room.
    #[allow(clippy::too_many_arguments)]
    pub fn member(
        &self,
        room: u64,
        identity: String,
        sid: String,
        up: TransportId,
        down: TransportId,
        can_publish_data: bool,
        hidden: bool,
    ) -> Result<(), Error> {
        self.order(move |engine, _| engine.member(room, identity, sid, up, down, can_publish_data, hidden))
    }

    /// Send a data packet of the server's own.
    pub fn send(&self, targets: Vec<TransportId>, reliable: bool, packet: Vec<u8>) -> Result<(), Error> {
        self.order(move |engine, now| engine.send(now, &targets, reliable, &packet))
    }

    /// The highest number of a reliable data packet that came in on a transport; 0: none came.
    pub fn last_sequence(&self, id: TransportId) -> Result<u32, Error> {
        self.ask(move |engine, _| Ok(engine.last_sequence(id)))
    }

    /// The engine's counters, those of the socket, and the CPU time of the media thread in microseconds.
    pub fn stats(&self) -> Result<Vec<(&'static str, u64)>, Error> {
        let (reply, result) = sync_channel(1);
        self.tell(Command::Stats(reply))?;
        result.recv().map_err(|_| Error::Stopped)
    }

    /// End the media thread and wait for its end. Calls after that say `Stopped`.
    pub fn shutdown(&self) {
        let _ = self.tell(Command::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// A socket for datagrams.
struct Datagrams {
    socket: UdpSocket,
    outgoing: Outgoing,
    local: SocketAddr,
}

/// What the media thread owns.
struct Media {
    poller: Poller,
    datagrams: Vec<Datagrams>,
    connections: Connections,
    engine: Engine,
    inbox: Receiver<Command>,
    outbox: Sender<Event>,
    wake: Arc<Wake>,
    news: Arc<Wake>,
}

impl Media {
    fn run(mut self) {
        let mut incoming = Incoming::new();
        let mut next = Instant::now();
        let mut sweep = next + SWEEP;
        let mut ready = Vec::new();
        loop {
            ready.clear();
            ready.extend(self.poller.wait(next.saturating_duration_since(Instant::now())));
            for r in &ready {
                if r.token == WAKE {
                    self.wake.settle();
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
                self.engine.handle_input(now, Input::Datagram { path, bytes });
            }
            self.carry_out();
            if count < BATCH {
                break;
            }
        }
    }

    /// Take what has come on a connection, as much as one turn allows.
    fn read(&mut self, token: u64) {
        let (now, engine) = (Instant::now(), &mut self.engine);
        self.connections.read(token, now, |path, bytes| {
            engine.handle_input(now, Input::Datagram { path, bytes });
            engine.knows(&path)
        });
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
            self.news.wake();
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

    fn stats(&self) -> Vec<(&'static str, u64)> {
        let (user, system) = thread_cpu_us();
        let mut out = self.engine.stats().named();
        out.extend([
            ("send_calls", self.datagrams.iter().map(|d| d.outgoing.calls).sum()),
            ("send_dropped", self.datagrams.iter().map(|d| d.outgoing.dropped).sum()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn listen_at(address: &str, port: u16) -> Listen {
        Listen { at: vec![(address.parse().unwrap(), vec![])], port, udp: true, tcp: true }
    }

    fn start() -> Handle {
        Handle::start(&listen_at("127.0.0.1", 0)).unwrap()
    }

    fn stat(handle: &Handle, name: &str) -> u64 {
        handle.stats().unwrap().into_iter().find(|(n, _)| *n == name).unwrap().1
    }

    #[test]
    fn commands_are_answered_in_their_order() {
        let handle = start();
        assert_ne!(handle.port(), 0);
        let id = TransportId(1);
        handle.create(id).unwrap();
        assert_eq!(handle.create(id).unwrap_err().code(), "transport-exists");
        let (offer, mids) = handle.make_offer(id, vec![], vec![], true, false).unwrap();
        assert!(offer.contains(&format!(" 127.0.0.1 {} typ host", handle.port())), "the address is offered");
        assert!(mids.is_empty());
        handle.close(id).unwrap();
        let again = handle.make_offer(id, vec![], vec![], true, false);
        assert_eq!(again.unwrap_err().code(), "unknown-transport");
        assert_eq!(stat(&handle, "transports"), 0);
    }

    #[test]
    fn noise_from_the_network_is_counted_and_answered_with_nothing() {
        let handle = start();
        let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..100u8 {
            noise.send_to(&[n; 64], ("127.0.0.1", handle.port())).unwrap();
        }
        let limit = Instant::now() + std::time::Duration::from_secs(20);
        while stat(&handle, "strays") < 100 {
            assert!(Instant::now() < limit, "the noise did not arrive");
            std::thread::yield_now();
        }
        assert_eq!(stat(&handle, "packets_in"), 100);
        assert_eq!(stat(&handle, "packets_out"), 0);
    }

    #[test]
    fn a_panic_on_the_media_thread_ends_its_transport_and_no_other() {
        // A payload type that sound and picture both claim panics inside str0m.
        let hostile = include_str!("../../sfu/tests/engine/offer.sdp")
            .replace("SAVPF 111 ", "SAVPF 96 ")
            .replace("a=rtpmap:111 ", "a=rtpmap:96 ")
            .replace("a=fmtp:111 ", "a=fmtp:96 ")
            .replace("a=rtcp-fb:111 ", "a=rtcp-fb:96 ");
        let handle = start();
        let (victim, other) = (TransportId(1), TransportId(2));
        handle.create(victim).unwrap();
        handle.create(other).unwrap();
        assert_eq!(handle.accept_offer(victim, &hostile).unwrap_err().code(), "transport-failed");
        assert_eq!(stat(&handle, "panics"), 1);
        let closed: Vec<_> =
            handle.drain().into_iter().filter(|e| e.kind == sfu::EventKind::Closed).collect();
        assert_eq!(closed.iter().map(|e| e.transport).collect::<Vec<_>>(), [victim]);
        handle.make_offer(other, vec![], vec![], true, false).unwrap();
        handle.create(victim).unwrap();
        assert_eq!(stat(&handle, "transports"), 2, "its number can be used again");
    }

    #[test]
    fn a_stopped_engine_says_so_and_stops_once() {
        let handle = start();
        handle.create(TransportId(1)).unwrap();
        handle.shutdown();
        handle.shutdown();
        assert_eq!(handle.create(TransportId(2)).unwrap_err().code(), "stopped");
        assert_eq!(handle.stats().unwrap_err().code(), "stopped");
        handle.drain();
        assert!(handle.drain().is_empty(), "no further events");
    }

    #[test]
    fn a_port_in_use_and_an_address_that_is_no_place_are_refused() {
        let handle = start();
        let refused = |listen: &Listen| Handle::start(listen).err().unwrap().code();
        assert_eq!(refused(&listen_at("127.0.0.1", handle.port())), "system");
        let mut nowhere = listen_at("127.0.0.1", 0);
        nowhere.at[0].1 = vec!["0.0.0.0".parse().unwrap()];
        assert_eq!(refused(&nowhere), "bad-address");
        assert_eq!(refused(&Listen { at: vec![], port: 0, udp: true, tcp: true }), "bad-address");
    }

    #[test]
    fn all_places_have_one_port_and_are_offered() {
        let mut listen = listen_at("127.0.0.1", 0);
        listen.at[0].1 = vec!["203.0.113.7".parse().unwrap(), "10.0.0.7".parse().unwrap()];
        listen.at.push(("127.0.0.2".parse().unwrap(), vec![]));
        let handle = Handle::start(&listen).unwrap();
        handle.create(TransportId(1)).unwrap();
        let (offer, _) = handle.make_offer(TransportId(1), vec![], vec![], true, false).unwrap();
        for place in ["203.0.113.7", "10.0.0.7", "127.0.0.2"] {
            let of = |tail: &str| offer.contains(&format!(" {place} {} typ host{tail} ufrag", handle.port()));
            assert!(of(""), "{place} for datagrams: {offer}");
            assert!(of(" tcptype passive"), "{place} for connections: {offer}");
        }
        let tcp_alone = Handle::start(&Listen { udp: false, ..listen_at("127.0.0.1", 0) }).unwrap();
        tcp_alone.create(TransportId(1)).unwrap();
        let (offer, _) = tcp_alone.make_offer(TransportId(1), vec![], vec![], true, false).unwrap();
        let candidates = offer.lines().filter(|l| l.starts_with("a=candidate:"));
        assert_eq!(candidates.map(|l| l.contains(" tcp ")).collect::<Vec<_>>(), [true]);
    }

    #[test]
    fn a_connection_that_says_nothing_useful_is_ended_and_the_rest_goes_on() {
        use std::io::{Read, Write};
        let handle = start();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", handle.port())).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut rest = vec![];
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty());
        handle.create(TransportId(1)).unwrap();
        assert_eq!(stat(&handle, "tcp_accepted"), 1);
        assert_eq!(stat(&handle, "tcp_connections"), 0);
    }
}
