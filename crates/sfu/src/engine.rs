//! The engine: all transports of one port, and what flows between them.
//!
//! Lives here: input and output, the transports' timers, the tables of tracks, the counters.
//! Not here: the rules of each part, which are in the part's own module.
//!
//! ```text
//! datagram ─▶ demux ─▶ session ─▶ RTP packet ─▶ publication ─▶ every subscriber's session ─▶ datagrams
//!                         │
//!                         └─────▶ data packet ─▶ stamp, members ─▶ receivers' sessions ─▶ datagrams
//! ```
//! A session runs when a datagram is for it, when it has something to send, or when its timer is due; so that idle
//! transports cost nothing. Everything else is done in [`Engine::poll_output`], which a caller drains after each batch
//! of inputs and each command.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::format::Codec;
use str0m::media::Mid;
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor};

use crate::allocate::Claim;
use crate::data::{Inflow, Member, Members, Stop};
use crate::demux::{is_dtls, stun_fragment, stun_nominates, Demux};
use crate::forward::{Arrival, Publication, Subscription, RETARGET_INTERVAL};
use crate::keyframe::begins_keyframe;
use crate::layers::layer_of;
use crate::redundancy::{self, Blocks};
use crate::session::{Blueprint, Harvest, Lane, OfferPlan, Session, TransportId};
use crate::vp8::PictureIds;
use crate::{Answer, Error, Offer, Path, Place, MAX_DATAGRAM_BYTES};

/// A session that has just run does not run again by its timer before this: should str0m ask for a time that has
/// passed already, `poll_output` would else never end. It is also as fine as the shell can wait.
const SHORTEST_TIMER: Duration = Duration::from_millis(1);

/// With no timer set, look again after this long.
const IDLE: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came.
    Datagram {
        /// On which way.
        path: Path,
        /// Its contents; more than [`MAX_DATAGRAM_BYTES`] are not looked at.
        bytes: &'a [u8],
    },
    /// Time passed.
    Timeout,
}

/// What to do.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Transmit {
        /// On which way.
        path: Path,
        /// Its contents.
        bytes: Vec<u8>,
    },
    /// Tell the caller's owner.
    Event(Event),
    /// Nothing, until this instant or the next input.
    Timeout(Instant),
}

/// Something about a transport that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which transport.
    pub transport: TransportId,
    /// What.
    pub kind: EventKind,
}

/// What happened to a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// ICE and DTLS stand.
    Connected,
    /// It ended: the client closed it, or it failed. Not sent for [`Engine::close`].
    Closed,
    /// ICE's state, by its name in WebRTC.
    Ice(String),
    /// The first packet of an encoding came.
    Stream {
        /// The section of the client's offer.
        mid: String,
        /// 0 low, 1 middle, 2 high.
        layer: u8,
    },
    /// A data channel opened.
    Channel(String),
    /// How loud a published sound was in the last moments, while it is loud enough for speech, and once after.
    Level {
        /// The section of the client's offer.
        mid: String,
        /// Decibels below the loudest possible; 127: silent.
        level: u8,
    },
    /// How good the path is: 0 poor, 1 good, 2 excellent.
    Quality(u8),
    /// A subscriber's path does not bear even the lowest layer of a video, or bears it again.
    Throttled {
        /// The section of the offer to the subscriber.
        mid: String,
        /// Whether it does not.
        paused: bool,
    },
}

/// A track on its way to a subscriber.
#[derive(Debug, Clone)]
pub struct Route {
    /// The publisher's transport.
    pub source: TransportId,
    /// The section of the publisher's offer.
    pub source_mid: String,
    /// The subscriber's transport.
    pub target: TransportId,
    /// The section of the offer to the subscriber.
    pub target_mid: String,
    /// The highest layer to send, 0 to 2.
    pub max_layer: u8,
    /// 0 is served first where the subscriber's path does not bear all.
    pub rank: u8,
}

/// A video that a subscriber watches.
struct Watched {
    mid: Mid,
    source: (TransportId, Mid),
    claim: Claim,
    /// What it gets now.
    layer: Option<u8>,
}

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the engine began.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        impl Stats {
            /// The counters by name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

stats! {
    /// Datagrams received.
    packets_in,
    /// Bytes of them.
    bytes_in,
    /// Datagrams to send.
    packets_out,
    /// Bytes of them.
    bytes_out,
    /// Media packets received, padding among them.
    rtp_in,
    /// Media packets forwarded, once for each subscriber.
    rtp_out,
    /// Data packets received.
    data_in,
    /// Data packets forwarded, once for each receiver.
    data_out,
    /// Data packets refused: malformed, too large, or not allowed.
    data_refused,
    /// Reliable data packets that came again after a resume, and went on once.
    data_repeated,
    /// Keyframe requests from subscribers.
    keyframes_wanted,
    /// Keyframe requests to publishers.
    keyframes_asked,
    /// Datagrams of data, and packets of sound, beyond what their sender may send.
    held_back,
    /// Packets of redundant sound that cannot be read.
    malformed,
    /// Packets of sound that were lost on their way here, and made up for from redundant ones.
    recovered,
    /// Datagrams that were for nobody.
    strays,
    /// Calls of str0m.
    polls,
    /// Sessions that ran because their timer was due.
    timer_runs,
    /// Transports that ended by an error.
    failures,
    /// Those of them that ended by a panic in str0m.
    panics,
    /// Transports now.
    transports,
}

/// The lost packets that a redundant one makes up for, the oldest first, with their contents.
fn recovered(
    publication: &mut Publication,
    came: &Arrival,
    blocks: &Blocks,
    payload: &[u8],
) -> Vec<(Arrival, Arc<[u8]>)> {
    let mut found = Vec::new();
    for (n, earlier) in blocks.earlier.iter().enumerate().rev() {
        let (Some(earlier), Some(sequence)) = (earlier, came.sequence.checked_sub(n as u64 + 1)) else {
            continue;
        };
        if !publication.arrivals.note(came.ssrc, sequence) {
            continue;
        }
        let ago = Duration::from_secs_f64(f64::from(earlier.back) / f64::from(came.clock_hz));
        let lost = Arrival {
            sequence,
            timestamp: came.timestamp.wrapping_sub(earlier.back),
            captured: came.captured.checked_sub(ago).unwrap_or(came.captured),
            ..*came
        };
        found.push((lost, payload[earlier.at.clone()].into()));
    }
    found
}

/// A selective forwarding unit.
pub struct Engine {
    blueprint: Blueprint,
    /// Boxed: a session is some 5 kB, and a table stands half empty.
    sessions: HashMap<TransportId, Box<Session>>,
    demux: Demux,
    publications: HashMap<(TransportId, Mid), Publication>,
    members: Members,
    timers: BinaryHeap<Reverse<(Instant, TransportId)>>,
    marked: Vec<TransportId>,
    /// Sections in which packets of nothing go out until media comes.
    waking: Vec<(TransportId, Mid)>,
    out: VecDeque<Output>,
    now: Instant,
    next_retarget: Instant,
    stats: Stats,
}

impl Engine {
    /// An engine whose transports say they can be reached at `places`.
    ///
    /// Errors: `BadAddress` if there is none, or one cannot be reached; `NoCertificate`.
    pub fn new(places: &[Place], now: Instant) -> Result<Engine, Error> {
        if places.is_empty() {
            return Err(Error::BadAddress);
        }
        for place in places {
            place.candidate()?;
        }
        let certificate =
            crate::dtls::provider().dtls_provider.generate_certificate().ok_or(Error::NoCertificate)?;
        Ok(Engine::of(Blueprint { certificate, places: places.into() }, now))
    }

    /// Another engine of the same places and certificate: what is built from the blueprint of one fits the other.
    pub fn beside(&self, now: Instant) -> Engine {
        Engine::of(self.blueprint(), now)
    }

    fn of(blueprint: Blueprint, now: Instant) -> Engine {
        Engine {
            blueprint,
            sessions: HashMap::new(),
            demux: Demux::default(),
            publications: HashMap::new(),
            members: Members::default(),
            timers: BinaryHeap::new(),
            marked: Vec::new(),
            waking: Vec::new(),
            out: VecDeque::new(),
            now,
            next_retarget: now,
            stats: Stats::default(),
        }
    }

    /// What a transport is built from, on any thread.
    pub fn blueprint(&self) -> Blueprint {
        self.blueprint.clone()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        Stats { transports: self.sessions.len() as u64, ..self.stats }
    }

    /// How much the tables hold, sessions aside: nothing once all transports are gone, and their timers are past.
    #[cfg(feature = "fuzzing")]
    pub fn held(&self) -> usize {
        self.demux.held() + self.members.held() + self.publications.len() + self.timers.len() + self.out.len()
    }

    // --- input and output ---------------------------------------------------------------------------------------

    /// Take what happened at `now`. Time does not go back: an earlier `now` counts as the latest.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.advance(now);
        match input {
            Input::Datagram { path, bytes } => self.receive(path, bytes),
            Input::Timeout => {}
        }
    }

    /// What to do next. Call until it says `Timeout`.
    pub fn poll_output(&mut self) -> Output {
        loop {
            if let Some(out) = self.out.pop_front() {
                return out;
            }
            self.mark_due();
            if self.marked.is_empty() {
                return Output::Timeout(self.next_timeout());
            }
            for id in std::mem::take(&mut self.marked) {
                self.run(id, None);
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn mark(&mut self, id: TransportId) {
        if let Some(s) = self.sessions.get_mut(&id) {
            if !s.marked {
                s.marked = true;
                self.marked.push(id);
            }
        }
    }

    /// Mark the sessions whose timers are due. The heap may hold a session at an earlier time than it now wants.
    fn mark_due(&mut self) {
        while let Some(Reverse((at, id))) = self.timers.peek().copied() {
            if at > self.now {
                break;
            }
            self.timers.pop();
            let Some(s) = self.sessions.get_mut(&id) else { continue };
            if s.scheduled != Some(at) {
                continue;
            }
            s.scheduled = None;
            if s.due <= self.now {
                self.stats.timer_runs += 1;
                self.mark(id);
            } else {
                self.schedule(id);
            }
        }
        if self.next_retarget <= self.now && !self.sessions.is_empty() {
            self.next_retarget = self.now + RETARGET_INTERVAL;
            self.retarget_all();
        }
    }

    fn schedule(&mut self, id: TransportId) {
        let soonest = self.now + SHORTEST_TIMER;
        if let Some(s) = self.sessions.get_mut(&id) {
            s.due = s.due.max(soonest);
            if s.scheduled.is_none_or(|at| s.due < at) {
                s.scheduled = Some(s.due);
                self.timers.push(Reverse((s.due, id)));
            }
        }
    }

    fn next_timeout(&self) -> Instant {
        let idle = if self.sessions.is_empty() { self.now + IDLE } else { self.next_retarget };
        self.timers.peek().map_or(idle, |Reverse((at, _))| idle.min(*at))
    }

    // --- datagrams ----------------------------------------------------------------------------------------------

    /// Whether a path leads to a transport: one does after an authentic request, until its transport ends.
    pub fn knows(&self, path: &Path) -> bool {
        self.demux.has(path)
    }

    fn receive(&mut self, path: Path, bytes: &[u8]) {
        self.stats.packets_in += 1;
        self.stats.bytes_in += bytes.len() as u64;
        match self.find(path, bytes) {
            Some(id) if !self.admits(id, bytes) => self.stats.held_back += 1,
            Some(id) => self.run(id, Some((path, bytes))),
            None => self.stats.strays += 1,
        }
    }

    /// Whether a client may send so much data: what it sends costs everybody in its room.
    fn admits(&mut self, id: TransportId, bytes: &[u8]) -> bool {
        let (sessions, members, now) = (&mut self.sessions, &self.members, self.now);
        if !is_dtls(bytes) {
            return true;
        }
        let Some(mut inflow) = sessions.get_mut(&id).and_then(|s| s.inflow.take()) else { return true };
        let pressed = || members.others(id).any(|o| sessions.get(&o).is_some_and(|s| s.is_pressed()));
        let admitted = inflow.admits(bytes.len(), now, pressed);
        if let Some(s) = sessions.get_mut(&id) {
            s.inflow = Some(inflow);
        }
        admitted
    }

    fn find(&mut self, path: Path, bytes: &[u8]) -> Option<TransportId> {
        if bytes.len() > MAX_DATAGRAM_BYTES {
            return None;
        }
        if let Some(id) = stun_fragment(bytes).and_then(|f| self.demux.by_fragment(f)) {
            let session = self.sessions.get_mut(&id)?;
            if !session.accepts(path, bytes, self.now) {
                return None;
            }
            session.checked(path, stun_nominates(bytes), self.now);
            self.demux.bind(path, id, self.now);
            return Some(id);
        }
        self.demux.by_path(path, self.now)
    }

    /// Run one session and act on what comes of it.
    fn run(&mut self, id: TransportId, datagram: Option<(Path, &[u8])>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.marked = false;
        let mut harvest = Harvest::default();
        let alive = session.run(self.now, datagram, &mut harvest);
        self.stats.polls += harvest.polls;
        self.stats.data_out += harvest.data_sent;
        for (path, bytes) in harvest.transmits {
            self.stats.packets_out += 1;
            self.stats.bytes_out += bytes.len() as u64;
            self.out.push_back(Output::Transmit { path, bytes });
        }
        // What an event leads to reads what the client said, too: a panic there ends this session alone, as one in it.
        let events = harvest.events;
        let acted = catch_unwind(AssertUnwindSafe(|| events.into_iter().for_each(|e| self.act(id, e))));
        if acted.is_err() {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.panicked = true;
                return self.fail(id);
            }
        }
        match alive {
            Ok(true) => self.schedule(id),
            Ok(false) => self.end(id),
            Err(_) => self.fail(id),
        }
    }

    fn act(&mut self, id: TransportId, event: str0m::Event) {
        use str0m::Event as E;
        match event {
            E::RtpPacket(packet) => self.forward(id, &packet),
            E::ChannelData(data) => self.deliver(id, data.id, &data.data),
            E::KeyframeRequest(request) => {
                self.stats.keyframes_wanted += 1;
                let Some(source) = self.sessions.get(&id).and_then(|s| s.sources.get(&request.mid)).copied()
                else {
                    return;
                };
                let now = self.now;
                let ask =
                    self.publications.get_mut(&source).and_then(|p| p.keyframe_wanted(id, request.mid, now));
                self.ask_keyframes(source.0, ask);
            }
            E::SenderFeedback(report) => {
                let Some(s) = self.sessions.get_mut(&id) else { return };
                let said = report.sender_info;
                s.clock.report(said.ssrc, said.ntp_time, said.rtp_time.numer() as u32, report.received_at);
            }
            E::PeerStats(stats) => {
                let Some(s) = self.sessions.get_mut(&id) else { return };
                s.allocator.note(stats.egress_loss_fraction, stats.rtt, self.now);
                let lost = stats.egress_loss_fraction.or(stats.ingress_loss_fraction);
                if let Some(level) = lost.and_then(|lost| s.quality.look(lost)) {
                    self.emit(id, EventKind::Quality(level));
                }
            }
            E::Connected => self.emit(id, EventKind::Connected),
            E::IceConnectionStateChange(state) => self.emit(id, EventKind::Ice(format!("{state:?}"))),
            E::ChannelOpen(_, label) => {
                self.mark(id);
                self.emit(id, EventKind::Channel(label));
            }
            _ => {}
        }
    }

    fn emit(&mut self, transport: TransportId, kind: EventKind) {
        self.out.push_back(Output::Event(Event { transport, kind }));
    }

    // --- media --------------------------------------------------------------------------------------------------

    fn forward(&mut self, id: TransportId, packet: &RtpPacket) {
        self.stats.rtp_in += 1;
        let ssrc = packet.header.ssrc;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some((mid, rid)) = session.encoding(ssrc) else { return };
        let Some(params) = session.payload(packet.header.payload_type) else { return };
        let codec = params.spec().codec;
        let video = codec.is_video();
        let blocks = if redundancy::is(&params) && !packet.payload.is_empty() {
            let opus = |pt: u8| session.payload(pt.into()).is_some_and(|p| p.spec().codec == Codec::Opus);
            let Some(blocks) = redundancy::read(&packet.payload).filter(|b| opus(b.payload_type)) else {
                self.stats.malformed += 1;
                return;
            };
            Some(blocks)
        } else {
            None
        };
        let descriptor = (codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&packet.payload).ok()).flatten();
        let keyframe = video && begins_keyframe(codec, &packet.payload, descriptor.as_ref());
        let arrival = Arrival {
            ssrc,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            clock_hz: params.spec().clock_rate.get(),
            empty: packet.payload.is_empty(),
            entry: !video || keyframe,
            vp8: descriptor.as_ref().map(PictureIds::of),
            captured: session.clock.captured(
                ssrc,
                packet.header.timestamp,
                params.spec().clock_rate.get(),
                self.now,
            ),
            now: self.now,
        };

        let publication = self.publications.entry((id, mid)).or_default();
        publication.video = video;
        if !video && !publication.admits_sound(packet.payload.len(), self.now) {
            self.stats.held_back += 1;
            return;
        }
        if let (false, Some(level)) = (video, packet.header.ext_vals.audio_level) {
            publication.loudness.hear(level.unsigned_abs(), self.now);
        }
        let layer = layer_of(rid);
        let bytes = packet.payload.len();
        let asks = if publication.encodings.heard(ssrc, layer, bytes, keyframe, self.now) {
            let kind = EventKind::Stream { mid: mid.to_string(), layer };
            self.out.push_back(Output::Event(Event { transport: id, kind }));
            publication.retarget(self.now)
        } else {
            Vec::new()
        };

        let new = video || publication.arrivals.note(ssrc, arrival.sequence);
        let came = &packet.header.ext_vals;
        let mut broken = Vec::new();
        let lost = blocks.as_ref().map(|b| recovered(publication, &arrival, b, &packet.payload));
        for (lost, payload) in lost.into_iter().flatten() {
            self.stats.recovered += 1;
            for s in &mut publication.subscriptions {
                let Some((_, way)) = s.way.filter(|(came, way)| *came == params.pt() && way.alone) else {
                    continue;
                };
                let Some(leaves) = s.rewrite(&lost) else { continue };
                let Some(target) = self.sessions.get_mut(&s.transport) else { continue };
                let (sequence, captured) = (leaves.sequence.into(), lost.captured);
                let write =
                    RtpWrite::new(way.payload_type, sequence, leaves.timestamp, captured, payload.clone());
                match target.guard(|t| Ok(t.write(s.mid, write))) {
                    Ok(true) => self.stats.rtp_out += 1,
                    Ok(false) => {}
                    Err(_) => broken.push(s.transport),
                }
            }
        }
        let mut own: Option<Arc<[u8]>> = None;
        for s in &mut publication.subscriptions {
            let Some(leaves) = s.rewrite(&arrival) else { continue };
            let Some(target) = self.sessions.get_mut(&s.transport) else { continue };
            let way = match s.way {
                Some((came, way)) if came == params.pt() => way,
                _ => {
                    let sound = blocks.as_ref().map(|b| b.payload_type);
                    let Ok(way) = target.guard(|t| Ok(t.matching(s.mid, params, sound))) else {
                        broken.push(s.transport);
                        continue;
                    };
                    let Some(way) = way else { continue };
                    s.way = Some((params.pt(), way));
                    way
                }
            };
            let payload = match blocks.as_ref().filter(|_| way.alone) {
                Some(_) if !new => continue,
                Some(b) => own.get_or_insert_with(|| packet.payload[b.own.clone()].into()).clone(),
                None => packet.payload.clone(),
            };
            let mut write = RtpWrite::new(
                way.payload_type,
                leaves.sequence.into(),
                leaves.timestamp,
                arrival.captured,
                payload,
            )
            .marker(packet.header.marker)
            .ext_vals(ExtensionValues {
                audio_level: came.audio_level,
                voice_activity: came.voice_activity,
                video_orientation: came.video_orientation,
                ..Default::default()
            })
            .nackable(video);
            if let (Some(ids), Some(descriptor)) = (leaves.vp8, descriptor.as_ref()) {
                if let Some(patch) = ids.patch(descriptor) {
                    write = write.vp8_patch(patch);
                }
            }
            let written = target.guard(|t| {
                if video && leaves.first {
                    t.keep_for_resending(s.mid);
                }
                Ok(t.write(s.mid, write))
            });
            match written {
                Ok(true) => {
                    self.stats.rtp_out += 1;
                    if !target.marked {
                        target.marked = true;
                        self.marked.push(s.transport);
                    }
                }
                Ok(false) => {}
                Err(_) => broken.push(s.transport),
            }
        }
        for b in broken {
            self.fail(b);
        }
        self.ask_keyframes(id, asks);
    }

    fn ask_keyframes(&mut self, id: TransportId, encodings: impl IntoIterator<Item = Ssrc>) {
        for ssrc in encodings {
            let Some(s) = self.sessions.get_mut(&id) else { return };
            self.stats.keyframes_asked += 1;
            let asked = s.guard(|s| {
                s.request_keyframe(ssrc);
                Ok(())
            });
            match asked {
                Ok(()) => self.mark(id),
                Err(_) => return self.fail(id),
            }
        }
    }

    /// Deal a subscriber's bandwidth out anew.
    fn allot(&mut self, id: TransportId) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let mut sound = 0;
        let mut watched: Vec<Watched> = Vec::new();
        for (mid, source) in &session.sources {
            let Some(p) = self.publications.get_mut(source) else { continue };
            if !p.video {
                sound += p.encodings.rate(now);
                continue;
            }
            let rates = p.encodings.rates(now);
            let Some(s) = p.subscription(id, *mid).filter(|s| !s.paused) else { continue };
            let claim = Claim { rank: s.rank, max_layer: s.max_layer, rates };
            watched.push(Watched { mid: *mid, source: *source, claim, layer: claim.within(s.allowed) });
        }
        watched.sort_by_key(|w| w.mid);
        let claims: Vec<Claim> = watched.iter().map(|w| w.claim).collect();
        let current: Vec<Option<u8>> = watched.iter().map(|w| w.layer).collect();
        let lean = session.allocator.is_lean();
        let dealt = session.allocator.allot(&claims, &current, sound, now);
        if lean != session.allocator.is_lean() {
            for (mid, source) in &session.sources {
                if let Some(s) = self.publications.get_mut(source).and_then(|p| p.subscription(id, *mid)) {
                    s.way = None;
                }
            }
        }
        for (Watched { mid, source, layer: before, .. }, after) in watched.into_iter().zip(dealt) {
            if before == after {
                continue;
            }
            if let Some(s) = self.publications.get_mut(&source).and_then(|p| p.subscription(id, mid)) {
                s.allowed = after;
            }
            if before.is_none() != after.is_none() {
                self.emit(id, EventKind::Throttled { mid: mid.to_string(), paused: after.is_none() });
            }
        }
    }

    fn retarget_all(&mut self) {
        let now = self.now;
        for id in
            self.sessions.iter().filter(|(_, s)| !s.sources.is_empty()).map(|(id, _)| *id).collect::<Vec<_>>()
        {
            self.allot(id);
        }
        let mut asks: Vec<(TransportId, Vec<Ssrc>)> = Vec::new();
        for ((id, mid), p) in &mut self.publications {
            if let Some(level) = p.loudness.told(now) {
                let kind = EventKind::Level { mid: mid.to_string(), level };
                self.out.push_back(Output::Event(Event { transport: *id, kind }));
            }
            asks.push((*id, p.retarget(now)));
        }
        for (id, ssrcs) in asks {
            self.ask_keyframes(id, ssrcs);
        }
        self.wake_all();
        // Data that waits for its channel's buffer has no event of its own that would wake it.
        let waiting: Vec<TransportId> =
            self.sessions.iter().filter(|(_, s)| s.has_waiting()).map(|(id, _)| *id).collect();
        for id in waiting {
            self.mark(id);
        }
    }

    fn wake_all(&mut self) {
        let mut waking = std::mem::take(&mut self.waking);
        waking.retain(|(id, mid)| self.wake_one(*id, *mid));
        self.waking = waking;
    }

    /// False: no more of it.
    fn wake_one(&mut self, id: TransportId, mid: Mid) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let Some(source) = session.sources.get(&mid) else { return false };
        let Some(s) = self.publications.get_mut(source).and_then(|p| p.subscription(id, mid)) else {
            return false;
        };
        let Some(clock_hz) = session.ticking(mid) else { return true };
        let Some(leaves) = s.wake(clock_hz, self.now) else { return false };
        let now = self.now;
        match session.guard(|s| Ok(s.write_nothing(mid, leaves.sequence, leaves.timestamp, now))) {
            Ok(going) => {
                self.mark(id);
                going
            }
            Err(_) => {
                self.fail(id);
                false
            }
        }
    }

    // --- data ---------------------------------------------------------------------------------------------------

    fn deliver(&mut self, id: TransportId, channel: str0m::channel::ChannelId, packet: &[u8]) {
        self.stats.data_in += 1;
        let Some(lane) = self.sessions.get(&id).and_then(|s| s.lane(channel)) else {
            self.stats.data_refused += 1;
            return;
        };
        match self.members.address(id, packet, lane == Lane::Reliable) {
            Ok((bytes, receivers)) => self.hand_out(lane, &bytes.into(), &receivers),
            Err(Stop::Refused) => self.stats.data_refused += 1,
            Err(Stop::Repeated) => self.stats.data_repeated += 1,
        }
    }

    fn hand_out(&mut self, lane: Lane, packet: &Arc<[u8]>, receivers: &[TransportId]) {
        for receiver in receivers {
            let Some(s) = self.sessions.get_mut(receiver) else { continue };
            if s.queue(lane, packet.clone()) {
                self.mark(*receiver);
            } else {
                self.fail(*receiver);
            }
        }
    }

    /// Send a data packet of the server's own to these transports, as it is; one that has ended gets none.
    pub fn send(&mut self, now: Instant, targets: &[TransportId], reliable: bool, packet: &[u8]) {
        self.advance(now);
        let lane = if reliable { Lane::Reliable } else { Lane::Lossy };
        self.hand_out(lane, &packet.into(), targets);
    }

    /// The highest number of a reliable data packet that came in on a transport; 0: none came.
    pub fn last_sequence(&self, id: TransportId) -> u32 {
        self.members.last_sequence(id)
    }

    /// Enter a participant in a room: `up` is the transport it sends on, `down` the one it receives on.
    ///
    /// hidden: the others do not learn who it is. Nothing happens if `up` has ended meanwhile.
    #[allow(clippy::too_many_arguments)]
    pub fn member(
        &mut self,
        room: u64,
        identity: String,
        sid: String,
        up: TransportId,
        down: TransportId,
        can_publish_data: bool,
        hidden: bool,
    ) {
        if let Some(s) = self.sessions.get_mut(&up) {
            s.inflow.get_or_insert_with(|| Inflow::new(self.now));
            self.members.enter(
                room,
                up,
                Member { identity, sid, down, can_publish_data, hidden, last_sequence: 0 },
            );
        }
    }

    // --- transports ---------------------------------------------------------------------------------------------

    /// Add a transport. Errors: `TransportExists`.
    pub fn add(&mut self, now: Instant, id: TransportId, mut session: Session) -> Result<(), Error> {
        self.advance(now);
        if self.sessions.contains_key(&id) {
            return Err(Error::TransportExists);
        }
        self.demux.name(session.fragment(), id);
        self.sessions.insert(id, Box::new(session));
        self.mark(id);
        Ok(())
    }

    /// Take a publisher's offer; returns the answer.
    ///
    /// Errors: `UnknownTransport`, `OfferRefused`, `TransportFailed` (the transport is then gone).
    pub fn accept_offer(&mut self, now: Instant, id: TransportId, offer: Offer) -> Result<String, Error> {
        let answer = self.negotiate(now, id, |s| Ok((s.accept_offer(now, offer)?, None)))?;
        self.settle_fragment(id);
        Ok(answer)
    }

    /// Make an offer to a subscriber; returns it with the sections of the tracks that it adds, in their order.
    ///
    /// Errors: `UnknownTransport`, `NothingToOffer`, `TransportFailed`.
    pub fn make_offer(
        &mut self,
        now: Instant,
        id: TransportId,
        plan: OfferPlan,
    ) -> Result<(String, Vec<String>), Error> {
        self.negotiate(now, id, |s| {
            let (offer, mids, fragment) = s.make_offer(plan)?;
            Ok(((offer, mids), fragment))
        })
    }

    /// Take a subscriber's answer to the last offer.
    ///
    /// Errors: `UnknownTransport`, `NoOfferPending`, `AnswerRefused`, `TransportFailed`.
    pub fn accept_answer(&mut self, now: Instant, id: TransportId, answer: Answer) -> Result<(), Error> {
        self.negotiate(now, id, |s| s.accept_answer(now, answer).map(|()| ((), None)))?;
        self.settle_fragment(id);
        Ok(())
    }

    /// What has been agreed is the fragment that leads to a transport, and no other.
    fn settle_fragment(&mut self, id: TransportId) {
        if let Some(s) = self.sessions.get_mut(&id) {
            self.demux.rename(s.fragment(), id);
        }
    }

    fn negotiate<T>(
        &mut self,
        now: Instant,
        id: TransportId,
        step: impl FnOnce(&mut Session) -> Result<(T, Option<String>), Error>,
    ) -> Result<T, Error> {
        self.advance(now);
        let session = self.sessions.get_mut(&id).ok_or(Error::UnknownTransport)?;
        match session.guard(step) {
            Ok((result, fragment)) => {
                if let Some(fragment) = fragment {
                    self.demux.name(fragment, id);
                }
                self.mark(id);
                Ok(result)
            }
            Err(error) => {
                if error == Error::TransportFailed {
                    self.fail(id);
                } else {
                    self.mark(id);
                }
                Err(error)
            }
        }
    }

    /// Send a track to a subscriber. A route that led to the same section before is replaced.
    ///
    /// Nothing happens if either transport has ended meanwhile: its `Closed` event tells that.
    pub fn route(&mut self, now: Instant, route: &Route) {
        self.advance(now);
        let (source_mid, target_mid) = (route.source_mid.as_str().into(), route.target_mid.as_str().into());
        if !self.sessions.contains_key(&route.source) {
            return;
        }
        self.unroute(now, route.target, &route.target_mid);
        let Some(target) = self.sessions.get_mut(&route.target) else { return };
        let fed = target.guard(|t| {
            t.feed(target_mid, (route.source, source_mid));
            Ok(())
        });
        if fed.is_err() {
            return self.fail(route.target);
        }
        let mut subscription = Subscription::new(route.target, target_mid, route.max_layer, route.rank);
        if let Some(before) = target.resting.remove(&target_mid) {
            subscription = subscription.after(before);
        }
        let publication = self.publications.entry((route.source, source_mid)).or_default();
        publication.subscriptions.push(subscription);
        let asks = publication.retarget(self.now);
        self.ask_keyframes(route.source, asks);
    }

    /// Send packets of nothing in a subscriber's section until media comes, or for five seconds: clients on pion know of
    /// a track by its first packet, and a muted one has none.
    pub fn wake(&mut self, now: Instant, target: TransportId, target_mid: &str) {
        self.advance(now);
        let mid = target_mid.into();
        let Some(source) = self.sessions.get(&target).and_then(|s| s.sources.get(&mid)) else { return };
        if let Some(s) = self.publications.get_mut(source).and_then(|p| p.subscription(target, mid)) {
            s.start_waking();
            self.waking.push((target, mid));
        }
    }

    /// Stop sending in a subscriber's section.
    pub fn unroute(&mut self, now: Instant, target: TransportId, target_mid: &str) {
        self.advance(now);
        let mid = target_mid.into();
        let Some(session) = self.sessions.get_mut(&target) else { return };
        let Some(source) = session.sources.remove(&mid) else { return };
        if let Some(before) = self.publications.get_mut(&source).and_then(|p| p.remove(target, mid)) {
            session.resting.insert(mid, before);
        }
    }

    /// Change the highest layer a subscriber gets in a section, or pause it; and how early it is served.
    pub fn set_layer(
        &mut self,
        now: Instant,
        target: TransportId,
        target_mid: &str,
        max_layer: u8,
        paused: bool,
        rank: u8,
    ) {
        self.advance(now);
        let mid = target_mid.into();
        let Some(source) = self.sessions.get(&target).and_then(|s| s.sources.get(&mid)).copied() else {
            return;
        };
        let Some(p) = self.publications.get_mut(&source) else { return };
        if let Some(s) = p.subscription(target, mid) {
            (s.max_layer, s.paused, s.rank) = (max_layer, paused, rank);
        }
        let asks = p.retarget(self.now);
        self.ask_keyframes(source.0, asks);
    }

    /// End a transport, without a word to the client: signalling has told it, and a farewell here that came first
    /// would make an SDK reconnect.
    pub fn close(&mut self, now: Instant, id: TransportId) {
        self.advance(now);
        if self.sessions.remove(&id).is_none() {
            return;
        }
        self.demux.forget(id);
        self.members.leave(id);
        for (_, publication) in self.publications.extract_if(|(source, _), _| *source == id) {
            for s in publication.subscriptions {
                if let Some(target) = self.sessions.get_mut(&s.transport) {
                    target.sources.remove(&s.mid);
                    target.resting.insert(s.mid, s);
                }
            }
        }
        for p in self.publications.values_mut() {
            p.subscriptions.retain(|s| s.transport != id);
        }
    }

    fn fail(&mut self, id: TransportId) {
        self.stats.failures += 1;
        if self.sessions.get(&id).is_some_and(|s| s.panicked) {
            self.stats.panics += 1;
        }
        self.end(id);
    }

    fn end(&mut self, id: TransportId) {
        if self.sessions.contains_key(&id) {
            self.close(self.now, id);
            self.emit(id, EventKind::Closed);
        }
    }
}
