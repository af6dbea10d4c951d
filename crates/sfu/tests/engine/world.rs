//! Clients, the engine and the network between them, in one thread and in virtual time.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu::{
    Answer, Engine, Event, EventKind, Input, Offer, OfferPlan, Output, Path, Place, Protocol, TransportId,
};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, SenderFeedback, Simulcast, SimulcastLayer};
use str0m::net::{Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Rtc};

pub const ENGINE: &str = "192.0.2.1:7000";
/// Its other places, beside the two of `ENGINE`.
pub const ENGINE_ELSEWHERE: &str = "203.0.113.1:7000";
pub const ENGINE_IPV6: &str = "[2001:db8::1]:7000";

/// The offer of a publisher as LiveKit's Python SDK 1.2 makes it after it fell back from the single-connection path:
/// six idle receivers left over, a video in two layers, sound, and the data channels.
pub const REFERENCE_OFFER: &str = include_str!("offer.sdp");

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A path to a client that bears so much and no more.
struct Link {
    bits_per_second: u64,
    /// When it has carried all that it was given.
    free: Instant,
}

/// What may wait before a link; more is dropped.
const QUEUE: Duration = Duration::from_millis(250);

/// How long a datagram is under way on a link.
const DELAY: Duration = Duration::from_millis(20);

struct Client {
    rtc: Rtc,
    link: Option<Link>,
    /// Under way to it, by when they arrive.
    coming: VecDeque<(Instant, Path, Vec<u8>)>,
    address: SocketAddr,
    protocol: Protocol,
    /// What the network makes of its address.
    seen_as: Option<SocketAddr>,
    due: Instant,
    outbox: Vec<(Path, Vec<u8>)>,
    /// On which paths it was sent to, how often.
    reached: HashMap<Path, usize>,
    received: Vec<RtpPacket>,
    data: Vec<Vec<u8>>,
    channels: HashMap<String, ChannelId>,
    keyframe_requests: usize,
    reports: Vec<SenderFeedback>,
}

pub struct World {
    pub now: Instant,
    pub engine: Engine,
    pub lost: u32,
    clients: Vec<Client>,
    events: Vec<Event>,
    fragments: HashMap<TransportId, String>,
    addresses: u8,
    loss: Option<u32>,
    blocked: Option<SocketAddr>,
    seed: u32,
}

impl World {
    /// An engine with one place.
    pub fn new() -> World {
        World::at(&[(Protocol::Udp, ENGINE)])
    }

    pub fn at(places: &[(Protocol, &str)]) -> World {
        let now = Instant::now();
        let places: Vec<Place> = places
            .iter()
            .map(|(protocol, address)| Place { protocol: *protocol, address: address.parse().unwrap() })
            .collect();
        World {
            now,
            engine: Engine::new(&places, now).unwrap(),
            lost: 0,
            clients: vec![],
            events: vec![],
            fragments: HashMap::new(),
            addresses: 1,
            loss: None,
            blocked: None,
            seed: 0x1234_5678,
        }
    }

    /// From now on the network drops about one datagram in `n`, each way.
    pub fn lose_one_in(&mut self, n: u32) {
        self.loss = Some(n);
    }

    /// From now on nothing passes between clients and a place of the engine's.
    pub fn block(&mut self, place: &str) {
        self.blocked = Some(place.parse().unwrap());
    }

    pub fn lose_nothing(&mut self) {
        self.loss = None;
    }

    /// From now on the path to `client` bears so much; `None`: everything, at once.
    pub fn narrow(&mut self, client: usize, bits_per_second: Option<u64>) {
        let now = self.now;
        self.clients[client].link =
            bits_per_second.map(|bits_per_second| Link { bits_per_second, free: now });
    }

    fn new_address(&mut self) -> SocketAddr {
        self.addresses += 1;
        SocketAddr::from(([198, 51, 100, self.addresses], 5000))
    }

    pub fn client(&mut self) -> usize {
        let address = self.new_address();
        self.client_at(Protocol::Udp, address)
    }

    /// A client at an address, that makes its connections from there if it speaks TCP.
    pub fn client_at(&mut self, protocol: Protocol, address: SocketAddr) -> usize {
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(self.now);
        rtc.add_local_candidate(candidate(protocol, address));
        self.clients.push(Client {
            rtc,
            protocol,
            seen_as: None,
            reached: HashMap::new(),
            link: None,
            coming: VecDeque::new(),
            address,
            due: self.now,
            outbox: vec![],
            received: vec![],
            data: vec![],
            channels: HashMap::new(),
            keyframe_requests: 0,
            reports: vec![],
        });
        self.clients.len() - 1
    }

    pub fn add(&mut self, id: TransportId) {
        let session = self.engine.blueprint().build(self.now).unwrap();
        self.engine.add(self.now, id, session).unwrap();
    }

    /// Make a transport on which `client` publishes one video and opens the reliable channel.
    /// Returns the section.
    pub fn publish_video(&mut self, id: TransportId, client: usize, rids: &[&str]) -> String {
        self.add(id);
        let mut api = self.clients[client].rtc.sdp_api();
        let simulcast = (!rids.is_empty()).then(|| {
            let mut s = Simulcast::new();
            rids.iter().for_each(|r| s.add_send_layer(SimulcastLayer::new(r)));
            s
        });
        let mid = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast);
        api.add_channel_with_config(ChannelConfig { label: "_reliable".into(), ..Default::default() });
        let (offer, pending) = api.apply().unwrap();
        let offer = Offer::parse(&offer.to_sdp_string()).unwrap();
        let answer = self.engine.accept_offer(self.now, id, offer).unwrap();
        let fragment = answer.lines().find_map(|l| l.strip_prefix("a=ice-ufrag:")).unwrap();
        self.fragments.insert(id, fragment.to_owned());
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        mid.to_string()
    }

    /// Make a transport on which `client` publishes one sound. Returns the section.
    pub fn publish_sound(&mut self, id: TransportId, client: usize) -> String {
        self.add(id);
        self.offer_sound(id, client)
    }

    /// Publish one sound on a transport that is there. Returns the section.
    pub fn offer_sound(&mut self, id: TransportId, client: usize) -> String {
        let mut api = self.clients[client].rtc.sdp_api();
        let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let offer = Offer::parse(&offer.to_sdp_string()).unwrap();
        let answer = self.engine.accept_offer(self.now, id, offer).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        mid.to_string()
    }

    /// Make a transport on which `client` publishes one sound and one video. Returns their sections.
    pub fn publish_both(&mut self, id: TransportId, client: usize) -> (String, String) {
        self.add(id);
        let mut api = self.clients[client].rtc.sdp_api();
        let sound = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let video = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let offer = Offer::parse(&offer.to_sdp_string()).unwrap();
        let answer = self.engine.accept_offer(self.now, id, offer).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        (sound.to_string(), video.to_string())
    }

    /// Send a packet that was captured a while ago.
    pub fn send_captured(
        &mut self,
        client: usize,
        (mid, codec): (&str, Codec),
        sequence: u64,
        time: u32,
        captured: Instant,
        payload: &[u8],
    ) {
        let rtc = &mut self.clients[client].rtc;
        let payload_type = rtc.codec_config().find(|p| p.spec().codec == codec).unwrap().pt();
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid.into(), None).unwrap();
        stream.write_rtp(RtpWrite::new(payload_type, sequence.into(), time, captured, payload.to_vec()));
        self.settle();
    }

    /// Send a packet of sound, 20 ms of it, that says how loud it is.
    pub fn send_sound(&mut self, client: usize, mid: &str, sequence: u64, level: i8, payload: &[u8]) {
        let now = self.now;
        let rtc = &mut self.clients[client].rtc;
        let opus = rtc.codec_config().find(|p| p.spec().codec == Codec::Opus).unwrap().pt();
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid.into(), None).unwrap();
        let says =
            ExtensionValues { audio_level: Some(level), voice_activity: Some(true), ..Default::default() };
        let packet = RtpWrite::new(opus, sequence.into(), 960 * sequence as u32, now, payload.to_vec());
        stream.write_rtp(packet.ext_vals(says));
        self.settle();
    }

    /// Make an offer to `client` on a transport, which is made if need be; returns the added sections.
    pub fn subscribe(&mut self, id: TransportId, client: usize, plan: OfferPlan) -> Vec<String> {
        if !plan.restart {
            self.add(id);
        }
        let (offer, mids) = self.engine.make_offer(self.now, id, plan).unwrap();
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = self.clients[client].rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        self.engine.accept_answer(self.now, id, Answer::parse(&answer).unwrap()).unwrap();
        mids
    }

    pub fn send_rtp(
        &mut self,
        client: usize,
        mid: &str,
        rid: Option<&str>,
        sequence: u64,
        time: u32,
        payload: &[u8],
    ) {
        let now = self.now;
        let rtc = &mut self.clients[client].rtc;
        let vp8 = rtc.codec_config().find(|p| p.spec().codec == Codec::Vp8).unwrap().pt();
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid.into(), rid.map(Into::into)).unwrap();
        let packet =
            RtpWrite::new(vp8, sequence.into(), time, now, payload.to_vec()).marker(true).nackable(true);
        stream.write_rtp(packet);
        self.settle();
    }

    pub fn send_data(&mut self, client: usize, label: &str, bytes: &[u8]) {
        let c = &mut self.clients[client];
        let id = c.channels[label];
        assert!(c.rtc.channel(id).unwrap().write(true, bytes).unwrap());
        self.settle();
    }

    /// A datagram from anywhere.
    pub fn inject(&mut self, remote: SocketAddr, bytes: &[u8]) {
        let path = Path { protocol: Protocol::Udp, local: ENGINE.parse().unwrap(), remote };
        self.engine.handle_input(self.now, Input::Datagram { path, bytes });
        self.settle();
    }

    pub fn leave(&mut self, client: usize) {
        self.clients[client].rtc.close().unwrap();
        self.settle();
    }

    /// Give a client another address; the old one is dead.
    pub fn move_client(&mut self, client: usize) {
        let address = self.new_address();
        self.move_client_to(client, self.clients[client].protocol, address);
    }

    /// Give a client another address and protocol; the old one is dead, and it gathers its candidates anew.
    pub fn move_client_to(&mut self, client: usize, protocol: Protocol, address: SocketAddr) {
        let c = &mut self.clients[client];
        let old = candidate(c.protocol, c.address);
        (c.protocol, c.address) = (protocol, address);
        c.rtc.add_local_candidate(candidate(protocol, address));
        c.rtc.direct_api().invalidate_candidate(&old);
    }

    /// Let the network see a client at another address, as a NAT that forgets does; the client does not know.
    pub fn remap(&mut self, client: usize) -> SocketAddr {
        let address = self.new_address();
        self.clients[client].seen_as = Some(address);
        address
    }

    /// The paths on which something other than STUN came to a client since this was last asked.
    pub fn paths(&mut self, client: usize) -> Vec<Path> {
        let mut paths: Vec<Path> = self.clients[client].reached.drain().map(|(path, _)| path).collect();
        paths.sort();
        paths
    }

    /// Offer the client's publishing transport anew, with a restart of ICE.
    pub fn reoffer(&mut self, id: TransportId, client: usize) {
        let mut api = self.clients[client].rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        let offer = Offer::parse(&offer.to_sdp_string()).unwrap();
        let answer = self.engine.accept_offer(self.now, id, offer).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    pub fn address(&self, client: usize) -> SocketAddr {
        self.clients[client].address
    }

    /// The fragment that the engine gave to a publisher's transport.
    pub fn fragment(&self, id: TransportId) -> String {
        self.fragments[&id].clone()
    }

    pub fn received(&self, client: usize) -> &[RtpPacket] {
        &self.clients[client].received
    }

    /// The sender reports that came to a client, oldest first.
    pub fn reports(&self, client: usize) -> &[SenderFeedback] {
        &self.clients[client].reports
    }

    pub fn data(&self, client: usize) -> &[Vec<u8>] {
        &self.clients[client].data
    }

    pub fn keyframe_requests(&self, client: usize) -> usize {
        self.clients[client].keyframe_requests
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }

    pub fn saw(&self, transport: TransportId, f: impl Fn(&EventKind) -> bool) -> bool {
        self.events.iter().any(|e| e.transport == transport && f(&e.kind))
    }

    /// Let virtual time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    /// Let virtual time pass until something holds, for a minute at most.
    pub fn until(&mut self, what: &str, f: impl Fn(&World) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !f(self) {
            assert!(self.now < end, "never: {what}");
            self.step(end);
        }
    }

    fn step(&mut self, end: Instant) {
        let engine = self.settle();
        let coming = self.clients.iter().filter_map(|c| Some(c.coming.front()?.0));
        let due = self.clients.iter().map(|c| c.due).chain(coming).chain([engine, end]).min().unwrap();
        // At least a millisecond, so that it ends; at most fifty, so that `until` notices soon.
        self.now = due.clamp(self.now + ms(1), self.now + ms(50));
        self.engine.handle_input(self.now, Input::Timeout);
        for i in 0..self.clients.len() {
            while self.clients[i].coming.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, path, bytes) = self.clients[i].coming.pop_front().unwrap();
                self.arrive(i, path, &bytes);
            }
        }
        for c in &mut self.clients {
            c.rtc.handle_input(str0m::Input::Timeout(self.now)).unwrap();
            c.drain();
        }
        self.settle();
    }

    fn lose(&mut self) -> bool {
        let Some(n) = self.loss else { return false };
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        let lost = self.seed.is_multiple_of(n);
        self.lost += u32::from(lost);
        lost
    }

    /// Carry datagrams until nobody has any; returns when the engine wants to run.
    fn settle(&mut self) -> Instant {
        loop {
            let mut quiet = true;
            let engine_due = loop {
                match self.engine.poll_output() {
                    Output::Transmit { path, bytes } => {
                        quiet = false;
                        if !self.lose() {
                            self.hand_to(path, &bytes);
                        }
                    }
                    Output::Event(e) => self.events.push(e),
                    Output::Timeout(at) => break at,
                }
            };
            for i in 0..self.clients.len() {
                self.clients[i].drain();
                let sent = std::mem::take(&mut self.clients[i].outbox);
                let seen_as = self.clients[i].seen_as;
                for (mut path, bytes) in sent {
                    quiet = false;
                    path.remote = seen_as.unwrap_or(path.remote);
                    if self.blocked != Some(path.local) && !self.lose() {
                        self.engine.handle_input(self.now, Input::Datagram { path, bytes: &bytes });
                    }
                }
            }
            if quiet {
                return engine_due;
            }
        }
    }

    fn hand_to(&mut self, path: Path, bytes: &[u8]) {
        let is_there = |c: &Client| c.seen_as.unwrap_or(c.address) == path.remote;
        let Some(i) = self.clients.iter().position(is_there) else { return };
        let now = self.now;
        let Some(link) = &mut self.clients[i].link else { return self.arrive(i, path, bytes) };
        // 28: the headers of IPv4 and UDP.
        let takes = Duration::from_secs_f64((bytes.len() + 28) as f64 * 8.0 / link.bits_per_second as f64);
        if link.free.saturating_duration_since(now) > QUEUE {
            self.lost += 1;
            return;
        }
        link.free = link.free.max(now) + takes;
        let at = link.free + DELAY;
        self.clients[i].coming.push_back((at, path, bytes.to_vec()));
    }

    fn arrive(&mut self, client: usize, path: Path, bytes: &[u8]) {
        let c = &mut self.clients[client];
        if bytes[0] > 3 {
            *c.reached.entry(path).or_default() += 1;
        }
        let receive = Receive {
            proto: path.protocol.into(),
            source: path.local,
            destination: c.address,
            contents: bytes.try_into().unwrap(),
        };
        c.rtc.handle_input(str0m::Input::Receive(self.now, receive)).unwrap();
        c.drain();
    }
}

impl Client {
    /// str0m wants to be drained after each input: an event that waits is overwritten by the next.
    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                str0m::Output::Timeout(at) => {
                    self.due = at;
                    return;
                }
                // What a client sends from an address it has left goes nowhere.
                str0m::Output::Transmit(t) if t.source == self.address => {
                    let path = Path { protocol: self.protocol, local: t.destination, remote: t.source };
                    self.outbox.push((path, t.contents.into()));
                }
                str0m::Output::Transmit(_) => {}
                str0m::Output::Event(e) => match e {
                    str0m::Event::RtpPacket(p) => self.received.push(p),
                    str0m::Event::ChannelOpen(id, label) => {
                        self.channels.insert(label, id);
                    }
                    str0m::Event::ChannelData(d) => self.data.push(d.data),
                    str0m::Event::SenderFeedback(r) => self.reports.push(r),
                    str0m::Event::KeyframeRequest(_) => self.keyframe_requests += 1,
                    _ => {}
                },
            }
        }
    }
}

fn candidate(protocol: Protocol, address: SocketAddr) -> Candidate {
    match protocol {
        Protocol::Udp => Candidate::host(address, "udp").unwrap(),
        Protocol::Tcp => Candidate::builder().tcp().host(address).tcptype(TcpType::Active).build().unwrap(),
    }
}
