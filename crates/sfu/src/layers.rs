//! The encodings of one published track (simulcast layers), and which of them a subscriber gets.
//!
//! Lives here: the list of living encodings and their rates, the choice, and how often a publisher is asked for a
//! keyframe. Not here: rewriting (`forward`), how a subscriber's bandwidth is dealt out (`allocate`).

use std::time::{Duration, Instant};

use str0m::media::Rid;
use str0m::rtp::Ssrc;

use crate::allocate::LAYERS;

/// An encoding that has been silent this long is not chosen: publishers stop layers they cannot afford.
const LIVENESS: Duration = Duration::from_millis(1500);

/// Shortest time between two keyframe requests for one encoding: a keyframe takes about a round trip and a frame.
const KEYFRAME_GAP: Duration = Duration::from_millis(400);

/// Most encodings of one track; WebRTC uses three. The longest silent gives way.
const MAX_ENCODINGS: usize = 8;

/// One encoding of a track, as it arrives.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) ssrc: Ssrc,
    /// 0 low, 1 middle, 2 high.
    pub(crate) layer: u8,
    last: Instant,
    rate: Rate,
    asked: Option<Instant>,
    wanted: bool,
}

/// The encodings of one track.
#[derive(Debug, Default)]
pub(crate) struct Encodings(Vec<Encoding>);

/// The layer that LiveKit's restriction identifiers name: `q`, `h`, `f`; a track without simulcast has layer 0.
///
/// They are compared whole: str0m's reading of an identifier as text panics where it is not one.
pub(crate) fn layer_of(rid: Option<Rid>) -> u8 {
    match rid {
        Some(r) if r == Rid::from_array(*b"h       ") => 1,
        Some(r) if r == Rid::from_array(*b"f       ") => 2,
        _ => 0,
    }
}

impl Encodings {
    /// Note a packet of `ssrc`, of so many bytes; true if this encoding was not known.
    pub(crate) fn heard(
        &mut self,
        ssrc: Ssrc,
        layer: u8,
        bytes: usize,
        keyframe: bool,
        now: Instant,
    ) -> bool {
        if let Some(e) = self.0.iter_mut().find(|e| e.ssrc == ssrc) {
            e.last = now;
            e.rate.count(bytes, now);
            if keyframe {
                e.wanted = false;
            }
            return false;
        }
        if self.0.len() >= MAX_ENCODINGS {
            if let Some(oldest) = (0..self.0.len()).min_by_key(|i| self.0[*i].last) {
                self.0.swap_remove(oldest);
            }
        }
        self.0.push(Encoding { ssrc, layer, last: now, rate: Rate::new(now), asked: None, wanted: false });
        true
    }

    /// The living encoding nearest to what a subscriber asked for: the highest up to `max_layer`, else the lowest.
    pub(crate) fn choose(&self, max_layer: u8, now: Instant) -> Option<Ssrc> {
        let living = || self.0.iter().filter(|e| now.saturating_duration_since(e.last) < LIVENESS);
        living()
            .filter(|e| e.layer <= max_layer)
            .max_by_key(|e| (e.layer, e.last))
            .or_else(|| living().min_by_key(|e| e.layer))
            .map(|e| e.ssrc)
    }

    /// Bits a second of each living layer.
    pub(crate) fn rates(&self, now: Instant) -> [Option<u64>; LAYERS] {
        let mut rates = [None; LAYERS];
        for e in self.0.iter().filter(|e| now.saturating_duration_since(e.last) < LIVENESS) {
            if let Some(rate) = rates.get_mut(usize::from(e.layer)) {
                *rate = Some(e.rate.bits_per_second(e.layer));
            }
        }
        rates
    }

    /// Bits a second of all that lives.
    pub(crate) fn rate(&self, now: Instant) -> u64 {
        self.rates(now).into_iter().flatten().sum()
    }

    /// Somebody needs a keyframe of `ssrc`. True if the publisher is to be asked at once; within the gap after the
    /// last request it is remembered for `due`, unless a keyframe comes first.
    pub(crate) fn want_keyframe(&mut self, ssrc: Ssrc, now: Instant) -> bool {
        let Some(e) = self.0.iter_mut().find(|e| e.ssrc == ssrc) else { return false };
        e.wanted = true;
        e.ask(now)
    }

    /// The encodings whose remembered keyframe request is due.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Ssrc> {
        self.0.iter_mut().filter_map(|e| (e.wanted && e.ask(now)).then_some(e.ssrc)).collect()
    }
}

/// How much of an encoding comes, over windows of half a second.
#[derive(Debug)]
struct Rate {
    since: Instant,
    bytes: usize,
    known: Option<u64>,
}

/// Length of a window.
const WINDOW: Duration = Duration::from_millis(500);

/// What a layer is taken for until it was measured, in bits a second: LiveKit's own presets for 720p.
const PRESUMED: [u64; LAYERS] = [150_000, 450_000, 1_700_000];

impl Rate {
    fn new(now: Instant) -> Rate {
        Rate { since: now, bytes: 0, known: None }
    }

    fn count(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes;
        let passed = now.saturating_duration_since(self.since);
        if passed < WINDOW {
            return;
        }
        let measured = (self.bytes as f64 * 8.0 / passed.as_secs_f64()) as u64;
        // Up at once, down slowly: keyframes come seldom, and what they need must be there when they do.
        self.known = Some(self.known.map_or(measured, |known| measured.max((3 * known + measured) / 4)));
        (self.since, self.bytes) = (now, 0);
    }

    fn bits_per_second(&self, layer: u8) -> u64 {
        self.known.unwrap_or(PRESUMED[usize::from(layer).min(LAYERS - 1)])
    }
}

impl Encoding {
    fn ask(&mut self, now: Instant) -> bool {
        if self.asked.is_some_and(|t| now.saturating_duration_since(t) < KEYFRAME_GAP) {
            return false;
        }
        self.asked = Some(now);
        self.wanted = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: u32 = 10;
    const MIDDLE: u32 = 11;
    const HIGH: u32 = 12;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn three(now: Instant) -> Encodings {
        let mut encodings = Encodings::default();
        for (layer, ssrc) in [LOW, MIDDLE, HIGH].into_iter().enumerate() {
            assert!(encodings.heard(ssrc.into(), layer as u8, 100, true, now));
        }
        encodings
    }

    #[test]
    fn restriction_identifiers_name_layers() {
        assert_eq!(layer_of(None), 0);
        assert_eq!(["q", "h", "f", "x", " ", ""].map(|r| layer_of(Some(r.into()))), [0, 1, 2, 0, 0, 0]);
        assert_eq!(layer_of(Some(Rid::from_array([0xff; 8]))), 0, "what is no text is no layer");
    }

    #[test]
    fn a_subscriber_gets_the_highest_layer_it_asked_for() {
        let now = Instant::now();
        let encodings = three(now);
        assert_eq!(encodings.choose(0, now), Some(LOW.into()));
        assert_eq!(encodings.choose(1, now), Some(MIDDLE.into()));
        assert_eq!(encodings.choose(2, now), Some(HIGH.into()));
        assert_eq!(encodings.choose(9, now), Some(HIGH.into()));
    }

    #[test]
    fn a_silent_layer_is_passed_over_and_a_lone_high_one_is_better_than_none() {
        let start = Instant::now();
        let mut encodings = three(start);
        let later = start + ms(2000);
        assert_eq!(encodings.choose(2, later), None);
        encodings.heard(HIGH.into(), 2, 100, false, later);
        assert_eq!(encodings.choose(0, later), Some(HIGH.into()));
        encodings.heard(LOW.into(), 0, 100, false, later);
        assert_eq!(encodings.choose(0, later), Some(LOW.into()));
    }

    #[test]
    fn keyframe_requests_are_coalesced_and_none_is_lost() {
        let start = Instant::now();
        let mut encodings = three(start);
        assert!(encodings.want_keyframe(LOW.into(), start));
        assert!(!encodings.want_keyframe(LOW.into(), start + ms(100)));
        assert!(encodings.want_keyframe(HIGH.into(), start + ms(100)));
        assert!(encodings.due(start + ms(300)).is_empty());
        assert_eq!(encodings.due(start + ms(400)), vec![LOW.into()]);
        assert!(encodings.due(start + ms(900)).is_empty());
    }

    #[test]
    fn a_keyframe_settles_the_requests_before_it() {
        let start = Instant::now();
        let mut encodings = three(start);
        encodings.want_keyframe(LOW.into(), start);
        encodings.want_keyframe(LOW.into(), start + ms(100));
        encodings.heard(LOW.into(), 0, 100, true, start + ms(150));
        assert!(encodings.due(start + ms(500)).is_empty());
    }

    #[test]
    fn a_layer_is_presumed_until_it_is_measured_and_a_silent_one_has_no_rate() {
        let start = Instant::now();
        let mut encodings = Encodings::default();
        encodings.heard(LOW.into(), 0, 1000, true, start);
        assert_eq!(encodings.rates(start), [Some(PRESUMED[0]), None, None]);
        for n in 1..=100 {
            encodings.heard(LOW.into(), 0, 1000, false, start + ms(10 * n));
        }
        let now = start + ms(1000);
        let rate = encodings.rates(now)[0].unwrap();
        assert!((780_000..=820_000).contains(&rate), "{rate}");
        assert_eq!(encodings.rate(now), rate);
        assert_eq!(encodings.rates(now + ms(2000)), [None; LAYERS]);
    }

    #[test]
    fn the_list_of_encodings_is_bounded() {
        let start = Instant::now();
        let mut encodings = Encodings::default();
        for n in 0..100 {
            encodings.heard(n.into(), 0, 100, false, start + ms(u64::from(n)));
        }
        assert_eq!(encodings.0.len(), MAX_ENCODINGS);
        assert!(encodings.0.iter().all(|e| *e.ssrc >= 100 - MAX_ENCODINGS as u32));
    }
}
