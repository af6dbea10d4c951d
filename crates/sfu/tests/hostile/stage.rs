//! A room with a publisher and a subscriber who do whatever the input says, beside a room that must not notice.
//!
//! Lives here: `engine`, the fuzzers' target for the engine as a whole. Not here: the readers alone (`sfu::fuzzing`).
//!
//! An input is a list of steps: one byte that chooses, then what the step reads. A step that finds no bytes left is the
//! last. Nothing is sealed (`open`), so what a step sends is read as if it came from a client past DTLS.

use std::net::SocketAddr;
use std::time::Duration;

use sfu::{Answer, EventKind, NewTrack, Offer, OfferPlan, Route, TransportId};
use str0m::media::KeyframeRequestKind;
use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::open::{self, APPLICATION};
use crate::world::{ms, World};

const UP: TransportId = TransportId(1);
const DOWN: TransportId = TransportId(2);
const CALM_UP: TransportId = TransportId(3);
const CALM_DOWN: TransportId = TransportId(4);
/// A transport that only descriptions reach.
const LATE: TransportId = TransportId(5);

const RIDS: [&str; 2] = ["q", "f"];

/// Most steps of one input: enough for every kind, few enough for many inputs.
const MAX_STEPS: usize = 200;

/// What the input says, from its beginning to its end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// So many bytes as a first byte says; fewer at the end.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?);
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        Some(bytes)
    }
}

struct Stage {
    world: World,
    up: usize,
    down: usize,
    video: String,
    shown: String,
    calm: [usize; 2],
    calm_video: String,
    /// SRTCP's own count.
    report: u32,
}

fn track(video: bool) -> NewTrack {
    NewTrack { video, codec: String::new(), stream: "PA|TR".into(), track: "TR".into() }
}

fn vp8(picture: u16, content: &[u8]) -> Vec<u8> {
    let [high, low] = picture.to_be_bytes();
    [&[0x90, 0x80, 0x80 | high, low, 0], content].concat()
}

impl Stage {
    fn new() -> Stage {
        let mut world = World::new();
        let [up, down, calm_up, calm_down] = [0; 4].map(|_| world.client());
        let video = world.publish_video(UP, up, &RIDS);
        let plan = || OfferPlan { add: vec![track(true)], channels: true, ..OfferPlan::default() };
        let shown = world.subscribe(DOWN, down, plan()).remove(0);
        let calm_video = world.publish_video(CALM_UP, calm_up, &[]);
        let calm_shown = world.subscribe(CALM_DOWN, calm_down, plan()).remove(0);
        for (room, source, from, target, to) in
            [(1, UP, &video, DOWN, &shown), (2, CALM_UP, &calm_video, CALM_DOWN, &calm_shown)]
        {
            let now = world.now;
            let route = Route {
                source,
                source_mid: from.clone(),
                target,
                target_mid: to.clone(),
                max_layer: 2,
                rank: 1,
            };
            world.engine.route(now, &route);
            world.engine.member(room, format!("u{room}"), format!("PA_u{room}"), source, target, true, false);
            world.engine.member(room, format!("d{room}"), format!("PA_d{room}"), target, target, true, false);
        }
        world.until("the channels are open", |w| {
            [UP, DOWN, CALM_UP, CALM_DOWN].iter().all(|t| w.saw(*t, |k| matches!(k, EventKind::Channel(_))))
        });
        world.make_hostile(up);
        world.make_hostile(down);
        Stage { world, up, down, video, shown, calm: [calm_up, calm_down], calm_video, report: 1 }
    }

    fn pick(&self, which: u8) -> (usize, SocketAddr) {
        let client = if which & 1 == 0 { self.up } else { self.down };
        (client, self.world.address(client))
    }

    /// A datagram that a hostile client sent, counted from the last, of those that `f` wants.
    fn genuine(&self, from: u8, f: impl Fn(&SocketAddr, &[u8]) -> bool) -> Option<(SocketAddr, Vec<u8>)> {
        let mut fit = self.world.sent.iter().rev().filter(|(source, bytes)| f(source, bytes));
        fit.nth(usize::from(from)).cloned()
    }

    /// Take one step; `None` at the end of the input.
    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 14 {
            // Any datagram from any address.
            0 => {
                let (_, source) = self.pick(script.byte()?);
                self.world.inject(source, script.bytes()?);
            }
            1 => self.world.inject("203.0.113.9:9".parse().unwrap(), script.bytes()?),
            // A datagram that was sent, with some bytes changed, from whence it came or from elsewhere.
            2 | 3 => {
                let (mut source, mut bytes) = self.genuine(script.byte()? & 31, |_, _| true)?;
                let how = script.byte()?;
                if how & 0x80 != 0 {
                    source = self.pick(how >> 6).1;
                }
                for _ in 0..how & 7 {
                    let at = usize::from(script.number()?) % bytes.len();
                    bytes[at] = script.byte()?;
                }
                if how & 8 != 0 {
                    bytes.truncate(usize::from(script.number()?) % bytes.len() + 1);
                }
                self.world.inject(source, &bytes);
            }
            // Chunks of SCTP behind the header of a packet that was sent.
            4 => {
                let (_, from) = self.pick(script.byte()?);
                let chunks = script.bytes()?;
                let (_, mut packet) =
                    self.genuine(0, |s, b| *s == from && b[0] == APPLICATION && b.len() > 13)?;
                packet.truncate(13);
                packet.extend_from_slice(chunks);
                self.world.inject(from, &packet);
            }
            // RTCP, or any RTP packet, as a client that seals it.
            5 => {
                let (_, from) = self.pick(script.byte()?);
                let mut packet = script.bytes()?.to_vec();
                packet.extend_from_slice(&[0; 16]);
                packet.extend_from_slice(&(0x8000_0000 | self.report).to_be_bytes());
                self.report += 1;
                self.world.inject(from, &packet);
            }
            6 => {
                let which = script.byte()?;
                let mut packet = script.bytes()?.to_vec();
                let is_rtp = |_: &SocketAddr, b: &[u8]| matches!(b, [128..=191, kind, ..] if !(192..224).contains(kind));
                if let (true, Some((_, genuine))) =
                    (which & 2 != 0 && packet.len() >= 12, self.genuine(0, is_rtp))
                {
                    packet[8..12].copy_from_slice(&genuine[8..12]);
                }
                packet.extend_from_slice(&[0; 16]);
                self.world.inject(self.pick(which).1, &packet);
            }
            // A client's own stack: media, data, a keyframe request.
            7 => {
                let (rid, sequence, time) =
                    (RIDS[usize::from(script.byte()? & 1)], script.number()?, script.number()?);
                let payload = script.bytes()?.to_vec();
                let now = self.world.now;
                let rtc = self.world.rtc(self.up);
                let vp8 = rtc.codec_config().find(|p| p.spec().codec.is_video())?.pt();
                let mut api = rtc.direct_api();
                if let Some(stream) = api.stream_tx_by_mid(self.video.as_str().into(), Some(rid.into())) {
                    let write =
                        RtpWrite::new(vp8, u64::from(sequence).into(), u32::from(time) << 8, now, payload);
                    stream.write_rtp(write.marker(true).ext_vals(ExtensionValues::default()));
                }
                self.world.settle();
            }
            8 => {
                let which = script.byte()?;
                let (client, _) = self.pick(which);
                let bytes = script.bytes()?;
                let label = if which & 2 == 0 { "_reliable" } else { "_lossy" };
                if let Some(id) = self.world.channel(client, label) {
                    if let Some(mut channel) = self.world.rtc(client).channel(id) {
                        let _ = channel.write(true, bytes);
                    }
                }
                self.world.settle();
            }
            9 => {
                let kind =
                    [KeyframeRequestKind::Pli, KeyframeRequestKind::Fir][usize::from(script.byte()? & 1)];
                let shown = self.shown.as_str().into();
                let mut api = self.world.rtc(self.down).direct_api();
                if let Some(stream) = api.stream_rx_by_mid(shown, None) {
                    stream.request_keyframe(kind);
                }
                self.world.settle();
            }
            10 => {
                let n = script.byte()?;
                self.world.run(ms(u64::from(n & 63) << (n >> 6)));
            }
            11 | 12 => self.command(script.byte()?, script.byte()?),
            _ => {
                let text = String::from_utf8_lossy(script.bytes()?);
                let now = self.world.now;
                if let Ok(offer) = Offer::parse(&text) {
                    let _ = self.world.engine.accept_offer(now, UP, offer);
                }
                if let Ok(answer) = Answer::parse(&text) {
                    let _ = self.world.engine.accept_answer(now, DOWN, answer);
                }
                self.world.settle();
            }
        }
        Some(())
    }

    /// What signalling may ask of the engine at any time, of transports that may be gone.
    fn command(&mut self, what: u8, argument: u8) {
        let now = self.world.now;
        let (video, shown) = (self.video.clone(), self.shown.clone());
        let engine = &mut self.world.engine;
        match what % 10 {
            0 => engine.set_layer(now, DOWN, &shown, argument & 3, argument & 4 != 0, argument >> 6),
            1 => engine.unroute(now, DOWN, &shown),
            2 | 3 => {
                let route = Route {
                    source: [UP, DOWN, LATE][usize::from(argument) % 3],
                    source_mid: video,
                    target: [DOWN, UP][usize::from(argument >> 7)],
                    target_mid: shown,
                    max_layer: argument & 7,
                    rank: argument & 3,
                };
                engine.route(now, &route);
            }
            4 => engine.member(
                [1, 5, 6, 7][usize::from(argument & 3)],
                "x".into(),
                "PA_x".into(),
                UP,
                DOWN,
                argument & 4 == 0,
                argument & 8 == 0,
            ),
            5 => {
                let plan = OfferPlan {
                    add: (0..argument & 3).map(|n| track(n & 1 == 0)).collect(),
                    stop: if argument & 4 != 0 { vec![shown, "zz".into()] } else { vec![] },
                    channels: argument & 8 != 0,
                    restart: argument & 16 != 0,
                };
                let made = engine.make_offer(now, [DOWN, UP][usize::from(argument >> 7)], plan);
                if let (Ok((offer, _)), false) = (made, self.world.is_dead(self.down)) {
                    let Ok(offer) = str0m::change::SdpOffer::from_sdp_string(&offer) else { return };
                    if let Ok(answer) = self.world.rtc(self.down).sdp_api().accept_offer(offer) {
                        let answer = Answer::parse(&answer.to_sdp_string()).expect("a real client's answer");
                        let _ = self.world.engine.accept_answer(now, DOWN, answer);
                    }
                }
            }
            6 => {
                if let Ok(session) = engine.blueprint().build(now) {
                    let _ = engine.add(now, LATE, session);
                }
            }
            7 if argument > 200 => engine.close(now, UP),
            8 if argument > 200 => engine.close(now, DOWN),
            9 => engine.close(now, LATE),
            _ => {}
        }
        self.world.settle();
    }

    /// The other room noticed nothing, and when all are gone nothing is left.
    fn end(mut self) {
        let now = self.world.now;
        let [from, to] = self.calm;
        assert!(
            self.world.received(to).is_empty() && self.world.data(to).is_empty(),
            "nothing crosses rooms"
        );
        self.world.send_rtp(from, &self.calm_video, None, 1, 0, &vp8(1, b"calm"));
        self.world.send_data(from, "_reliable", &[0x92, 0x01, 4, b'c', b'a', b'l', b'm']);
        self.world.until("the other room goes on", |w| w.received(to).len() == 1 && w.data(to).len() == 1);
        assert!(self.world.data(to)[0].windows(4).any(|w| w == b"calm"));
        for id in [UP, DOWN, CALM_UP, CALM_DOWN, LATE] {
            self.world.engine.close(now, id);
        }
        self.world.abandon();
        // A transport whose other end never described itself had its timer a minute ahead.
        self.world.run(Duration::from_secs(61));
        assert_eq!(self.world.engine.stats().transports, 0);
        assert_eq!(self.world.engine.held(), 0, "nothing is left of those who are gone");
    }
}

/// Play an input. Returns how many transports str0m's panics ended.
pub fn engine(bytes: &[u8]) -> u64 {
    open::install();
    let mut stage = Stage::new();
    let mut script = Script(bytes);
    for _ in 0..MAX_STEPS {
        if stage.step(&mut script).is_none() {
            break;
        }
    }
    let panics = stage.world.engine.stats().panics;
    stage.end();
    panics
}
