//! Clients, the engine and the network between them, in one thread and in virtual time.
//!
//! Lives here: what the tests of the engine, its simulation and its fuzzers have in common. Not here: what they play.
// Each of them uses a part.
#![allow(dead_code)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu::{
    Answer, Engine, Event, EventKind, Input, Offer, OfferPlan, Output, Path, Place, Protocol, TransportId,
};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, SenderFeedback, Simulcast, SimulcastLayer};
use str0m::net::{Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Rtc, RtcConfig};

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

/// So many of the datagrams that hostile clients sent are kept.
const SENT: usize = 64;

/// How long a datagram is under way on a link.
const DELAY: Duration = Duration::from_millis(20);

/// What a network does to datagrams, each way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Of a thousand datagrams, so many are lost.
    pub lost: u32,
    /// Of a thousand, so many come twice.
    pub doubled: u32,
    /// Each is under way for so many milliseconds, and for up to so many more; so they overtake each other.
    pub delay: (u32, u32),
}

/// A datagram under way: when it arrives, its number, whether it goes up to the engine, the client's address, the bytes.
type Flight = Reverse<(Instant, u64, bool, Path, Vec<u8>)>;

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
    /// Whether it may fail: what a hostile client gets for an answer may be too much for it.
    hostile: bool,
    /// Whether it has failed, or is gone.
    dead: bool,
}

pub struct World {
    pub now: Instant,
    pub engine: Engine,
    pub lost: u32,
    clients: Vec<Client>,
    events: Vec<Event>,
    fragments: HashMap<TransportId, String>,
    addresses: u16,
    /// What hostile clients sent, the latest last.
    pub sent: VecDeque<(SocketAddr, Vec<u8>)>,
    loss: Option<u32>,
    blocked: Option<SocketAddr>,
    seed: u32,
    /// The network up from a client to the engine, and down from it; `None`: everything arrives, at once.
    pub weather: [Option<Weather>; 2],
    air: BinaryHeap<Flight>,
    flights: u64,
    /// What the engine sent since it was taken last, if it is kept.
    pub watched: Option<Vec<(SocketAddr, Vec<u8>)>>,
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
            sent: VecDeque::new(),
            loss: None,
            blocked: None,
            seed: 0x1234_5678,
            weather: [None; 2],
            air: BinaryHeap::new(),
            flights: 0,
            watched: None,
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

    /// Let chance go another way.
    pub fn reseed(&mut self, seed: u32) {
        self.seed = seed.wrapping_mul(0x9e37_79b9) | 1;
    }

    fn new_address(&mut self) -> SocketAddr {
        self.addresses += 1;
        let [high, low] = self.addresses.to_be_bytes();
        SocketAddr::from(([198, 18, high, low], 5000))
    }

    pub fn client(&mut self) -> usize {
        let address = self.new_address();
        self.client_at(Protocol::Udp, address)
    }

    /// A client at an address, that makes its connections from there if it speaks TCP.
    pub fn client_at(&mut self, protocol: Protocol, address: SocketAddr) -> usize {
        self.client_of(protocol, address, Rtc::builder())
    }

    /// A client that speaks what `config` says.
    pub fn client_speaking(&mut self, config: RtcConfig) -> usize {
        let address = self.new_address();
        self.client_of(Protocol::Udp, address, config)
    }

    fn client_of(&mut self, protocol: Protocol, address: SocketAddr, config: RtcConfig) -> usize {
        let mut rtc = config.set_rtp_mode(true).build(self.now);
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
            hostile: false,
            dead: false,
        });
        self.clients.len() - 1
    }

    /// From now on a client may fail, and what it sends is kept in `sent`.
    pub fn make_hostile(&mut self, client: usize) {
        self.clients[client].hostile = true;
    }

    pub fn add(&mut self, id: TransportId) {
        let session = self.engine.blueprint().build(self.now).unwrap();
        self.engine.add(self.now, id, session).unwrap();
    }

    /// Let `client` change what it publishes on a transport, by an offer that is answered.
    pub fn offer_up<T>(
        &mut self,
        id: TransportId,
        client: usize,
        change: impl FnOnce(&mut str0m::change::SdpApi<'_>) -> T,
    ) -> T {
        let mut api = self.clients[client].rtc.sdp_api();
        let made = change(&mut api);
        let (offer, pending) = api.apply().expect("a change");
        let offer = Offer::parse(&offer.to_sdp_string()).unwrap();
        let answer = self.engine.accept_offer(self.now, id, offer).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        made
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
        self.offer_down(id, client, plan)
    }

    /// Make a further offer to `client`, which it answers; returns the added sections.
    pub fn offer_down(&mut self, id: TransportId, client: usize, plan: OfferPlan) -> Vec<String> {
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

    /// Send a packet of picture or sound, without waiting for anything.
    #[allow(clippy::too_many_arguments)]
    pub fn send_packet(
        &mut self,
        client: usize,
        mid: &str,
        rid: Option<&str>,
        video: bool,
        sequence: u64,
        time: u32,
        payload: &[u8],
    ) {
        let now = self.now;
        let rtc = &mut self.clients[client].rtc;
        let codec = if video { Codec::Vp8 } else { Codec::Opus };
        let pt = rtc.codec_config().find(|p| p.spec().codec == codec).unwrap().pt();
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid.into(), rid.map(Into::into)).unwrap();
        let packet = RtpWrite::new(pt, sequence.into(), time, now, payload.to_vec());
        stream.write_rtp(packet.marker(video).nackable(video));
        self.settle();
    }

    pub fn send_data(&mut self, client: usize, label: &str, bytes: &[u8]) {
        let c = &mut self.clients[client];
        let id = c.channels[label];
        assert!(c.rtc.channel(id).unwrap().write(true, bytes).unwrap());
        self.settle();
    }

    /// A client's own end of its transport.
    pub fn rtc(&mut self, client: usize) -> &mut Rtc {
        &mut self.clients[client].rtc
    }

    /// Whether a hostile client has failed.
    pub fn is_dead(&self, client: usize) -> bool {
        self.clients[client].dead
    }

    /// The channel of a client by its label, if it is open.
    pub fn channel(&self, client: usize, label: &str) -> Option<ChannelId> {
        self.clients[client].channels.get(label).copied()
    }

    /// A datagram from anywhere.
    pub fn inject(&mut self, remote: SocketAddr, bytes: &[u8]) {
        let path = Path { protocol: Protocol::Udp, local: ENGINE.parse().unwrap(), remote };
        self.engine.handle_input(self.now, Input::Datagram { path, bytes });
        self.settle();
    }

    /// All clients vanish without a word.
    pub fn abandon(&mut self) {
        self.clients.iter_mut().for_each(|c| c.dead = true);
    }

    pub fn leave(&mut self, client: usize) {
        // One whose channels are not open yet has nobody to say farewell to.
        let _ = self.clients[client].rtc.close();
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

    /// What a client received since it was taken last: packets with their sections, and data.
    #[allow(clippy::type_complexity)]
    pub fn take(&mut self, client: usize) -> (Vec<(Option<Mid>, RtpPacket)>, Vec<Vec<u8>>) {
        let c = &mut self.clients[client];
        let packets = std::mem::take(&mut c.received);
        let mut api = c.rtc.direct_api();
        let with_mids =
            packets.into_iter().map(|p| (api.stream_rx(&p.header.ssrc).map(|s| s.mid()), p)).collect();
        (with_mids, std::mem::take(&mut c.data))
    }

    /// A client vanishes without a word.
    pub fn vanish(&mut self, client: usize) {
        self.clients[client].dead = true;
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
        let coming = coming.chain(self.air.peek().map(|Reverse((at, ..))| *at));
        let due = self
            .clients
            .iter()
            .filter(|c| !c.dead)
            .map(|c| c.due)
            .chain(coming)
            .chain([engine, end])
            .min()
            .unwrap();
        // At least a millisecond, so that it ends; at most fifty, so that `until` notices soon.
        self.now = due.clamp(self.now + ms(1), self.now + ms(50));
        self.engine.handle_input(self.now, Input::Timeout);
        for i in 0..self.clients.len() {
            while self.clients[i].coming.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, path, bytes) = self.clients[i].coming.pop_front().unwrap();
                self.arrive(i, path, &bytes);
            }
        }
        while self.air.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
            let Some(Reverse((_, _, up, path, bytes))) = self.air.pop() else { break };
            match up {
                true => {
                    self.engine.handle_input(self.now, Input::Datagram { path, bytes: &bytes });
                }
                false => self.hand_to(path, &bytes),
            }
        }
        for c in self.clients.iter_mut().filter(|c| c.due <= self.now) {
            c.input(str0m::Input::Timeout(self.now));
        }
        self.settle();
    }

    fn random(&mut self) -> u32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        self.seed
    }

    fn fly(&mut self, weather: Weather, up: bool, path: Path, bytes: Vec<u8>) {
        if self.random() % 1000 < weather.lost {
            self.lost += 1;
            return;
        }
        let copies = 1 + u32::from(self.random() % 1000 < weather.doubled);
        for _ in 0..copies {
            let (least, more) = weather.delay;
            let delay = least + self.random() % (more + 1);
            self.flights += 1;
            let at = self.now + ms(delay.into());
            self.air.push(Reverse((at, self.flights, up, path, bytes.clone())));
        }
    }

    fn lose(&mut self) -> bool {
        let Some(n) = self.loss else { return false };
        let lost = self.random().is_multiple_of(n);
        self.lost += u32::from(lost);
        lost
    }

    /// Carry datagrams until nobody has any; returns when the engine wants to run.
    pub fn settle(&mut self) -> Instant {
        loop {
            let mut quiet = true;
            let engine_due = loop {
                match self.engine.poll_output() {
                    Output::Transmit { path, bytes } => {
                        quiet = false;
                        if let Some(watched) = &mut self.watched {
                            watched.push((path.remote, bytes.clone()));
                        }
                        let lost = self.lose();
                        match self.weather[1] {
                            Some(weather) => self.fly(weather, false, path, bytes),
                            None if lost => {}
                            None => self.hand_to(path, &bytes),
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
                    if self.clients[i].hostile {
                        self.sent.push_back((path.remote, bytes.clone()));
                        self.sent.drain(..self.sent.len().saturating_sub(SENT));
                    }
                    let lost = self.blocked == Some(path.local) || self.lose();
                    match self.weather[0] {
                        Some(weather) => self.fly(weather, true, path, bytes),
                        None if lost => {}
                        None => self.engine.handle_input(self.now, Input::Datagram { path, bytes: &bytes }),
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
        c.input(str0m::Input::Receive(self.now, receive));
    }
}

impl Client {
    fn input(&mut self, input: str0m::Input<'_>) {
        if self.dead {
            return;
        }
        match self.rtc.handle_input(input) {
            Ok(()) => self.drain(),
            Err(e) => self.fail(&e),
        }
    }

    fn fail(&mut self, error: &str0m::RtcError) {
        assert!(self.hostile, "{error}");
        self.dead = true;
    }

    /// str0m wants to be drained after each input: an event that waits is overwritten by the next.
    fn drain(&mut self) {
        while !self.dead {
            let output = match self.rtc.poll_output() {
                Ok(output) => output,
                Err(e) => return self.fail(&e),
            };
            match output {
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
