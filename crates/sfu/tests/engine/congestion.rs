//! What a subscriber gets over a path that does not bear everything: real congestion control, in virtual time.

use std::time::Duration;

use crate::world::{ms, World};
use sfu::{EventKind, NewTrack, OfferPlan, Route, TransportId};
use str0m::rtp::RtpPacket;

const PICTURE: TransportId = TransportId(1);
const SOUND: TransportId = TransportId(2);
const DOWN: TransportId = TransportId(3);
const HOSTILE: TransportId = TransportId(4);

/// Layers as the publisher sends them: (restriction identifier, packets a frame, bytes a packet), 30 frames a second.
/// About 100 kbit/s, 400 kbit/s and 1.6 Mbit/s.
const LAYERS: [(&str, usize, usize); 3] = [("q", 1, 420), ("h", 2, 830), ("f", 6, 1110)];

/// A publisher of picture and sound, and who watches and hears it.
struct Stage {
    world: World,
    camera: usize,
    microphone: usize,
    subscriber: usize,
    mids: [String; 2],
    down: Vec<String>,
    tick: u64,
    numbers: [u64; 3],
}

impl Stage {
    fn new() -> Stage {
        let mut world = World::new();
        let (camera, microphone, subscriber) = (world.client(), world.client(), world.client());
        let mids =
            [world.publish_video(PICTURE, camera, &["q", "h", "f"]), world.publish_sound(SOUND, microphone)];
        let track = |video, name: &str| NewTrack {
            video,
            codec: String::new(),
            stream: format!("PA|{name}"),
            track: name.into(),
        };
        let add = vec![track(true, "TR_V"), track(false, "TR_A")];
        let down = world.subscribe(DOWN, subscriber, OfferPlan { add, ..OfferPlan::default() });
        world.until("all are connected", |w| {
            [PICTURE, SOUND, DOWN].iter().all(|t| w.saw(*t, |k| *k == EventKind::Connected))
        });
        for (i, source) in [PICTURE, SOUND].into_iter().enumerate() {
            let route = Route {
                source,
                source_mid: mids[i].clone(),
                target: DOWN,
                target_mid: down[i].clone(),
                max_layer: 2,
                rank: 1,
            };
            let now = world.now;
            world.engine.route(now, &route);
        }
        Stage { world, camera, microphone, subscriber, mids, down, tick: 0, numbers: [0; 3] }
    }

    /// Send for a while: a packet of sound each 20 ms, a frame of each layer each 40 ms, a keyframe each second.
    fn play(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / 20 {
            let n = self.tick;
            self.world.send_sound(self.microphone, &self.mids[1], n, -20, &[7; 80]);
            if n.is_multiple_of(2) {
                let key = n.is_multiple_of(50);
                for (i, (rid, packets, bytes)) in LAYERS.into_iter().enumerate() {
                    for part in 0..packets {
                        let picture = (n / 2) as u16;
                        let first = part == 0;
                        let id = picture.to_be_bytes();
                        let s = if first { 0x90 } else { 0x80 };
                        let mut payload = vec![s, 0x80, 0x80 | (id[0] & 0x7f), id[1], u8::from(!key)];
                        payload.extend(std::iter::repeat_n(i as u8, bytes));
                        let sequence = self.numbers[i];
                        self.numbers[i] += 1;
                        let time = 90 * 20 * n as u32;
                        self.world.send_rtp(self.camera, &self.mids[0], Some(rid), sequence, time, &payload);
                    }
                }
            }
            self.tick += 1;
            self.world.run(ms(20));
        }
    }

    /// The layers of the pictures that came since `from`, each change once; and how many packets of sound came.
    fn came(&self, from: usize) -> (Vec<u8>, usize) {
        let (before, got) = self.world.received(self.subscriber).split_at(from);
        let is_picture = |p: &&RtpPacket| p.payload.last().is_some_and(|l| *l < 3);
        // What the estimator probes with is pictures sent again: they are not new.
        let mut newest = before.iter().filter(is_picture).map(|p| *p.seq_no).max().unwrap_or(0);
        let mut layers = vec![];
        let mut sound = 0;
        for p in got {
            match p.payload.last() {
                Some(7) => sound += 1,
                Some(layer @ 0..=2) if *p.seq_no > newest => {
                    newest = *p.seq_no;
                    layers.push(*layer);
                }
                _ => {}
            }
        }
        layers.dedup();
        (layers, sound)
    }

    /// Play until something holds, for two minutes at most.
    fn plays_until(&mut self, what: &str, holds: impl Fn(&Stage) -> bool) {
        for _ in 0..240 {
            if holds(self) {
                return;
            }
            self.play(ms(500));
        }
        panic!("never: {what}");
    }

    fn last_layer(&self) -> Option<u8> {
        let got = self.world.received(self.subscriber);
        let pictures = got.iter().filter(|p| p.payload.last().is_some_and(|l| *l < 3));
        pictures.max_by_key(|p| *p.seq_no).and_then(|p| p.payload.last().copied())
    }

    fn so_far(&self) -> usize {
        self.world.received(self.subscriber).len()
    }

    fn starved(&self) -> Vec<bool> {
        let mid = &self.down[0];
        let of = |k: &EventKind| match k {
            EventKind::Throttled { mid: m, paused } if m == mid => Some(*paused),
            _ => None,
        };
        self.world.events().iter().filter(|e| e.transport == DOWN).filter_map(|e| of(&e.kind)).collect()
    }
}

#[test]
fn a_wide_path_carries_the_highest_layer_and_stays_with_it() {
    let mut stage = Stage::new();
    stage.world.narrow(stage.subscriber, Some(20_000_000));
    stage.play(Duration::from_secs(3));
    let settled = stage.so_far();
    stage.play(Duration::from_secs(20));
    let (layers, sound) = stage.came(settled);
    assert_eq!(layers, [2]);
    assert!(sound >= 990, "{sound}");
    assert!(stage.starved().is_empty());
}

#[test]
fn a_path_that_narrows_brings_a_lower_layer_and_one_that_widens_the_highest_again() {
    let mut stage = Stage::new();
    stage.world.narrow(stage.subscriber, Some(20_000_000));
    stage.play(Duration::from_secs(5));
    stage.world.narrow(stage.subscriber, Some(300_000));
    stage.play(Duration::from_secs(15));
    let settled = stage.so_far();
    stage.play(Duration::from_secs(30));
    let (layers, sound) = stage.came(settled);
    assert!(layers.contains(&0) && !layers.contains(&2), "what the path bears: {layers:?}");
    assert!(layers.len() <= 7, "no swinging: {layers:?}");
    assert!(sound >= 1350, "sound goes on: {sound} of 1500");
    stage.world.narrow(stage.subscriber, Some(20_000_000));
    stage.plays_until("the highest again", |s| s.last_layer() == Some(2));
}

#[test]
fn a_path_too_narrow_for_any_picture_carries_the_sound_alone_and_says_so() {
    let mut stage = Stage::new();
    stage.world.narrow(stage.subscriber, Some(20_000_000));
    stage.play(Duration::from_secs(5));
    stage.world.narrow(stage.subscriber, Some(90_000));
    stage.plays_until("the picture is held back", |s| s.starved().last() == Some(&true));
    stage.play(Duration::from_secs(10));
    let starved = stage.so_far();
    stage.play(Duration::from_secs(20));
    let (_, sound) = stage.came(starved);
    assert!(sound >= 800, "{sound} of 1000");
    stage.world.narrow(stage.subscriber, Some(20_000_000));
    stage.plays_until("the picture is back", |s| s.starved().last() == Some(&false));
    stage.plays_until("the highest again", |s| s.last_layer() == Some(2));
}

#[test]
fn the_numbers_that_a_subscriber_sees_have_no_gap_but_what_the_path_lost() {
    let mut stage = Stage::new();
    stage.world.narrow(stage.subscriber, Some(20_000_000));
    stage.play(Duration::from_secs(3));
    for rate in [700_000, 20_000_000, 250_000, 20_000_000] {
        stage.world.narrow(stage.subscriber, Some(rate));
        stage.play(Duration::from_secs(8));
    }
    let mut numbers: Vec<u64> = stage
        .world
        .received(stage.subscriber)
        .iter()
        .filter(|p| p.payload.last().is_some_and(|l| *l < 3))
        .map(|p| *p.seq_no)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let missing = numbers.windows(2).map(|w| w[1] - w[0] - 1).sum::<u64>();
    assert!(missing <= u64::from(stage.world.lost), "{missing} missing, {} lost", stage.world.lost);
}

#[test]
fn a_publisher_of_garbage_costs_the_others_of_its_room_nothing() {
    let mut stage = Stage::new();
    let hostile = stage.world.client();
    let source_mid = stage.world.publish_video(HOSTILE, hostile, &[]);
    let track =
        NewTrack { video: true, codec: String::new(), stream: "PA|TR_G".into(), track: "TR_G".into() };
    let plan = OfferPlan { add: vec![track], ..OfferPlan::default() };
    let target_mid = stage.world.offer_down(DOWN, stage.subscriber, plan).remove(0);
    let now = stage.world.now;
    let route = Route {
        source: HOSTILE,
        source_mid: source_mid.clone(),
        target: DOWN,
        target_mid,
        max_layer: 2,
        rank: 1,
    };
    stage.world.engine.route(now, &route);
    stage.play(Duration::from_secs(3));
    let before = stage.so_far();

    // A packet each two milliseconds: any number, time and content behind a beginning that enters or does not.
    let mut seed = 0x9e37_79b9_u32;
    let mut random = move |n: u32| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed % n
    };
    let mut number = 20_000;
    for _ in 0..1000 {
        for _ in 0..10 {
            let mut payload: Vec<u8> = (0..random(1100)).map(|_| random(256) as u8).collect();
            if random(2) == 0 {
                payload.splice(0..0, [0x90, 0x80, 0x80 | random(128) as u8, random(256) as u8, 0]);
            }
            payload.push(0xee);
            if random(4) == 0 {
                payload.clear(); // Not sent on: leaps that the engine's SRTP can follow add up to some that others' cannot.
            }
            number = number + u64::from(random(32_000)) - u64::from(random(16_000));
            stage.world.send_rtp(hostile, &source_mid, None, number, random(u32::MAX), &payload);
        }
        stage.play(ms(20));
    }
    let got = &stage.world.received(stage.subscriber)[before..];
    let garbage = got.iter().filter(|p| p.payload.last() == Some(&0xee)).count();
    assert!(garbage > 1000, "it came through: {garbage}");
    let (layers, sound) = stage.came(before);
    assert_eq!(layers, [2], "nobody's picture is held back");
    assert!(sound >= 990, "{sound}");
    assert!(stage.starved().is_empty());
}

#[test]
fn who_speaks_is_told_and_how_good_a_path_is() {
    let mut stage = Stage::new();
    stage.play(Duration::from_secs(5));
    assert!(stage.world.saw(DOWN, |k| *k == EventKind::Quality(2)));
    assert!(stage.world.saw(SOUND, |k| matches!(k, EventKind::Level { level: 20, .. })));
    stage.world.run(Duration::from_secs(2));
    assert!(stage.world.saw(SOUND, |k| matches!(k, EventKind::Level { level: 127, .. })));
}
