//! The engine between real WebRTC clients, in memory and in virtual time: real ICE, DTLS, SRTP and SCTP, no socket.

use std::time::Duration;

use crate::world::{ms, World, REFERENCE_OFFER};
use sfu::{Error, EventKind, NewTrack, Offer, OfferPlan, Route, TransportId};
use str0m::format::Codec;
use str0m::rtp::rtcp::SenderInfo;

pub const UP: TransportId = TransportId(1);
pub const DOWN: TransportId = TransportId(2);

/// A VP8 packet as a publisher sends it: descriptor with a 15-bit picture id, then a keyframe or not, then content.
pub fn vp8(picture: u16, keyframe: bool, content: &[u8]) -> Vec<u8> {
    let id = picture.to_be_bytes();
    let mut out = vec![0x90, 0x80, 0x80 | id[0], id[1], u8::from(!keyframe)];
    out.extend_from_slice(content);
    out
}

/// Bytes that look like nothing, as an encrypted frame does.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..length)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            x as u8
        })
        .collect()
}

/// One publisher, one subscriber, both connected, the publisher's video routed to the subscriber.
fn one_to_one(world: &mut World, rids: &[&str]) -> (usize, usize, String, String) {
    let (publisher, subscriber) = (world.client(), world.client());
    let (up, down) = one_to_one_of(world, publisher, subscriber, rids);
    (publisher, subscriber, up, down)
}

/// The same between clients that are there; the two sections.
pub fn one_to_one_of(
    world: &mut World,
    publisher: usize,
    subscriber: usize,
    rids: &[&str],
) -> (String, String) {
    let up_mid = world.publish_video(UP, publisher, rids);
    let track =
        NewTrack { video: true, codec: "VP8".into(), stream: "PA_1|TR_1".into(), track: "TR_1".into() };
    let mids = world.subscribe(DOWN, subscriber, OfferPlan { add: vec![track], ..OfferPlan::default() });
    world.until("both are connected", |w| {
        [UP, DOWN].iter().all(|t| w.saw(*t, |k| *k == EventKind::Connected))
    });
    let route = Route {
        source: UP,
        source_mid: up_mid.clone(),
        target: DOWN,
        target_mid: mids[0].clone(),
        max_layer: 2,
        rank: 1,
    };
    let now = world.now;
    world.engine.route(now, &route);
    (up_mid, mids[0].clone())
}

#[test]
fn frames_arrive_bit_exact_in_one_unbroken_numbering() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    let sent: Vec<Vec<u8>> =
        (0..100).map(|n| vp8(n, n == 0, &noise(u32::from(n), 40 + 11 * usize::from(n)))).collect();
    for (n, payload) in sent.iter().enumerate() {
        // The publisher's numbering crosses 65,535.
        world.send_rtp(publisher, &mid, None, 65_500 + n as u64, 3000 * n as u32, payload);
        world.run(ms(33));
    }
    world.until("all arrived", |w| w.received(subscriber).len() == sent.len());
    let got = world.received(subscriber);
    assert_eq!(got.iter().map(|p| p.payload.to_vec()).collect::<Vec<_>>(), sent);
    assert!(got.windows(2).all(|w| *w[1].seq_no == *w[0].seq_no + 1), "numbers are continuous");
    assert!(
        got.windows(2).all(|w| w[1].header.timestamp == w[0].header.timestamp + 3000),
        "times keep their steps"
    );
    assert!(got.iter().all(|p| p.header.marker));
    assert!(world.saw(UP, |k| matches!(k, EventKind::Stream { mid: m, layer: 0 } if *m == mid)));
}

#[test]
fn nothing_is_forwarded_before_a_keyframe_and_the_publisher_is_asked_for_one() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    for n in 0..10 {
        world.send_rtp(publisher, &mid, None, n, 3000 * n as u32, &vp8(n as u16, false, b"delta"));
        world.run(ms(33));
    }
    assert!(world.received(subscriber).is_empty());
    assert!(world.keyframe_requests(publisher) > 0);
    world.send_rtp(publisher, &mid, None, 10, 30_000, &vp8(10, true, b"key"));
    world.until("the keyframe arrived", |w| w.received(subscriber).len() == 1);
}

#[test]
fn a_transport_waits_for_its_first_description() {
    let mut world = World::new();
    world.add(UP);
    let listener = world.client();
    world.subscribe(DOWN, listener, OfferPlan { channels: true, ..OfferPlan::default() });
    world.run(Duration::from_secs(600));
    assert!(!world.saw(UP, |k| *k == EventKind::Closed), "who only listens keeps the way up");
    assert_eq!(world.engine.stats().failures, 0);
    let late = world.client();
    let mid = world.offer_sound(UP, late);
    world.until("it is connected", |w| w.saw(UP, |k| *k == EventKind::Connected));
    world.send_sound(late, &mid, 0, -20, b"at last");
    world.until("it is heard", |w| w.saw(UP, |k| matches!(k, EventKind::Stream { .. })));
}

#[test]
fn bursts_of_padding_leave_no_gap() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    let mut sequence = 500;
    for n in 0..20u16 {
        world.send_rtp(publisher, &mid, None, sequence, 3000 * u32::from(n), &vp8(n, n == 0, &noise(1, 100)));
        sequence += 1;
        world.run(ms(10));
        for _ in 0..50 {
            world.send_rtp(publisher, &mid, None, sequence, 3000 * u32::from(n), b"");
            sequence += 1;
        }
        world.run(ms(23));
    }
    world.until("all arrived", |w| w.received(subscriber).len() == 20);
    let got = world.received(subscriber);
    assert!(got.windows(2).all(|w| *w[1].seq_no == *w[0].seq_no + 1), "numbers are continuous");
    assert!(world.engine.stats().rtp_in >= 1000, "the padding did come to the engine");
}

#[test]
fn what_the_network_loses_on_either_leg_is_repaired() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    world.lose_one_in(12);
    let sent: Vec<Vec<u8>> = (0..300).map(|n| vp8(n, n == 0, &noise(u32::from(n), 200))).collect();
    for (n, payload) in sent.iter().enumerate() {
        world.send_rtp(publisher, &mid, None, n as u64, 900 * n as u32, payload);
        world.run(ms(10));
    }
    assert!(world.lost > 30, "the network did lose");
    // A loss shows by its successor, so the last ones come safely.
    world.lose_nothing();
    for n in sent.len()..sent.len() + 10 {
        world.send_rtp(publisher, &mid, None, n as u64, 900 * n as u32, &vp8(n as u16, false, b"end"));
        world.run(ms(10));
    }
    world.run(Duration::from_secs(3));
    let mut got: Vec<Vec<u8>> = world.received(subscriber).iter().map(|p| p.payload.to_vec()).collect();
    got.retain(|p| !p.ends_with(b"end"));
    got.sort();
    got.dedup();
    let mut expected = sent;
    expected.sort();
    assert!(got.iter().all(|p| expected.binary_search(p).is_ok()), "nothing was altered");
    // Five attempts are made for a packet; that all fail happens to one in some thousands.
    assert!(got.len() >= 297, "{} of 300 arrived", got.len());
}

#[test]
fn a_subscriber_gets_the_layer_it_asks_for_without_a_break() {
    let mut world = World::new();
    let (publisher, subscriber, mid, down_mid) = one_to_one(&mut world, &["q", "f"]);
    let mut n = 0u16;
    let mut send = |world: &mut World, keyframes: bool| {
        for (i, rid) in ["q", "f"].into_iter().enumerate() {
            let sequence = 1000 * (i as u64 + 1) + u64::from(n);
            let payload = vp8(n + 7000 * i as u16, keyframes, rid.as_bytes());
            world.send_rtp(publisher, &mid, Some(rid), sequence, 3000 * u32::from(n), &payload);
        }
        n += 1;
        world.run(ms(33));
    };
    let last = |world: &World| world.received(subscriber).last().map(|p| p.payload[5..].to_vec());
    for i in 0..10 {
        send(&mut world, i % 5 == 0);
    }
    assert_eq!(last(&world), Some(b"f".to_vec()), "the highest layer first");
    let now = world.now;
    world.engine.set_layer(now, DOWN, &down_mid, 0, false, 1);
    for i in 0..10 {
        send(&mut world, i % 5 == 4);
    }
    assert_eq!(last(&world), Some(b"q".to_vec()), "then the one asked for");
    let now = world.now;
    world.engine.set_layer(now, DOWN, &down_mid, 0, true, 1);
    let before = world.received(subscriber).len();
    for _ in 0..5 {
        send(&mut world, true);
    }
    assert_eq!(world.received(subscriber).len(), before, "nothing while paused");

    let got = world.received(subscriber);
    assert!(got.windows(2).all(|w| *w[1].seq_no == *w[0].seq_no + 1), "numbers are continuous");
    let picture = |p: &[u8]| u16::from_be_bytes([p[2] & 0x7f, p[3]]);
    assert!(got.windows(2).all(|w| picture(&w[1].payload) == picture(&w[0].payload) + 1), "pictures are too");
    assert!(got.windows(2).all(|w| w[1].header.timestamp > w[0].header.timestamp), "time goes forward");
    for layer in [0, 2] {
        assert!(world.saw(UP, |k| matches!(k, EventKind::Stream { layer: l, .. } if *l == layer)));
    }
}

#[test]
fn a_section_that_another_track_takes_over_goes_on_without_a_break() {
    let mut world = World::new();
    let (publisher, subscriber, mid, down_mid) = one_to_one(&mut world, &[]);
    for n in 0..5u16 {
        world.send_rtp(
            publisher,
            &mid,
            None,
            60_000 + u64::from(n),
            3000 * u32::from(n),
            &vp8(n, n == 0, b"one"),
        );
        world.run(ms(33));
    }
    let now = world.now;
    world.engine.close(now, UP);
    let (other, again) = (TransportId(3), world.client());
    let source_mid = world.publish_video(other, again, &[]);
    world.until("the other is connected", |w| w.saw(other, |k| *k == EventKind::Connected));
    let now = world.now;
    let route = Route {
        source: other,
        source_mid: source_mid.clone(),
        target: DOWN,
        target_mid: down_mid,
        max_layer: 2,
        rank: 1,
    };
    world.engine.route(now, &route);
    for n in 0..5u16 {
        world.send_rtp(
            again,
            &source_mid,
            None,
            7 + u64::from(n),
            3000 * u32::from(n),
            &vp8(n, n == 0, b"two"),
        );
        world.run(ms(33));
    }
    world.until("all arrived", |w| w.received(subscriber).len() == 10);
    let got = world.received(subscriber);
    assert!(got.windows(2).all(|w| *w[1].seq_no == *w[0].seq_no + 1), "numbers are continuous");
    assert!(got.windows(2).all(|w| w[1].header.timestamp > w[0].header.timestamp), "time goes forward");
}

#[test]
fn sound_and_picture_of_one_instant_are_said_to_be_of_one_instant() {
    let mut world = World::new();
    let publisher = world.client();
    let (sound, video) = world.publish_both(UP, publisher);
    let subscriber = world.client();
    let track = |video| NewTrack {
        video,
        codec: String::new(),
        stream: "PA_1|TR_1".into(),
        track: format!("TR_{video}"),
    };
    let plan = OfferPlan { add: vec![track(false), track(true)], ..OfferPlan::default() };
    let mids = world.subscribe(DOWN, subscriber, plan);
    world.until("both are connected", |w| {
        [UP, DOWN].iter().all(|t| w.saw(*t, |k| *k == EventKind::Connected))
    });
    for (source_mid, target_mid) in [(&sound, &mids[0]), (&video, &mids[1])] {
        let now = world.now;
        world.engine.route(
            now,
            &Route {
                source: UP,
                source_mid: source_mid.clone(),
                target: DOWN,
                target_mid: target_mid.clone(),
                max_layer: 2,
                rank: 1,
            },
        );
    }
    // Sound is sent 20 ms after its capture; a picture 60 to 200 ms, as the encoder and the pacer let it.
    let began = world.now;
    for n in 0..1500u32 {
        let captured = world.now - ms(20);
        world.send_captured(publisher, (&sound, Codec::Opus), n.into(), 960 * n, captured, b"sound");
        if n % 2 == 0 {
            let late = ms(u64::from(60 + noise(n, 1)[0] as u32 * 140 / 255));
            let captured = world.now - late;
            // The media time of a capture; a clock of its own.
            let time = 7_000_000 + ((captured + ms(200) - began).as_secs_f64() * 90_000.0) as u32;
            let payload = vp8((n / 2) as u16, n == 0, b"picture");
            world.send_captured(publisher, (&video, Codec::Vp8), u64::from(n / 2), time, captured, &payload);
        }
        world.run(ms(20));
    }
    let skew_ms = {
        let last = |mid: &str| world.reports(subscriber).iter().rev().find(|r| r.mid == mid.into()).unwrap();
        let (voice, picture) = (last(&mids[0]).sender_info, last(&mids[1]).sender_info);
        // What each says was captured when the publisher began, on the engine's clock.
        let said = |report: SenderInfo, media: u32, hz: f64| {
            let before_s = f64::from((report.rtp_time.numer() as u32).wrapping_sub(media)) / hz;
            report.ntp_time - Duration::from_secs_f64(before_s)
        };
        let voice_began = said(voice, 0, 48_000.0) + ms(20);
        let picture_began = said(picture, 7_000_000 + 18_000, 90_000.0);
        let skew = voice_began.duration_since(picture_began).unwrap_or_else(|e| e.duration());
        skew.as_secs_f64() * 1000.0
    };
    assert!(skew_ms < 3.0, "they are {skew_ms} ms apart");
}

#[test]
fn a_section_that_stays_silent_is_woken_until_media_comes() {
    let mut world = World::new();
    let (publisher, subscriber, source_mid, target_mid) = one_to_one(&mut world, &[]);
    let now = world.now;
    world.engine.wake(now, DOWN, &target_mid);
    world.engine.wake(now, DOWN, "no such section");
    world.until("it is woken", |w| w.received(subscriber).len() >= 3);
    for n in 0..5u16 {
        world.send_rtp(publisher, &source_mid, None, n.into(), 3000 * u32::from(n), &vp8(n, n == 0, b"one"));
        world.run(ms(33));
    }
    world.run(Duration::from_secs(2));
    let got = world.received(subscriber);
    let (nothing, media) = got.split_at(got.len() - 5);
    assert!(nothing.len() >= 3 && nothing.iter().all(|p| p.payload.is_empty()));
    assert!(media.iter().all(|p| !p.payload.is_empty()), "media ends the waking");
    assert!(got.windows(2).all(|w| *w[1].seq_no == *w[0].seq_no + 1), "numbers are continuous");
    assert!(got.windows(2).all(|w| w[1].header.timestamp > w[0].header.timestamp), "time goes forward");
}

#[test]
fn data_goes_to_the_room_stamped_with_its_sender_in_order() {
    let mut world = World::new();
    let sender = world.client();
    world.publish_video(UP, sender, &[]);
    let receiver = world.client();
    world.subscribe(DOWN, receiver, OfferPlan { channels: true, ..OfferPlan::default() });
    world.engine.member(9, "principal-a".into(), "PA_a".into(), UP, DOWN, true, false);
    let other = TransportId(3);
    let listener = world.client();
    world.publish_video(other, listener, &[]);
    world.engine.member(9, "principal-b".into(), "PA_b".into(), other, DOWN, true, false);
    world.until("the channels are open", |w| {
        [UP, DOWN, other].iter().all(|t| w.saw(*t, |k| *k == EventKind::Channel("_reliable".into())))
    });
    // DataPacket { user { participant_identity: "forged", payload } }
    for n in 0..50u8 {
        let user = [&[0x2a, 6][..], b"forged", &[0x12, 1, n]].concat();
        let packet = [&[0x12, user.len() as u8][..], &user].concat();
        world.send_data(sender, "_reliable", &packet);
        world.run(ms(5));
    }
    world.until("all arrived", |w| w.data(receiver).len() == 50);
    for (n, packet) in world.data(receiver).iter().enumerate() {
        let shown = String::from_utf8_lossy(packet);
        assert!(packet.windows(3).any(|w| w == [0x12, 1, n as u8]), "in order");
        assert!(shown.contains("principal-a") && shown.contains("PA_a"));
        assert!(!shown.contains("forged"));
    }
}

#[test]
fn what_a_sender_sends_again_after_a_cut_arrives_once_and_in_order() {
    let mut world = World::new();
    let sender = world.client();
    world.publish_video(UP, sender, &[]);
    world.engine.member(9, "principal-a".into(), "PA_a".into(), UP, TransportId(4), true, false);
    let (receiver, other) = (world.client(), TransportId(3));
    world.add(other);
    world.subscribe(DOWN, receiver, OfferPlan { channels: true, ..OfferPlan::default() });
    world.engine.member(9, "principal-b".into(), "PA_b".into(), other, DOWN, true, false);
    world.until("the channels are open", |w| {
        [UP, DOWN].iter().all(|t| w.saw(*t, |k| *k == EventKind::Channel("_reliable".into())))
    });
    // DataPacket { sequence, encrypted_packet }
    let packet = |n: u8| vec![0x80, 0x01, n, 0x92, 0x01, 1, n];
    for n in 1..=20 {
        world.send_data(sender, "_reliable", &packet(n));
        world.run(ms(5));
    }
    world.until("twenty came", |w| w.engine.last_sequence(UP) == 20);
    world.lose_one_in(1);
    for n in 21..=40 {
        world.send_data(sender, "_reliable", &packet(n));
        world.run(ms(100));
    }
    assert_eq!(world.engine.last_sequence(UP), 20);
    world.lose_nothing();
    for n in 21..=60 {
        world.send_data(sender, "_reliable", &packet(n));
    }
    world.until("all arrived", |w| w.data(receiver).len() >= 60 && w.engine.stats().data_repeated >= 20);
    let now = world.now;
    world.engine.send(now, &[DOWN, TransportId(77)], true, b"over");
    world.until("the last arrived", |w| w.data(receiver).ends_with(&[b"over".to_vec()]));
    let numbers: Vec<u8> = world.data(receiver)[..60].iter().map(|p| p[2]).collect();
    assert_eq!(numbers, (1..=60).collect::<Vec<u8>>());
    assert_eq!(world.data(receiver).len(), 61);
    assert_eq!(world.engine.stats().data_repeated, 20);
}

#[test]
fn a_hostile_offer_ends_one_transport_and_no_other() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    let victim = TransportId(66);
    world.add(victim);
    // A payload type that sound and picture both claim panics inside str0m.
    let doubled = REFERENCE_OFFER
        .replace("SAVPF 111 ", "SAVPF 96 ")
        .replace("a=rtpmap:111 ", "a=rtpmap:96 ")
        .replace("a=fmtp:111 ", "a=fmtp:96 ")
        .replace("a=rtcp-fb:111 ", "a=rtcp-fb:96 ");
    assert_ne!(doubled, REFERENCE_OFFER);
    let now = world.now;
    let result = Offer::parse(&doubled).and_then(|o| world.engine.accept_offer(now, victim, o));
    assert_eq!(result, Err(Error::TransportFailed));
    assert_eq!(world.engine.stats().panics, 1);
    world.run(ms(1));
    assert!(world.saw(victim, |k| *k == EventKind::Closed));
    world.send_rtp(publisher, &mid, None, 1, 0, &vp8(1, true, b"still here"));
    world.until("the others go on", |w| w.received(subscriber).len() == 1);
}

#[test]
fn idle_receivers_left_over_in_an_offer_stay_idle() {
    let mut world = World::new();
    world.add(UP);
    let now = world.now;
    let offer = Offer::parse(REFERENCE_OFFER).unwrap();
    let answer = world.engine.accept_offer(now, UP, offer).unwrap();
    let count = |text: &str, line: &str| text.lines().filter(|l| *l == line).count();
    assert_eq!(count(REFERENCE_OFFER, "a=recvonly"), 6);
    assert_eq!(count(REFERENCE_OFFER, "a=sendonly"), 2);
    assert_eq!(count(&answer, "a=inactive"), 6);
    assert_eq!(count(&answer, "a=recvonly"), 2);
    assert_eq!(count(&answer, "a=sendonly") + count(&answer, "a=sendrecv"), 0);
}

#[test]
fn mutated_offers_and_answers_are_refused_or_taken_and_never_a_crash() {
    let mut world = World::new();
    let mut seed = 7u32;
    let mut random = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize % n
    };
    let base: Vec<char> = REFERENCE_OFFER.chars().collect();
    let (mut taken, mut refused) = (0, 0);
    for n in 0..300u64 {
        let mut text = base.clone();
        for _ in 0..=random(12) {
            let at = random(text.len());
            match random(4) {
                0 => text[at] = char::from(32 + random(95) as u8),
                1 => drop(text.drain(at..(at + random(40)).min(text.len()))),
                2 => {
                    let from = random(text.len());
                    let piece: Vec<char> = text[from..(from + random(200)).min(text.len())].to_vec();
                    text.splice(at..at, piece);
                }
                _ => drop(text.splice(at..at, "4294967296".chars())),
            }
        }
        let text: String = text.into_iter().collect();
        let id = TransportId(1000 + n);
        world.add(id);
        let now = world.now;
        match Offer::parse(&text).and_then(|o| world.engine.accept_offer(now, id, o)) {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
        let _ = sfu::Answer::parse(&text).and_then(|a| world.engine.accept_answer(now, id, a));
        world.engine.close(now, id);
    }
    world.run(ms(10));
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    assert_eq!(world.engine.stats().transports, 0);
}

#[test]
fn garbage_on_a_clients_own_path_does_not_end_a_call() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    let source = world.address(publisher);
    for n in 0..2000u32 {
        let mut bytes = noise(n, 1 + (n as usize * 7) % 300);
        // SRTP, SRTCP and STUN by their first byte; DTLS has a checked record layer of its own.
        bytes[0] = [0x80, 0x90, 0xb0, 0x00, 0x01][n as usize % 5];
        world.inject(source, &bytes);
    }
    world.send_rtp(publisher, &mid, None, 1, 0, &vp8(1, true, b"still here"));
    world.until("the call goes on", |w| w.received(subscriber).len() == 1);
    assert_eq!(world.engine.stats().failures, 0);
}

#[test]
fn a_stranger_who_knows_a_fragment_gets_no_answer_and_no_address() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    let stranger = "203.0.113.9:9".parse().unwrap();
    let (fragment, sent) = (world.fragment(UP), world.engine.stats().packets_out);
    let user = format!("{fragment}:x");
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    request.extend_from_slice(&[0, 6, 0, user.len() as u8]);
    request.extend_from_slice(user.as_bytes());
    request.resize(request.len().next_multiple_of(4), 0);
    let length = (request.len() - 20) as u16;
    request[2..4].copy_from_slice(&length.to_be_bytes());
    world.inject(stranger, &request);
    assert_eq!(world.engine.stats().strays, 1);
    assert_eq!(world.engine.stats().packets_out, sent);
    world.send_rtp(publisher, &mid, None, 1, 0, &vp8(1, true, b"still here"));
    world.until("the call goes on", |w| w.received(subscriber).len() == 1);
}

#[test]
fn a_client_that_leaves_is_told_of_and_what_it_sent_is_forgotten() {
    let mut world = World::new();
    let (publisher, _, _, down_mid) = one_to_one(&mut world, &[]);
    world.leave(publisher);
    world.until("its end is seen", |w| w.saw(UP, |k| *k == EventKind::Closed));
    assert_eq!(world.engine.stats().transports, 1);
    let now = world.now;
    world.engine.unroute(now, DOWN, &down_mid);
    world.engine.close(now, UP);
    world.engine.close(now, DOWN);
    assert_eq!(world.engine.stats().transports, 0);
}

#[test]
fn a_restart_of_ice_carries_the_call_to_a_new_address() {
    let mut world = World::new();
    let (publisher, subscriber, mid, _) = one_to_one(&mut world, &[]);
    world.send_rtp(publisher, &mid, None, 1, 0, &vp8(1, true, b"before"));
    world.until("it flows", |w| w.received(subscriber).len() == 1);
    world.move_client(subscriber);
    world.subscribe(DOWN, subscriber, OfferPlan { restart: true, ..OfferPlan::default() });
    world.run(Duration::from_secs(2));
    world.send_rtp(publisher, &mid, None, 2, 3000, &vp8(2, false, b"after"));
    world.until("it flows again", |w| w.received(subscriber).len() == 2);
}
