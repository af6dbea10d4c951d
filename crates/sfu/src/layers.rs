//! The encodings of one published track (simulcast layers), and which of them a subscriber gets.
//!
//! Lives here: the list of living encodings, the choice, and how often a publisher is asked for a keyframe.
//! Not here: rewriting (`forward`), bandwidth estimation (none yet: a subscriber gets what it asked for).

use std::time::{Duration, Instant};

use str0m::media::Rid;
use str0m::rtp::Ssrc;

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
    asked: Option<Instant>,
    wanted: bool,
}

/// The encodings of one track.
#[derive(Debug, Default)]
pub(crate) struct Encodings(Vec<Encoding>);

/// The layer that LiveKit's restriction identifiers name: `q`, `h`, `f`; a track without simulcast has layer 0.
pub(crate) fn layer_of(rid: Option<Rid>) -> u8 {
    match rid.map(|r| r.as_bytes()[0]) {
        Some(b'h') => 1,
        Some(b'f') => 2,
        _ => 0,
    }
}

impl Encodings {
    /// Note a packet of `ssrc`; true if this encoding was not known.
    pub(crate) fn heard(&mut self, ssrc: Ssrc, layer: u8, keyframe: bool, now: Instant) -> bool {
        if let Some(e) = self.0.iter_mut().find(|e| e.ssrc == ssrc) {
            e.last = now;
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
        self.0.push(Encoding { ssrc, layer, last: now, asked: None, wanted: false });
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
            assert!(encodings.heard(ssrc.into(), layer as u8, true, now));
        }
        encodings
    }

    #[test]
    fn restriction_identifiers_name_layers() {
        assert_eq!(layer_of(None), 0);
        assert_eq!([b"q", b"h", b"f", b"x"].map(|r| layer_of(Some(Rid::from_array(pad(r))))), [0, 1, 2, 0]);
    }

    fn pad(r: &[u8; 1]) -> [u8; 8] {
        let mut out = [b' '; 8];
        out[0] = r[0];
        out
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
        encodings.heard(HIGH.into(), 2, false, later);
        assert_eq!(encodings.choose(0, later), Some(HIGH.into()));
        encodings.heard(LOW.into(), 0, false, later);
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
        encodings.heard(LOW.into(), 0, true, start + ms(150));
        assert!(encodings.due(start + ms(500)).is_empty());
    }

    #[test]
    fn the_list_of_encodings_is_bounded() {
        let start = Instant::now();
        let mut encodings = Encodings::default();
        for n in 0..100 {
            encodings.heard(n.into(), 0, false, start + ms(u64::from(n)));
        }
        assert_eq!(encodings.0.len(), MAX_ENCODINGS);
        assert!(encodings.0.iter().all(|e| *e.ssrc >= 100 - MAX_ENCODINGS as u32));
    }
}
