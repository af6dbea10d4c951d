//! What reads strangers' bytes here, as functions of bytes alone that check what must hold of any bytes.
//!
//! Lives here: the targets that need nothing but this crate's own readers; a failed assertion is a finding.
//! Not here: the engine as a whole under hostile clients (`tests/hostile`), libFuzzer (`fuzz/`), the short run of every
//! day (`tests/hostile`). Compiled only with the feature `fuzzing`.
#![allow(missing_docs)]

use std::cell::RefCell;
use std::time::{Duration, Instant};

use str0m::format::Codec;
use str0m::media::Rid;
use str0m::rtp::Vp8Descriptor;

use crate::allocate::LAYERS;
use crate::data::{stamp, MAX_PACKET_BYTES};
use crate::demux::{is_stun, stun_fragment};
use crate::keyframe::begins_keyframe;
use crate::layers::layer_of;
use crate::redundancy::read;
use crate::vp8::{PictureCounters, PictureIds};
use crate::{Answer, Engine, Input, NewTrack, Offer, OfferPlan, Output, Place, Protocol, TransportId};

/// A data packet is refused, or leaves with its true sender and with the destinations it names.
pub fn data(bytes: &[u8]) {
    let (identity, sid) = (Some("principal-a"), "PA_a");
    let Some(out) = stamp(bytes, identity, sid) else { return };
    assert!(bytes.len() <= MAX_PACKET_BYTES);
    let stamped = |identity, sid| stamp(&out.bytes, identity, sid).expect("what was stamped can be read");
    let again = stamped(identity, sid);
    assert_eq!(again.bytes, out.bytes, "a stamp changes nothing about a stamped packet");
    assert_eq!(again.to, out.to, "nor about whom it is for");
    assert_eq!(again.sequence, out.sequence, "nor about its number");
    let shown = |packet: &[u8], needle: &str| packet.windows(needle.len()).any(|w| w == needle.as_bytes());
    let other = stamped(Some("principal-b"), "PA_b").bytes;
    assert!(shown(&other, "principal-b") && shown(&other, "PA_b"));
}

/// STUN, VP8 descriptors, keyframes, layers and redundant sound: the first byte says which packet the rest is.
pub fn headers(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    match kind % 5 {
        0 => {
            if let (true, Some(fragment)) = (is_stun(rest), stun_fragment(rest)) {
                assert!(
                    fragment.is_empty() || rest.windows(fragment.len()).any(|w| w == fragment.as_bytes())
                );
                assert!(!fragment.contains(':'));
            }
        }
        1 => pictures(rest),
        2 => {
            let Some((&codec, payload)) = rest.split_first() else { return };
            let codec =
                [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1, Codec::Opus][usize::from(codec % 5)];
            let vp8 = Vp8Descriptor::parse(payload).ok();
            let key = begins_keyframe(codec, payload, vp8.as_ref());
            assert!(!(key && codec.is_video() && payload.is_empty()), "nothing is no keyframe");
        }
        3 => {
            if let Ok(rid) = <[u8; 8]>::try_from(rest.get(..8).unwrap_or_default()) {
                assert!(usize::from(layer_of(Some(Rid::from_array(rid)))) < LAYERS);
            }
        }
        _ => redundant(rest),
    }
}

/// A packet of redundant sound: its blocks follow each other up to its end.
fn redundant(packet: &[u8]) {
    let Some(blocks) = read(packet) else { return };
    assert!(blocks.payload_type < 128 && !blocks.own.is_empty());
    assert_eq!(blocks.own.end, packet.len());
    let mut end = blocks.own.start;
    for earlier in blocks.earlier.iter().flatten() {
        assert!(!earlier.at.is_empty() && earlier.at.end <= end && earlier.back < 1 << 14);
        end = earlier.at.start;
    }
    assert!(end > 0, "before all blocks is a header");
}

/// Packets of VP8, each after a byte that says its length and whether another source begins with it: whatever the
/// descriptors say, a patch fits the packet it was made for.
fn pictures(mut rest: &[u8]) {
    let mut counters = PictureCounters::default();
    let mut last: Option<u16> = None;
    while let Some((&length, tail)) = rest.split_first() {
        let (payload, tail) = tail.split_at(tail.len().min(usize::from(length & 0x3f)));
        rest = tail;
        let Ok(descriptor) = Vp8Descriptor::parse(payload) else { continue };
        let ids = PictureIds::of(&descriptor);
        let switched = length & 0x40 != 0;
        if switched {
            counters.switch(ids);
        }
        let out = counters.map(ids, true).unwrap_or(ids);
        if let (true, Some(before), Some(picture)) = (switched, last, out.picture) {
            assert_eq!(picture, (before + 1) & 0x7fff, "another source goes on where the last stopped");
        }
        last = out.picture.or(last);
        let _ = out.patch(&descriptor);
    }
}

thread_local! {
    /// An engine and its time; one for all inputs, since a certificate costs more than all else.
    static ENGINE: RefCell<Option<(Engine, Instant)>> = const { RefCell::new(None) };
}

/// An offer, or an answer if the first byte is odd: refused, or taken by a transport. A panic inside str0m ends that
/// transport; what was taken can be followed by another description and by time.
///
/// In an answer `@0` stands for the first section of the offer that it answers, and so on: their names are random.
pub fn descriptions(bytes: &[u8]) {
    let Some((&kind, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    ENGINE.with_borrow_mut(|engine| {
        let (engine, clock) = engine.get_or_insert_with(|| {
            let now = Instant::now();
            (
                Engine::new(
                    &[Place { protocol: Protocol::Udp, address: "192.0.2.1:7000".parse().unwrap() }],
                    now,
                )
                .unwrap(),
                now,
            )
        });
        let now = *clock;
        *clock += Duration::from_millis(200);
        let id = TransportId(1);
        engine.add(now, id, engine.blueprint().build(now).unwrap()).unwrap();
        match kind & 1 {
            0 => offer(engine, now, id, &text),
            _ => answer(engine, now, id, &text),
        }
        for n in 1..4 {
            engine.handle_input(now + Duration::from_millis(50 * n), Input::Timeout);
            while !matches!(engine.poll_output(), Output::Timeout(_)) {}
        }
        engine.close(now, id);
        assert_eq!(engine.stats().transports, 0);
    });
}

fn offer(engine: &mut Engine, now: Instant, id: TransportId, text: &str) {
    let Ok(first) = Offer::parse(text) else { return };
    if let Ok(answer) = engine.accept_offer(now, id, first) {
        let candidates = answer.lines().filter(|l| l.starts_with("a=candidate:"));
        candidates.for_each(|l| assert!(l.contains("192.0.2.1 7000"), "only where the engine is: {l}"));
        let again = Offer::parse(text).expect("what was read once is read again");
        let _ = engine.accept_offer(now, id, again);
    }
}

fn answer(engine: &mut Engine, now: Instant, id: TransportId, text: &str) {
    let track = |video| NewTrack { codec: String::new(), video, stream: "PA|TR".into(), track: "TR".into() };
    let plan = OfferPlan { add: vec![track(true), track(false)], channels: true, ..OfferPlan::default() };
    let (offer, _) = engine.make_offer(now, id, plan).expect("a fresh transport makes an offer");
    let sections = offer.lines().filter_map(|l| l.strip_prefix("a=mid:")).enumerate();
    let text = sections.fold(text.to_owned(), |text, (n, mid)| text.replace(&format!("@{n}"), mid));
    let Ok(answer) = Answer::parse(&text) else { return };
    let _ = engine.accept_answer(now, id, answer);
    let plan = OfferPlan { add: vec![track(true)], restart: true, ..OfferPlan::default() };
    let _ = engine.make_offer(now, id, plan);
}
