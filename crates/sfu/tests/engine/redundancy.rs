//! Sound that carries what came before once more (RED), to clients that take it and to clients that do not.
//!
//! The clients are str0m, which has no such codec: for them, too, another stands for it. What the engine reads and
//! writes names it as browsers do.

use sfu::{Answer, EventKind, NewTrack, Offer, OfferPlan, Route, TransportId};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Rtc, RtcConfig};

use crate::world::{ms, World};

const UP: TransportId = TransportId(1);
const RED: u8 = 63;
const OPUS: u8 = 111;

/// A client that speaks redundant sound, and Opus under this payload type.
fn speaks_red(opus: u8) -> RtcConfig {
    let (clock, format) = (Frequency::FORTY_EIGHT_KHZ, FormatParams::default());
    let mut config = Rtc::builder().clear_codecs();
    let codecs = config.codec_config();
    codecs.add_config(opus.into(), None, Codec::Opus, clock, Some(2), format);
    codecs.add_config(RED.into(), None, Codec::PCMA, clock, Some(2), format);
    config
}

fn speaks_opus() -> RtcConfig {
    Rtc::builder().clear_codecs().enable_opus(true)
}

/// A description of a client's, as a browser would say it.
fn as_said(text: &str, opus: u8) -> String {
    text.replace("PCMA/48000/2\r\n", &format!("red/48000/2\r\na=fmtp:{RED} {opus}/{opus}\r\n"))
}

fn as_read(text: &str) -> String {
    text.replace("red/48000/2", "PCMA/48000/2")
}

/// Publish one sound; the section, and the answer.
fn publish(world: &mut World, client: usize, opus: u8) -> (String, String) {
    world.add(UP);
    let mut api = world.rtc(client).sdp_api();
    let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let (offer, pending) = api.apply().unwrap();
    let offer = Offer::parse(&as_said(&offer.to_sdp_string(), opus)).unwrap();
    let now = world.now;
    let answer = world.engine.accept_offer(now, UP, offer).unwrap();
    let read = SdpAnswer::from_sdp_string(&as_read(&answer)).unwrap();
    world.rtc(client).sdp_api().accept_answer(pending, read).unwrap();
    (mid.to_string(), answer)
}

/// Offer the sound to a client; the offer.
fn subscribe(world: &mut World, id: TransportId, client: usize, mid: &str) -> String {
    world.add(id);
    let track = NewTrack { video: false, codec: "red".into(), stream: "PA|TR".into(), track: "TR".into() };
    let (now, plan) = (world.now, OfferPlan { add: vec![track], ..OfferPlan::default() });
    let (offer, mids) = world.engine.make_offer(now, id, plan).unwrap();
    let read = SdpOffer::from_sdp_string(&as_read(&offer)).unwrap();
    let answer = world.rtc(client).sdp_api().accept_offer(read).unwrap().to_sdp_string();
    world.engine.accept_answer(now, id, Answer::parse(&as_said(&answer, OPUS)).unwrap()).unwrap();
    world.until("it is connected", |w| [UP, id].iter().all(|t| w.saw(*t, |k| *k == EventKind::Connected)));
    let (source_mid, target_mid) = (mid.to_owned(), mids[0].clone());
    let now = world.now;
    world.engine.route(now, &Route { source: UP, source_mid, target: id, target_mid, max_layer: 2, rank: 1 });
    offer
}

/// What is said in packet `n`.
fn said(n: u32) -> Vec<u8> {
    format!("said {n}").into_bytes()
}

/// A packet of it, with the two before it.
fn redundant(n: u32, opus: u8) -> Vec<u8> {
    let (mut out, earlier) = (Vec::new(), (n.saturating_sub(2)..n).collect::<Vec<_>>());
    for m in &earlier {
        let header = ((960 * (n - m)) << 10) | said(*m).len() as u32;
        out.push(0x80 | opus);
        out.extend_from_slice(&header.to_be_bytes()[1..]);
    }
    out.push(opus);
    earlier.iter().for_each(|m| out.extend(said(*m)));
    out.extend(said(n));
    out
}

/// Send a packet of 20 ms.
fn send(world: &mut World, client: usize, mid: &str, payload_type: u8, n: u32, payload: Vec<u8>) {
    let now = world.now;
    let mut api = world.rtc(client).direct_api();
    let stream = api.stream_tx_by_mid(mid.into(), None).unwrap();
    let level = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
    let packet = RtpWrite::new(payload_type.into(), u64::from(n).into(), 960 * n, now, payload);
    stream.write_rtp(packet.ext_vals(level));
    world.run(ms(20));
}

fn numbers(got: &[RtpPacket]) -> Vec<u64> {
    got.iter().map(|p| *p.seq_no - *got[0].seq_no).collect()
}

/// One publisher, one subscriber who takes redundant sound and one who takes none; the last two, and the section.
fn three(world: &mut World, opus: u8) -> (usize, usize, usize, String) {
    let publisher = world.client_speaking(speaks_red(opus));
    let (mid, answer) = publish(world, publisher, opus);
    assert!(answer.contains(&format!("m=audio 9 UDP/TLS/RTP/SAVPF {opus} {RED}\r\n")), "{answer}");
    assert!(
        answer.contains(&format!("a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {opus}/{opus}\r\n")),
        "{answer}"
    );
    let (taking, other) = (world.client_speaking(speaks_red(OPUS)), world.client_speaking(speaks_opus()));
    for (id, client) in [(2, taking), (3, other)] {
        let offer = subscribe(world, TransportId(id), client, &mid);
        assert!(
            offer.contains(&format!("a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {OPUS}/{OPUS}\r\n")),
            "{offer}"
        );
        assert!(!offer.contains("PCMA"), "{offer}");
    }
    (publisher, taking, other, mid)
}

#[test]
fn redundant_sound_goes_whole_to_who_takes_it_and_alone_to_who_does_not() {
    let mut world = World::new();
    let (publisher, taking, other, mid) = three(&mut world, OPUS);
    for n in 0..50 {
        send(&mut world, publisher, &mid, RED, n, redundant(n, OPUS));
    }
    // One without redundancy, as when it would be too long.
    send(&mut world, publisher, &mid, OPUS, 50, said(50));
    world.until("all arrived", |w| [taking, other].iter().all(|c| w.received(*c).len() == 51));
    for (client, red) in [(taking, true), (other, false)] {
        let got = world.received(client);
        for (n, packet) in (0..).zip(got) {
            let whole = red && n < 50;
            assert_eq!(*packet.header.payload_type, if whole { RED } else { OPUS });
            assert_eq!(packet.payload.to_vec(), if whole { redundant(n, OPUS) } else { said(n) });
            assert_eq!(packet.header.ext_vals.audio_level, Some(-20));
        }
        assert_eq!(numbers(got), (0..51).collect::<Vec<_>>());
        assert!(got.windows(2).all(|w| w[1].header.timestamp == w[0].header.timestamp + 960));
    }
    assert!(world.saw(UP, |k| matches!(k, EventKind::Level { level: 20, .. })), "how loud it is, is heard");
    assert_eq!((world.engine.stats().recovered, world.engine.stats().malformed), (0, 0));
}

#[test]
fn what_is_lost_on_the_way_up_is_made_up_for_where_no_redundancy_goes() {
    let mut world = World::new();
    let (publisher, taking, other, mid) = three(&mut world, OPUS);
    // One, or two after each other: so many a packet carries.
    let lost = |n: u32| n % 7 == 3 || n % 14 == 4;
    for n in (0..=100).filter(|n| !lost(*n)) {
        send(&mut world, publisher, &mid, RED, n, redundant(n, OPUS));
    }
    let came: Vec<u64> = (0..=100).filter(|n| !lost(*n)).map(u64::from).collect();
    world.until("all arrived", |w| w.received(taking).len() == came.len());
    assert_eq!(numbers(world.received(taking)), came, "who takes redundancy mends its losses itself");
    let got = world.received(other);
    assert_eq!(
        got.iter().map(|p| p.payload.to_vec()).collect::<Vec<_>>(),
        (0..=100).map(said).collect::<Vec<_>>()
    );
    assert_eq!(numbers(got), (0..=100).collect::<Vec<_>>());
    assert!(got.windows(2).all(|w| w[1].header.timestamp == w[0].header.timestamp + 960));
    assert_eq!(world.engine.stats().recovered, 101 - came.len() as u64);
}

#[test]
fn what_comes_late_goes_once() {
    let mut world = World::new();
    let (publisher, taking, other, mid) = three(&mut world, OPUS);
    for n in [0, 1, 2, 4, 3, 5, 8, 7, 6, 9] {
        send(&mut world, publisher, &mid, RED, n, redundant(n, OPUS));
    }
    world.until("all arrived", |w| [taking, other].iter().all(|c| w.received(*c).len() == 10));
    let got: Vec<_> = world.received(other).iter().map(|p| p.payload.to_vec()).collect();
    assert_eq!(got, (0..10).map(said).collect::<Vec<_>>(), "in order, too");
    assert_eq!(world.engine.stats().recovered, 3);
}

#[test]
fn redundant_sound_goes_alone_where_its_blocks_would_be_named_otherwise() {
    let mut world = World::new();
    let (publisher, taking, other, mid) = three(&mut world, 109);
    for n in 0..20 {
        send(&mut world, publisher, &mid, RED, n, redundant(n, 109));
    }
    world.until("all arrived", |w| [taking, other].iter().all(|c| w.received(*c).len() == 20));
    for client in [taking, other] {
        let got = world.received(client);
        assert!((0..).zip(got).all(|(n, p)| *p.header.payload_type == OPUS && p.payload.to_vec() == said(n)));
    }
}

#[test]
fn what_cannot_be_read_goes_nowhere() {
    let mut world = World::new();
    let (publisher, taking, other, mid) = three(&mut world, OPUS);
    let whole = redundant(2, OPUS);
    let broken = (1..whole.len() - said(2).len() + 1).map(|end| whole[..end].to_vec());
    let odd = [vec![0x80; 40], vec![0xff; 40], vec![13, 1, 2, 3], vec![RED, 1, 2, 3]];
    let mut n = 0;
    for payload in broken.chain(odd) {
        send(&mut world, publisher, &mid, RED, n, payload);
        n += 1;
    }
    assert_eq!(world.engine.stats().malformed, u64::from(n));
    assert!([taking, other].iter().all(|c| world.received(*c).is_empty()));
    send(&mut world, publisher, &mid, RED, n, redundant(0, OPUS));
    world.until("what is whole arrives", |w| [taking, other].iter().all(|c| w.received(*c).len() == 1));
    assert_eq!(world.engine.stats().panics, 0);
}
