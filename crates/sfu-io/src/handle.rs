//! A running engine, and how others speak to it.
//!
//! Lives here: starting and ending the media threads, commands with replies, events, which thread a room is on.
//! Not here: what a media thread does (`thread`).

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::mpsc::{channel, sync_channel, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use sfu::{Answer, Blueprint, Engine, Event, EventKind, NewTrack, Offer, OfferPlan, Route, TransportId};

use crate::directory::Directory;
use crate::listen::{Listen, Sockets};
use crate::net::Wake;
use crate::thread::{quiet_panics, Command, Counters, Line, Media, Shared, THREAD};
use crate::Error;

/// Where each transport is. A room's transports are all on one thread, the one that has the fewest when the room begins.
struct Homes {
    transports: HashMap<TransportId, (usize, String)>,
    /// Each room's thread, and how many transports it has.
    rooms: HashMap<String, (usize, usize)>,
    /// How many transports each thread has.
    loads: Vec<usize>,
}

impl Homes {
    fn of_threads(count: usize) -> Homes {
        Homes { transports: HashMap::new(), rooms: HashMap::new(), loads: vec![0; count] }
    }

    /// The thread of a new transport. `None`: there is one of that number.
    fn enter(&mut self, id: TransportId, room: &str) -> Option<usize> {
        if self.transports.contains_key(&id) {
            return None;
        }
        // Of equals not the first: it has the port to read, too.
        let least = (0..self.loads.len()).rev().min_by_key(|thread| self.loads[*thread]).unwrap_or(0);
        let (thread, count) = self.rooms.entry(room.into()).or_insert((least, 0));
        *count += 1;
        self.loads[*thread] += 1;
        self.transports.insert(id, (*thread, room.into()));
        Some(*thread)
    }

    /// The thread of a transport; of one that is gone, any.
    fn thread_of(&self, id: TransportId) -> usize {
        self.transports.get(&id).map_or(0, |(thread, _)| *thread)
    }

    fn leave(&mut self, id: TransportId) {
        let Some((thread, room)) = self.transports.remove(&id) else { return };
        self.loads[thread] -= 1;
        if let Some((_, count)) = self.rooms.get_mut(&room) {
            *count -= 1;
            if *count == 0 {
                self.rooms.remove(&room);
            }
        }
    }
}

/// A running engine. Dropping it ends its media threads.
pub struct Handle {
    shared: Arc<Shared>,
    events: Mutex<Receiver<Event>>,
    homes: Mutex<Homes>,
    blueprint: Blueprint,
    threads: Mutex<Vec<JoinHandle<()>>>,
    port: u16,
}

impl Handle {
    /// Open the port and start so many media threads, at least one.
    ///
    /// Errors: `System` if the sockets or the threads cannot be had, `Engine` with `BadAddress`, `NoCertificate`.
    pub fn start(listen: &Listen, threads: usize) -> Result<Handle, Error> {
        quiet_panics();
        let threads = threads.max(1);
        let (mut sockets, port) = listen.open()?;
        let engine = Engine::new(&sockets.places, Instant::now())?;
        let blueprint = engine.blueprint();
        let (outbox, events) = channel();
        let (mut lines, mut inboxes) = (Vec::new(), Vec::new());
        for _ in 0..threads {
            let (commands, inbox) = channel();
            lines.push(Line::new(commands)?);
            inboxes.push(inbox);
        }
        let shared = Arc::new(Shared { lines, directory: Directory::default(), news: Wake::new()? });
        let handle = Handle {
            shared: shared.clone(),
            events: Mutex::new(events),
            homes: Mutex::new(Homes::of_threads(threads)),
            blueprint,
            threads: Mutex::new(Vec::new()),
            port,
        };
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let own = Sockets {
                udp: sockets.udp.clone(),
                tcp: std::mem::take(&mut sockets.tcp),
                places: Vec::new(),
            };
            let engine = engine.beside(Instant::now());
            let media = Media::new(number, shared.clone(), own, engine, inbox, outbox.clone())?;
            let thread = std::thread::Builder::new().name(THREAD.into()).spawn(move || media.run())?;
            handle.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(handle)
    }

    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file descriptor that is readable while events wait; it belongs to the handle.
    pub fn event_fd(&self) -> RawFd {
        self.shared.news.fd()
    }

    /// The events that wait, oldest first.
    pub fn drain(&self) -> Vec<Event> {
        // First the descriptor, then the queue: an event between the two makes it readable again.
        self.shared.news.settle();
        let events: Vec<Event> =
            self.events.lock().unwrap_or_else(PoisonError::into_inner).try_iter().collect();
        for e in events.iter().filter(|e| e.kind == EventKind::Closed) {
            self.leave(e.transport);
        }
        events
    }

    fn homes(&self) -> MutexGuard<'_, Homes> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, id: TransportId) {
        self.homes().leave(id);
        self.shared.directory.forget(id);
    }

    /// Do something with the engine of a thread.
    fn order_on(
        &self,
        thread: usize,
        work: impl FnOnce(&mut Engine, Instant) + Send + 'static,
    ) -> Result<(), Error> {
        self.shared.lines[thread].tell(Command::Do(Box::new(work)))
    }

    /// Do something with the engine that a transport is on.
    fn order(
        &self,
        id: TransportId,
        work: impl FnOnce(&mut Engine, Instant) + Send + 'static,
    ) -> Result<(), Error> {
        let thread = self.homes().thread_of(id);
        self.order_on(thread, work)
    }

    /// The same, and wait for what comes of it.
    fn ask<T: Send + 'static>(
        &self,
        id: TransportId,
        work: impl FnOnce(&mut Engine, Instant) -> Result<T, sfu::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, result) = sync_channel(1);
        self.order(id, move |engine, now| {
            let _ = reply.send(work(engine, now));
        })?;
        Ok(result.recv().map_err(|_| Error::Stopped)??)
    }

    /// Let a transport be found by the fragment in what its client is about to be told.
    fn name(&self, id: TransportId, description: &str) {
        if self.shared.lines.len() > 1 {
            let fragment = description.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
            if let Some(fragment) = fragment {
                self.shared.directory.name(fragment, id, self.homes().thread_of(id));
            }
        }
    }

    /// Make a transport of a room. Errors: `TransportExists`.
    pub fn create(&self, id: TransportId, room: &str) -> Result<(), Error> {
        let session = self.blueprint.build(Instant::now())?;
        if self.homes().enter(id, room).is_none() {
            return Err(sfu::Error::TransportExists.into());
        }
        let made = self.ask(id, move |engine, now| engine.add(now, id, session));
        if made.is_err() {
            self.leave(id);
        }
        made
    }

    /// Take a publisher's offer; returns the answer. Errors: those of [`Offer::parse`] and [`Engine::accept_offer`].
    pub fn accept_offer(&self, id: TransportId, sdp: &str) -> Result<String, Error> {
        let offer = Offer::parse(sdp)?;
        let answer = self.ask(id, move |engine, now| engine.accept_offer(now, id, offer))?;
        self.name(id, &answer);
        Ok(answer)
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
        let (offer, mids) = self.ask(id, move |engine, now| engine.make_offer(now, id, plan))?;
        self.name(id, &offer);
        Ok((offer, mids))
    }

    /// Take a subscriber's answer. Errors: those of [`Answer::parse`] and [`Engine::accept_answer`].
    pub fn accept_answer(&self, id: TransportId, sdp: &str) -> Result<(), Error> {
        let answer = Answer::parse(sdp)?;
        self.ask(id, move |engine, now| engine.accept_answer(now, id, answer))
    }

    /// End a transport.
    pub fn close(&self, id: TransportId) -> Result<(), Error> {
        self.order(id, move |engine, now| engine.close(now, id))?;
        self.leave(id);
        Ok(())
    }

    /// Send a track to a subscriber.
    pub fn route(&self, route: Route) -> Result<(), Error> {
        self.order(route.target, move |engine, now| engine.route(now, &route))
    }

    /// Send packets of nothing in a subscriber's section until media comes, or for five seconds.
    pub fn wake_section(&self, target: TransportId, target_mid: String) -> Result<(), Error> {
        self.order(target, move |engine, now| engine.wake(now, target, &target_mid))
    }

    /// Stop sending in a subscriber's section.
    pub fn unroute(&self, target: TransportId, target_mid: String) -> Result<(), Error> {
        self.order(target, move |engine, now| engine.unroute(now, target, &target_mid))
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
        self.order(target, move |engine, now| {
            engine.set_layer(now, target, &target_mid, max_layer, paused, rank)
        })
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
        self.order(up, move |engine, _| {
            engine.member(room, identity, sid, up, down, can_publish_data, hidden)
        })
    }

    /// Send a data packet of the server's own.
    pub fn send(&self, targets: Vec<TransportId>, reliable: bool, packet: Vec<u8>) -> Result<(), Error> {
        let mut each = vec![Vec::new(); self.shared.lines.len()];
        let homes = self.homes();
        targets.into_iter().for_each(|id| each[homes.thread_of(id)].push(id));
        drop(homes);
        for (thread, targets) in each.into_iter().enumerate().filter(|(_, targets)| !targets.is_empty()) {
            let packet = packet.clone();
            self.order_on(thread, move |engine, now| engine.send(now, &targets, reliable, &packet))?;
        }
        Ok(())
    }

    /// The highest number of a reliable data packet that came in on a transport; 0: none came.
    pub fn last_sequence(&self, id: TransportId) -> Result<u32, Error> {
        self.ask(id, move |engine, _| Ok(engine.last_sequence(id)))
    }

    /// The counters of the engine and of its sockets, and the CPU time in microseconds: of all media threads together;
    /// and how many these are.
    pub fn stats(&self) -> Result<Counters, Error> {
        let mut sum = Counters::new();
        for counters in self.stats_by_thread()? {
            for (n, (name, value)) in counters.into_iter().enumerate() {
                match sum.get_mut(n) {
                    Some((_, total)) => *total += value,
                    None => sum.push((name, value)),
                }
            }
        }
        sum.push(("threads", self.shared.lines.len() as u64));
        Ok(sum)
    }

    fn stats_by_thread(&self) -> Result<Vec<Counters>, Error> {
        let ask = |line: &Line| {
            let (reply, result) = sync_channel(1);
            line.tell(Command::Stats(reply)).map(|()| result)
        };
        let asked: Vec<_> = self.shared.lines.iter().map(ask).collect::<Result<_, _>>()?;
        asked.into_iter().map(|result| result.recv().map_err(|_| Error::Stopped)).collect()
    }

    /// End the media threads and wait for their end. Calls after that say `Stopped`.
    pub fn shutdown(&self) {
        for line in &self.shared.lines {
            let _ = line.tell(Command::Stop);
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn listen_at(address: &str, port: u16) -> Listen {
        Listen { at: vec![(address.parse().unwrap(), vec![])], port, udp: true, tcp: true }
    }

    fn start() -> Handle {
        Handle::start(&listen_at("127.0.0.1", 0), 1).unwrap()
    }

    fn stat(handle: &Handle, name: &str) -> u64 {
        handle.stats().unwrap().into_iter().find(|(n, _)| *n == name).unwrap().1
    }

    #[test]
    fn commands_are_answered_in_their_order() {
        let handle = start();
        assert_ne!(handle.port(), 0);
        let id = TransportId(1);
        handle.create(id, "talk").unwrap();
        assert_eq!(handle.create(id, "talk").unwrap_err().code(), "transport-exists");
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
        handle.create(victim, "talk").unwrap();
        handle.create(other, "talk").unwrap();
        assert_eq!(handle.accept_offer(victim, &hostile).unwrap_err().code(), "transport-failed");
        assert_eq!(stat(&handle, "panics"), 1);
        let closed: Vec<_> =
            handle.drain().into_iter().filter(|e| e.kind == sfu::EventKind::Closed).collect();
        assert_eq!(closed.iter().map(|e| e.transport).collect::<Vec<_>>(), [victim]);
        handle.make_offer(other, vec![], vec![], true, false).unwrap();
        handle.create(victim, "talk").unwrap();
        assert_eq!(stat(&handle, "transports"), 2, "its number can be used again");
    }

    #[test]
    fn a_stopped_engine_says_so_and_stops_once() {
        let handle = start();
        handle.create(TransportId(1), "talk").unwrap();
        handle.shutdown();
        handle.shutdown();
        assert_eq!(handle.create(TransportId(2), "talk").unwrap_err().code(), "stopped");
        assert_eq!(handle.stats().unwrap_err().code(), "stopped");
        handle.drain();
        assert!(handle.drain().is_empty(), "no further events");
    }

    #[test]
    fn a_port_in_use_and_an_address_that_is_no_place_are_refused() {
        let handle = start();
        let refused = |listen: &Listen| Handle::start(listen, 1).err().unwrap().code();
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
        let handle = Handle::start(&listen, 1).unwrap();
        handle.create(TransportId(1), "talk").unwrap();
        let (offer, _) = handle.make_offer(TransportId(1), vec![], vec![], true, false).unwrap();
        for place in ["203.0.113.7", "10.0.0.7", "127.0.0.2"] {
            let of = |tail: &str| offer.contains(&format!(" {place} {} typ host{tail} ufrag", handle.port()));
            assert!(of(""), "{place} for datagrams: {offer}");
            assert!(of(" tcptype passive"), "{place} for connections: {offer}");
        }
        let tcp_alone = Handle::start(&Listen { udp: false, ..listen_at("127.0.0.1", 0) }, 1).unwrap();
        tcp_alone.create(TransportId(1), "talk").unwrap();
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
        handle.create(TransportId(1), "talk").unwrap();
        assert_eq!(stat(&handle, "tcp_accepted"), 1);
        assert_eq!(stat(&handle, "tcp_connections"), 0);
    }

    /// A STUN binding request for a fragment, that nobody's key vouches for.
    fn request(fragment: &str) -> Vec<u8> {
        let name = format!("{fragment}:x");
        let mut attributes = [&[0, 6, 0, name.len() as u8], name.as_bytes()].concat();
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        let head = [0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        [&head[..], &[7; 12], &attributes].concat()
    }

    #[test]
    fn rooms_are_dealt_out_and_each_is_on_one_thread() {
        let handle = Handle::start(&listen_at("127.0.0.1", 0), 3).unwrap();
        for (n, room) in (1..).zip(["a", "a", "b", "b", "c", "c", "a"]) {
            handle.create(TransportId(n), room).unwrap();
        }
        let here = |handle: &Handle| -> Vec<u64> {
            let count =
                |counters: Counters| counters.into_iter().find(|(n, _)| *n == "transports").unwrap().1;
            handle.stats_by_thread().unwrap().into_iter().map(count).collect()
        };
        assert_eq!(here(&handle), [2, 2, 3]);
        assert_eq!(stat(&handle, "transports"), 7);
        assert_eq!(stat(&handle, "threads"), 3);
        for n in [3, 4] {
            handle.close(TransportId(n)).unwrap();
        }
        handle.create(TransportId(8), "d").unwrap();
        handle.create(TransportId(9), "a").unwrap();
        assert_eq!(here(&handle), [2, 1, 4], "a new room goes where there are fewest");
        assert_eq!(handle.create(TransportId(9), "c").unwrap_err().code(), "transport-exists");
        handle.shutdown();
        assert_eq!(handle.create(TransportId(10), "a").unwrap_err().code(), "stopped");
    }

    #[test]
    fn a_request_reaches_the_thread_of_its_transport_and_is_judged_there() {
        let handle = Handle::start(&listen_at("127.0.0.1", 0), 2).unwrap();
        let (first, second) = (TransportId(1), TransportId(2));
        handle.create(first, "a").unwrap();
        handle.create(second, "b").unwrap();
        let fragment = |id| {
            let (offer, _) = handle.make_offer(id, vec![], vec![], true, false).unwrap();
            offer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned()
        };
        let (of_first, of_second) = (fragment(first), fragment(second));
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = ("127.0.0.1", handle.port());
        for name in [&of_first, &of_second, &of_second, "nobody"] {
            stranger.send_to(&request(name), at).unwrap();
        }
        let limit = Instant::now() + std::time::Duration::from_secs(20);
        while stat(&handle, "strays") < 4 {
            assert!(Instant::now() < limit, "they did not arrive");
            std::thread::yield_now();
        }
        let strays = |counters: Counters| counters.into_iter().find(|(n, _)| *n == "strays").unwrap().1;
        let each: Vec<u64> = handle.stats_by_thread().unwrap().into_iter().map(strays).collect();
        assert_eq!((each, stat(&handle, "handed")), (vec![3, 1], 1));
        handle.close(first).unwrap();
        stranger.send_to(&request(&of_first), at).unwrap();
        while stat(&handle, "strays") < 5 {
            assert!(Instant::now() < limit, "it did not arrive");
            std::thread::yield_now();
        }
        assert_eq!(stat(&handle, "handed"), 1, "it leads nowhere any more");
    }
}
