//! Ways to a client: over UDP and TCP, IPv4 and IPv6, and from one to another in the middle of a call.

use std::net::SocketAddr;
use std::time::Duration;

use crate::loopback::{one_to_one_of, vp8, DOWN, UP};
use crate::world::{ms, World, ENGINE, ENGINE_ELSEWHERE, ENGINE_IPV6};
use sfu::{EventKind, OfferPlan, Protocol};

const BOTH: [(Protocol, &str); 2] = [(Protocol::Udp, ENGINE), (Protocol::Tcp, ENGINE)];

fn from(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A call in which something flows: the world, the two clients and the publisher's section.
struct Call {
    world: World,
    publisher: usize,
    subscriber: usize,
    mid: String,
    sent: u16,
}

impl Call {
    fn new(mut world: World, publisher: usize, subscriber: usize) -> Call {
        let (mid, _) = one_to_one_of(&mut world, publisher, subscriber, &[]);
        Call { world, publisher, subscriber, mid, sent: 0 }
    }

    /// One more frame is sent.
    fn send(&mut self) {
        let n = self.sent;
        self.sent += 1;
        let payload = vp8(n, n == 0, &n.to_be_bytes());
        self.world.send_rtp(self.publisher, &self.mid, None, u64::from(n), 3000 * u32::from(n), &payload);
    }

    /// Frames arrive as they are sent.
    fn flows(&mut self) {
        self.send();
        let (n, subscriber) = (usize::from(self.sent), self.subscriber);
        self.world.until("it flows", |w| w.received(subscriber).len() == n);
    }

    /// Frames are sent until one arrives; how long that took.
    fn flows_again(&mut self) -> Duration {
        let (before, since) = (self.world.received(self.subscriber).len(), self.world.now);
        while self.world.received(self.subscriber).len() == before {
            assert!(self.world.now - since < Duration::from_secs(60), "never again");
            self.send();
            self.world.run(ms(33));
        }
        self.world.now - since
    }

    /// The path of what came to the subscriber in the next moment.
    fn way(&mut self) -> (Protocol, String, SocketAddr) {
        self.world.paths(self.subscriber);
        for _ in 0..5 {
            self.send();
            self.world.run(ms(33));
        }
        match self.world.paths(self.subscriber)[..] {
            [path] => (path.protocol, path.local.to_string(), path.remote),
            ref more => panic!("one path is due, not {more:?}"),
        }
    }

    fn reconnections(&self) -> usize {
        let connected = |e: &&sfu::Event| e.kind == EventKind::Connected;
        self.world.events().iter().filter(connected).count() - 2
    }
}

#[test]
fn media_flows_over_connections_of_tcp_alone() {
    let mut world = World::at(&BOTH);
    let publisher = world.client_at(Protocol::Tcp, from("198.51.100.7:40000"));
    let subscriber = world.client_at(Protocol::Tcp, from("198.51.100.8:40000"));
    let mut call = Call::new(world, publisher, subscriber);
    for _ in 0..50 {
        call.flows();
    }
    assert_eq!(call.way(), (Protocol::Tcp, ENGINE.into(), from("198.51.100.8:40000")));
}

#[test]
fn media_flows_over_ipv6_and_between_the_families() {
    let mut world = World::at(&[(Protocol::Udp, ENGINE), (Protocol::Udp, ENGINE_IPV6)]);
    let publisher = world.client();
    let subscriber = world.client_at(Protocol::Udp, from("[2001:db8::7]:5000"));
    let mut call = Call::new(world, publisher, subscriber);
    call.flows();
    assert_eq!(call.way(), (Protocol::Udp, ENGINE_IPV6.into(), from("[2001:db8::7]:5000")));
}

#[test]
fn of_several_places_the_client_takes_one_and_is_answered_from_there() {
    let mut world = World::at(&[(Protocol::Udp, ENGINE), (Protocol::Udp, ENGINE_ELSEWHERE)]);
    let (publisher, subscriber) = (world.client(), world.client());
    world.block(ENGINE);
    let mut call = Call::new(world, publisher, subscriber);
    call.flows();
    let at = call.world.address(subscriber);
    assert_eq!(call.way(), (Protocol::Udp, ENGINE_ELSEWHERE.into(), at));
}

/// Restart ICE of both transports, as a client's SDK does when it resumes: its own offer, and an answer to the engine's.
fn restart(call: &mut Call) {
    call.world.reoffer(UP, call.publisher);
    call.world.subscribe(DOWN, call.subscriber, OfferPlan { restart: true, ..OfferPlan::default() });
}

#[test]
fn a_restart_of_ice_on_both_transports_keeps_keys_and_numbering() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut world = World::at(&BOTH);
        let publisher = world.client_at(protocol, from("198.51.100.7:40000"));
        let subscriber = world.client_at(protocol, from("198.51.100.8:40000"));
        let mut call = Call::new(world, publisher, subscriber);
        for round in 0..10 {
            call.flows();
            restart(&mut call);
            // What is sent before the new checks are through goes by the old path.
            call.flows();
            call.world.run(Duration::from_secs(3));
            call.flows();
            assert_eq!(call.reconnections(), 0, "no new handshake, round {round}");
        }
        let got = call.world.received(subscriber);
        assert!(got.windows(2).all(|w| *w[1].seq_no == *w[0].seq_no + 1), "numbers are continuous");
    }
}

#[test]
fn a_restart_of_ice_carries_a_call_from_udp_to_tcp_and_back() {
    let mut world = World::at(&BOTH);
    let (publisher, subscriber) = (world.client(), world.client());
    let mut call = Call::new(world, publisher, subscriber);
    call.flows();
    for (protocol, port) in [(Protocol::Tcp, 40000), (Protocol::Udp, 40001), (Protocol::Tcp, 40002)] {
        for (client, host) in [(publisher, 7), (subscriber, 8)] {
            let address = SocketAddr::from(([198, 51, 100, host], port));
            call.world.move_client_to(client, protocol, address);
        }
        restart(&mut call);
        call.flows_again();
        assert_eq!(call.way(), (protocol, ENGINE.into(), call.world.address(subscriber)));
        assert_eq!(call.reconnections(), 0);
    }
}

#[test]
fn a_client_whose_address_the_network_changes_is_followed_without_a_word() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut world = World::at(&BOTH);
        let publisher = world.client_at(protocol, from("198.51.100.7:40000"));
        let subscriber = world.client_at(protocol, from("198.51.100.8:40000"));
        let mut call = Call::new(world, publisher, subscriber);
        call.flows();
        let seen_as = call.world.remap(subscriber);
        let took = call.flows_again();
        // A client that nominates once only, as this one, is followed when its old path has been silent for 6 s.
        assert!(took < Duration::from_secs(12), "{took:?}");
        assert_eq!(call.way().2, seen_as);
        call.world.remap(publisher);
        call.flows_again();
        // Nor does the transport end when the old paths have been forgotten.
        for _ in 0..60 {
            call.world.run(Duration::from_secs(1));
            call.send();
        }
        call.flows_again();
        assert_eq!(call.reconnections(), 0);
    }
}

#[test]
fn a_client_that_moves_and_nominates_is_followed_at_once() {
    let mut world = World::at(&BOTH);
    let (publisher, subscriber) = (world.client(), world.client());
    let mut call = Call::new(world, publisher, subscriber);
    call.flows();
    for (protocol, port) in [(Protocol::Udp, 40000), (Protocol::Tcp, 40001), (Protocol::Udp, 40002)] {
        let address = SocketAddr::from(([198, 51, 100, 8], port));
        call.world.move_client_to(subscriber, protocol, address);
        let took = call.flows_again();
        assert!(took < Duration::from_secs(3), "{protocol:?}: {took:?}");
        assert_eq!(call.way(), (protocol, ENGINE.into(), address));
    }
}

#[test]
fn restarts_without_end_leave_nothing_behind() {
    let mut world = World::at(&BOTH);
    let (publisher, subscriber) = (world.client(), world.client());
    let mut call = Call::new(world, publisher, subscriber);
    for _ in 0..20 {
        // Offered again and again, and answered by nobody.
        let plan = OfferPlan { restart: true, ..OfferPlan::default() };
        let now = call.world.now;
        call.world.engine.make_offer(now, DOWN, plan).unwrap();
    }
    call.flows();
    restart(&mut call);
    call.world.run(Duration::from_secs(3));
    call.flows();
}
