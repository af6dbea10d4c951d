//! One transport: a client's publishing or subscribing connection, on str0m.
//!
//! Lives here: building it, its descriptions, its media and data going out, and the boundary that a panic in str0m
//! does not cross. Not here: what its events mean to other transports (`engine`).
//!
//! Most of what is odd here answers a finding of `docs/adr/0003-embedded-engine-on-str0m.md`.

use std::collections::{HashMap, VecDeque};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpPendingOffer;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsCert;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid};
use str0m::net::Receive;
use str0m::rtp::{Extension, RtpWrite, Ssrc};
use str0m::{Event, Input, Output, Rtc};

use crate::allocate::Allocator;
use crate::clock::Clock;
use crate::data::{Inflow, MAX_PACKET_BYTES};
use crate::demux::is_stun;
use crate::dtls;
use crate::forward::{Subscription, Way};
use crate::quality::Quality;
use crate::redundancy;
use crate::sdp::{in_order, narrowed, revealed};
use crate::twcc::WideNumbers;
use crate::{Answer, Error, Offer, Path, Place};

/// The number of a transport, given by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportId(pub u64);

/// LiveKit's two data channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Reliable,
    Lossy,
}

impl Lane {
    fn of_label(label: &str) -> Option<Lane> {
        match label {
            "_reliable" => Some(Lane::Reliable),
            "_lossy" => Some(Lane::Lossy),
            _ => None,
        }
    }
}

/// Lossy packets that may wait for a transport; more are dropped.
const MAX_LOSSY_WAITING: usize = 64;

/// Reliable bytes that may wait for a transport. A hole in a reliable channel would be a lie, so a client that falls
/// behind so far loses its transport and joins again.
const MAX_RELIABLE_WAITING_BYTES: usize = 128 * MAX_PACKET_BYTES;

/// How often it is looked what a path loses and how long it takes.
const PATH_INTERVAL: Duration = Duration::from_millis(500);

/// Sent packets kept for resending.
const RESEND_PACKETS: usize = 1024;
const RESEND_AGE: Duration = Duration::from_secs(2);
const RESEND_RATIO: f32 = 0.25;

/// How often a transport is looked at whose other end has not described itself: there is nothing to see.
const UNDESCRIBED: Duration = Duration::from_secs(60);

/// How late str0m's own timers may be in a session that sends: each packet that goes out lets it look at them.
const LINGER: Duration = Duration::from_millis(40);

/// How often str0m is asked again at once, should it say that it wants to run at a time that has come already.
const MAX_PASSES: usize = 4;

/// A path counts as left when the client, that checks each path in use every 2.5 s at the latest, has not for so long.
const PATH_SILENCE: Duration = Duration::from_secs(6);

/// Most encodings whose section is remembered; a client that invents more makes the engine look them up again.
const MAX_KNOWN_SSRCS: usize = 512;

/// What all transports of an engine have in common. Cheap to copy, so that a transport can be built on any thread.
#[derive(Clone)]
pub struct Blueprint {
    pub(crate) certificate: DtlsCert,
    pub(crate) places: Arc<[Place]>,
}

/// A track that a subscriber is to be offered.
#[derive(Debug, Clone)]
pub struct NewTrack {
    /// Picture, or else sound.
    pub video: bool,
    /// The codec's name in `a=rtpmap`; empty: any. What else the engine could send is not offered: it would be most of
    /// the offer and of each answer, in every section and every time. With `red` goes `opus`, which it consists of.
    pub codec: String,
    /// Stream id of the section's msid.
    pub stream: String,
    /// Track id of the section's msid.
    pub track: String,
}

/// What an offer to a subscriber is to change.
#[derive(Debug, Clone, Default)]
pub struct OfferPlan {
    /// Tracks to add.
    pub add: Vec<NewTrack>,
    /// Sections that stop carrying their track.
    pub stop: Vec<String>,
    /// Open the data channels.
    pub channels: bool,
    /// Restart ICE.
    pub restart: bool,
}

/// One end of a WebRTC connection.
pub struct Session {
    rtc: Rtc,
    /// The path that the client chose, and when it last checked it.
    chosen: Option<(Path, Instant)>,
    pending: Option<SdpPendingOffer>,
    encodings: HashMap<Ssrc, (Mid, Option<Rid>)>,
    channels: HashMap<ChannelId, Lane>,
    reliable: Option<ChannelId>,
    lossy: Option<ChannelId>,
    waiting: VecDeque<(Lane, Arc<[u8]>)>,
    waiting_lossy: usize,
    waiting_reliable_bytes: usize,
    /// The track that goes out in a section: its transport and its section there.
    pub(crate) sources: HashMap<Mid, (TransportId, Mid)>,
    /// What data it may still send, if it is a participant's.
    pub(crate) inflow: Option<Inflow>,
    /// What its path bears, and how that is dealt out.
    pub(crate) allocator: Allocator,
    /// How good its path is.
    pub(crate) quality: Quality,
    /// When what comes from it was captured.
    pub(crate) clock: Clock,
    /// The codec of each section that is offered with that one alone.
    codecs: HashMap<String, String>,
    /// How far the numbering of a section had come that carries nothing now.
    pub(crate) resting: HashMap<Mid, Subscription>,
    /// Media packets that were given to str0m since it ran last.
    written: usize,
    /// Whether the other end has described itself. Before that str0m is given no time: it would begin the handshake's
    /// count at once, and give the transport up after half a minute, whereas who only listens never describes its way up.
    described: bool,
    /// When str0m wants to run next.
    pub(crate) due: Instant,
    /// The earliest entry of this session in the engine's heap of timers.
    pub(crate) scheduled: Option<Instant>,
    /// Whether the engine's list of sessions with work holds this one.
    pub(crate) marked: bool,
    /// Whether str0m panicked here.
    pub(crate) panicked: bool,
    /// Which of its packets str0m may read.
    wide: WideNumbers,
}

/// What a session did when it ran.
#[derive(Default)]
pub(crate) struct Harvest {
    pub(crate) transmits: Vec<(Path, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    /// Data packets handed to the channel.
    pub(crate) data_sent: u64,
    /// Calls of str0m.
    pub(crate) polls: u64,
}

impl Blueprint {
    /// Build a transport. Costs about a millisecond, so do it off the media thread.
    pub fn build(&self, now: Instant) -> Result<Session, Error> {
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .clear_codecs()
            .enable_opus(true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_crypto_provider(dtls::provider())
            .set_dtls_cert(self.certificate.clone())
            .set_stats_interval(Some(PATH_INTERVAL));
        redundancy::enable(&mut config);
        let mut rtc = config.build(now);
        for place in self.places.iter() {
            rtc.add_local_candidate(place.candidate()?);
        }
        Ok(Session {
            rtc,
            chosen: None,
            pending: None,
            encodings: HashMap::new(),
            channels: HashMap::new(),
            reliable: None,
            lossy: None,
            waiting: VecDeque::new(),
            waiting_lossy: 0,
            waiting_reliable_bytes: 0,
            sources: HashMap::new(),
            inflow: None,
            allocator: Allocator::default(),
            quality: Quality::default(),
            clock: Clock::default(),
            codecs: HashMap::new(),
            resting: HashMap::new(),
            written: 0,
            described: false,
            due: now,
            scheduled: None,
            marked: false,
            panicked: false,
            wide: WideNumbers::default(),
        })
    }
}

/// Whether a datagram that goes out is RTP, not RTCP, DTLS or STUN (RFC 7983, RFC 5761).
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}

impl Session {
    /// Run `f`; a panic in it becomes `TransportFailed`, after which the session must not be used.
    pub(crate) fn guard<T>(&mut self, f: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
        catch_unwind(AssertUnwindSafe(|| f(self))).unwrap_or_else(|_| {
            self.panicked = true;
            Err(Error::TransportFailed)
        })
    }

    /// The fragment by which STUN requests name this session.
    pub(crate) fn fragment(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Take a publisher's offer; returns the answer.
    pub(crate) fn accept_offer(&mut self, now: Instant, offer: Offer) -> Result<String, Error> {
        self.describe(now)?;
        let answer = self.rtc.sdp_api().accept_offer(offer.sdp).map_err(|_| Error::OfferRefused)?;
        self.learn_wide();
        Ok(in_order(&revealed(&answer.to_sdp_string()), &offer.preferred))
    }

    /// Make an offer to a subscriber. What an unanswered earlier offer wanted is part of it.
    ///
    /// Returns the offer, the sections of the added tracks, and the fragment of a restarted ICE.
    pub(crate) fn make_offer(
        &mut self,
        plan: OfferPlan,
    ) -> Result<(String, Vec<String>, Option<String>), Error> {
        let earlier = self.pending.take();
        let mut api = self.rtc.sdp_api();
        if plan.channels {
            api.add_channel_with_config(ChannelConfig { label: "_reliable".into(), ..Default::default() });
            api.add_channel_with_config(ChannelConfig {
                label: "_lossy".into(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..Default::default()
            });
        }
        let mut mids = Vec::with_capacity(plan.add.len());
        for t in plan.add {
            let kind = if t.video { MediaKind::Video } else { MediaKind::Audio };
            let mid = api.add_media(kind, Direction::SendOnly, Some(t.stream), Some(t.track), None);
            if !t.codec.is_empty() {
                self.codecs.insert(mid.to_string(), t.codec);
            }
            mids.push(mid.to_string());
        }
        for mid in &plan.stop {
            api.set_direction(mid.as_str().into(), Direction::Inactive);
        }
        let fragment = plan.restart.then(|| api.ice_restart(true).ufrag);
        if let Some(earlier) = earlier {
            api.merge(earlier);
        }
        let (offer, pending) = api.apply().ok_or(Error::NothingToOffer)?;
        self.pending = Some(pending);
        Ok((narrowed(&revealed(&offer.to_sdp_string()), &self.codecs), mids, fragment))
    }

    /// Take a subscriber's answer to the last offer.
    pub(crate) fn accept_answer(&mut self, now: Instant, answer: Answer) -> Result<(), Error> {
        let pending = self.pending.take().ok_or(Error::NoOfferPending)?;
        self.describe(now)?;
        self.rtc.sdp_api().accept_answer(pending, answer.0).map_err(|_| Error::AnswerRefused)?;
        self.learn_wide();
        Ok(())
    }

    /// Note under which identifier str0m now reads the number of all streams: it says that only of a section, and a
    /// declared one has what the transport has.
    fn learn_wide(&mut self) {
        let (mut api, mid) = (self.rtc.direct_api(), Mid::new());
        let section = api.declare_media(mid, MediaKind::Video);
        let id = section.remote_extmap().id_of(Extension::TransportSequenceNumber);
        api.remove_media(mid);
        self.wide.travels(id);
    }

    /// The other end describes itself: str0m's time begins, now and not when the transport was built.
    fn describe(&mut self, now: Instant) -> Result<(), Error> {
        if !std::mem::replace(&mut self.described, true) {
            self.rtc.handle_input(Input::Timeout(now)).map_err(|_| Error::TransportFailed)?;
        }
        Ok(())
    }

    /// Whether str0m finds that this datagram is for this session: for a STUN request, that its integrity is right.
    pub(crate) fn accepts(&mut self, path: Path, bytes: &[u8], now: Instant) -> bool {
        let Some(receive) = receive(path, bytes) else { return false };
        let input = Input::Receive(now, receive);
        catch_unwind(AssertUnwindSafe(|| self.rtc.accepts(&input))).unwrap_or(false)
    }

    /// Note an authentic check on a path: what is sent goes where the client nominated last.
    ///
    /// str0m alone would go by priority, and stay on a path that the client has left until that has been silent for
    /// 15 s. Clients that nominate once only (pion) are followed when the path they chose has fallen silent.
    pub(crate) fn checked(&mut self, path: Path, nominates: bool, now: Instant) {
        let silent = |since: Instant| now.saturating_duration_since(since) > PATH_SILENCE;
        match &mut self.chosen {
            Some((chosen, last)) if *chosen == path => *last = now,
            Some((_, last)) if nominates || silent(*last) => self.chosen = Some((path, now)),
            None if nominates => self.chosen = Some((path, now)),
            _ => {}
        }
    }

    /// Give str0m a datagram, or only the time, and collect everything that comes of it.
    ///
    /// False: the session is over.
    ///
    /// Most runs are for media that was written: they end with its last packet. To ask str0m further until it names a
    /// time would give only a time that has come, since its pacer counts packets before they are sent, and so a second
    /// run for nothing.
    pub(crate) fn run(
        &mut self,
        now: Instant,
        datagram: Option<(Path, &[u8])>,
        harvest: &mut Harvest,
    ) -> Result<bool, Error> {
        let input = match datagram {
            // What str0m cannot even classify is noise, not an error.
            Some((_, bytes)) if is_rtp(bytes) && !self.wide.admits(bytes, now) => return Ok(true),
            Some((path, bytes)) => match receive(path, bytes) {
                Some(receive) => Input::Receive(now, receive),
                None => return Ok(true),
            },
            None if !self.described => {
                self.due = now + UNDESCRIBED;
                return Ok(true);
            }
            None => Input::Timeout(now),
        };
        let media_only = datagram.is_none() && self.waiting.is_empty();
        let mut unsent = std::mem::take(&mut self.written);
        self.guard(|s| {
            let failed = |_| Error::TransportFailed;
            s.rtc.handle_input(input).map_err(failed)?;
            s.flush_waiting(harvest)?;
            let mut passes = 0;
            loop {
                harvest.polls += 1;
                match s.rtc.poll_output().map_err(failed)? {
                    Output::Timeout(due) if due <= now && passes < MAX_PASSES && s.rtc.is_alive() => {
                        passes += 1;
                        s.rtc.handle_input(Input::Timeout(now)).map_err(failed)?;
                    }
                    Output::Timeout(due) => {
                        // With a time to come nothing waits; else what waits is the next run's.
                        s.written += if due > now { 0 } else { unsent };
                        s.due = due;
                        return Ok(s.rtc.is_alive());
                    }
                    Output::Transmit(t) => {
                        let awaited = unsent > 0 && is_rtp(&t.contents);
                        unsent -= usize::from(awaited);
                        if let Some(path) = Path::of(&t) {
                            let chosen = s.chosen.filter(|_| !is_stun(&t.contents)).map(|(chosen, _)| chosen);
                            harvest.transmits.push((chosen.unwrap_or(path), t.contents.into()));
                        }
                        if awaited && unsent == 0 && media_only {
                            let soon = now + LINGER;
                            s.due = if s.due > now { s.due.min(soon) } else { soon };
                            return Ok(true);
                        }
                    }
                    Output::Event(Event::ChannelOpen(id, label)) => {
                        s.opened(id, &label);
                        harvest.events.push(Event::ChannelOpen(id, label));
                    }
                    Output::Event(e) => {
                        if let Event::RtpPacket(packet) = &e {
                            s.wide.took(packet.header.ext_vals.transport_cc, now);
                        }
                        harvest.events.push(e);
                    }
                }
            }
        })
    }

    fn opened(&mut self, id: ChannelId, label: &str) {
        let Some(lane) = Lane::of_label(label) else { return };
        self.channels.insert(id, lane);
        match lane {
            Lane::Reliable => self.reliable = Some(id),
            Lane::Lossy => self.lossy = Some(id),
        }
    }

    /// The lane of a channel that the client or the engine opened.
    pub(crate) fn lane(&self, id: ChannelId) -> Option<Lane> {
        self.channels.get(&id).copied()
    }

    /// Queue a data packet. False: so much waits already that the transport has to go.
    pub(crate) fn queue(&mut self, lane: Lane, packet: Arc<[u8]>) -> bool {
        match lane {
            Lane::Lossy if self.waiting_lossy >= MAX_LOSSY_WAITING => return true,
            Lane::Lossy => self.waiting_lossy += 1,
            Lane::Reliable => self.waiting_reliable_bytes += packet.len(),
        }
        self.waiting.push_back((lane, packet));
        self.waiting_reliable_bytes <= MAX_RELIABLE_WAITING_BYTES
    }

    /// Whether so much reliable data waits that more of it might cost the transport.
    pub(crate) fn is_pressed(&self) -> bool {
        self.waiting_reliable_bytes > MAX_RELIABLE_WAITING_BYTES / 4
    }

    /// Whether data packets wait for their channel.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn flush_waiting(&mut self, harvest: &mut Harvest) -> Result<(), Error> {
        while let Some((lane, packet)) = self.waiting.front() {
            let id = match lane {
                Lane::Reliable => self.reliable,
                Lane::Lossy => self.lossy,
            };
            let Some(mut channel) = id.and_then(|id| self.rtc.channel(id)) else { return Ok(()) };
            if !channel.write(true, packet).map_err(|_| Error::TransportFailed)? {
                return Ok(());
            }
            harvest.data_sent += 1;
            match lane {
                Lane::Reliable => self.waiting_reliable_bytes -= packet.len(),
                Lane::Lossy => self.waiting_lossy -= 1,
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// The section and restriction identifier of an encoding that arrives.
    ///
    /// At the first packet of a video without a retransmission stream its losses get reported after all: str0m mutes
    /// them for want of that stream, but libwebrtc resends on the media's own. It has to go through
    /// `expect_stream_rx`, because only that refreshes str0m's cached "any losses to report".
    pub(crate) fn encoding(&mut self, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        if let Some(known) = self.encodings.get(&ssrc) {
            return Some(*known);
        }
        let (mid, rid, resends) = {
            let mut api = self.rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid(), stream.rtx().is_some())
        };
        let video = self.rtc.media(mid).is_some_and(|m| m.kind() == MediaKind::Video);
        if video && !resends {
            self.rtc.direct_api().expect_stream_rx(ssrc, None, mid, rid).suppress_nack(false);
        }
        if self.encodings.len() >= MAX_KNOWN_SSRCS {
            self.encodings.clear();
        }
        self.encodings.insert(ssrc, (mid, rid));
        Some((mid, rid))
    }

    /// What a payload type stands for here.
    pub(crate) fn payload(&self, payload_type: Pt) -> Option<PayloadParams> {
        self.rtc.codec_config().find(|p| p.pt() == payload_type).copied()
    }

    /// How this session sends in the section `mid` what another receives as `params`.
    ///
    /// sound: the payload type that the other has for what is in redundant sound. A packet names it, so a client takes
    /// such packets as they are if it said that it takes any, and has the same payload type.
    pub(crate) fn matching(&self, mid: Mid, params: PayloadParams, sound: Option<u8>) -> Option<Way> {
        let config = self.rtc.codec_config();
        if !redundancy::is(&params) {
            return config.match_params(params).map(|p| Way { payload_type: p.pt(), alone: false });
        }
        let opus = config.find(|p| p.spec().codec == Codec::Opus)?.pt();
        let taken = self.rtc.media(mid).map(|m| m.remote_pts()).unwrap_or_default();
        let redundant = config.find(redundancy::is).map(|p| p.pt());
        let takes = |pt: &Pt| sound == Some(*opus) && taken.contains(pt) && !self.allocator.is_lean();
        let whole = redundant.filter(takes);
        Some(Way { payload_type: whole.unwrap_or(opus), alone: whole.is_none() })
    }

    /// Ask the client for a keyframe of one of its encodings.
    pub(crate) fn request_keyframe(&mut self, ssrc: Ssrc) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Let `source` go out in the section `mid`.
    pub(crate) fn feed(&mut self, mid: Mid, source: (TransportId, Mid)) {
        self.sources.insert(mid, source);
        self.keep_for_resending(mid);
    }

    /// Keep what goes out in the section `mid` from now on, for resending, and nothing of before: behind the keyframe of
    /// another encoding, or another track's, nobody waits for it, and its repair would fill the path.
    pub(crate) fn keep_for_resending(&mut self, mid: Mid) {
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            // Without a ratio: str0m's default of 15 % stops resending when losses are highest.
            stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_RATIO));
        }
    }

    /// Send a packet without payload in the section `mid`, under the payload type that its client names first.
    pub(crate) fn write_nothing(&mut self, mid: Mid, sequence: u64, timestamp: u32, now: Instant) -> bool {
        let Some(pt) = self.rtc.media(mid).and_then(|m| m.remote_pts().first().copied()) else {
            return false;
        };
        self.write(mid, RtpWrite::new(pt, sequence.into(), timestamp, now, Vec::new()))
    }

    /// The rate of the clock by which the section `mid` is timed, once its transport stands; in Hz.
    pub(crate) fn ticking(&self, mid: Mid) -> Option<u32> {
        let media = self.rtc.media(mid).filter(|_| self.rtc.is_connected())?;
        Some(if media.kind() == MediaKind::Video { 90_000 } else { 48_000 })
    }

    /// Send a packet in the section `mid`. False: there is no such section to send in.
    pub(crate) fn write(&mut self, mid: Mid, packet: RtpWrite) -> bool {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return false };
        stream.write_rtp(packet);
        self.written += 1;
        true
    }
}

/// What str0m is to read. `None`: it cannot even tell what kind of packet this is.
fn receive(path: Path, bytes: &[u8]) -> Option<Receive<'_>> {
    let contents = catch_unwind(|| bytes.try_into()).ok()?.ok()?;
    Some(Receive { proto: path.protocol.into(), source: path.remote, destination: path.local, contents })
}
