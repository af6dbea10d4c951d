//! One published track and its subscribers: whose packet goes to whom, under which number and time.
//!
//! Lives here: the table of a track's subscriptions, and the rewriting of sequence numbers, times and VP8 picture
//! numbers that hides padding and changes of layer from a subscriber.
//! Not here: the choice of the layer (`layers`), the sending (`session`).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt};
use str0m::rtp::Ssrc;

use crate::layers::Encodings;
use crate::loudness::Loudness;
use crate::redundancy::Arrivals;
use crate::vp8::{PictureCounters, PictureIds};
use crate::TransportId;

/// Changes of offset that are remembered for late packets. A burst of padding makes one; the resend cache of the
/// sender is over long before so many.
const MAX_RANGES: usize = 256;

/// How many packets of nothing go out, one each [`RETARGET_INTERVAL`]: five seconds of them, as livekit-server has it.
const WAKES: u8 = 25;

/// How unevenly packets are under way at most.
const CAPTURE_JITTER: Duration = Duration::from_millis(500);

/// Where a subscriber's numbering begins.
const FIRST_SEQUENCE: u64 = 1000;

/// A packet so far behind the newest is not sent on: a receiver's SRTP takes it for a replay and drops it unseen, and the
/// path would be blamed for that loss. A publisher who numbers its packets at random could else darken everybody's.
const TOO_LATE: u64 = 512;

/// A packet so far ahead of the newest begins the source anew (RFC 3550 A.1, MAX_DROPOUT) and goes out as the next one: a
/// receiver's SRTP guesses from the number how often it has wrapped, guesses wrong after leaps, and drops what follows.
const TOO_FAR: u64 = 3000;

/// From a source's sequence numbers to a subscriber's, with the padding taken out.
///
/// An SDK that publishes without a retransmission stream pads on the media's own: bursts of a hundred packets without
/// payload. They are not forwarded, and a subscriber must not take their numbers for losses. Closing the gap "if
/// packets come in order" breaks after the first loss, so the map remembers from which number on which offset holds:
/// a late or resent packet still gets the number it would have had.
///
/// A padding packet that comes late itself, after its successors were sent, leaves a gap that the subscriber asks for
/// in vain; nothing can close it then.
#[derive(Debug, Default)]
struct SequenceMap {
    /// (first number in, offset to the number out), ascending; an entry holds up to the next.
    ranges: VecDeque<(u64, i64)>,
    highest: u64,
}

impl SequenceMap {
    /// Begin a source at `first`, which goes out as `next`.
    fn start(&mut self, first: u64, next: u64) {
        self.ranges.clear();
        self.ranges.push_back((first, next as i64 - first as i64));
        self.highest = first.saturating_sub(1);
    }

    /// The number that goes out for `sequence`; `None` if it lies before the source's beginning.
    fn map(&mut self, sequence: u64) -> Option<u64> {
        let (_, offset) = self.ranges.iter().rev().find(|(first, _)| *first <= sequence)?;
        self.highest = self.highest.max(sequence);
        u64::try_from(sequence as i64 + offset).ok()
    }

    /// Take `sequence` out of the numbering.
    fn skip(&mut self, sequence: u64) {
        if sequence <= self.highest {
            return;
        }
        let Some(&(first, offset)) = self.ranges.back() else { return };
        if first == sequence {
            self.ranges.pop_back();
        }
        self.ranges.push_back((sequence + 1, offset - 1));
        if self.ranges.len() > MAX_RANGES {
            self.ranges.pop_front();
        }
        self.highest = sequence;
    }
}

/// What the rewriting needs to know of a packet that arrives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) ssrc: Ssrc,
    /// Extended: it does not wrap.
    pub(crate) sequence: u64,
    /// In units of the codec's clock.
    pub(crate) timestamp: u32,
    pub(crate) clock_hz: u32,
    /// Padding alone.
    pub(crate) empty: bool,
    /// A subscriber can start here: any packet of sound, the first of a keyframe.
    pub(crate) entry: bool,
    pub(crate) vp8: Option<PictureIds>,
    pub(crate) now: Instant,
    /// When it was captured, as far as that is known; else `now`.
    pub(crate) captured: Instant,
}

/// As what a packet goes to one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) payload_type: Pt,
    /// Of redundant sound its own block alone.
    pub(crate) alone: bool,
}

/// What changes about a packet on its way to one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Departure {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// New picture numbers, if they change.
    pub(crate) vp8: Option<PictureIds>,
    /// Of another encoding than what was sent before.
    pub(crate) first: bool,
}

/// One subscriber of a track.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) transport: TransportId,
    pub(crate) mid: Mid,
    /// The highest layer that the subscriber wants, and whether it wants nothing now.
    pub(crate) max_layer: u8,
    pub(crate) paused: bool,
    /// 0 is served first where the network does not bear all.
    pub(crate) rank: u8,
    /// The highest layer that its path bears; `None`: not even the lowest.
    pub(crate) allowed: Option<u8>,
    /// The payload type in, and the way out that was found for it last.
    pub(crate) way: Option<(Pt, Way)>,
    current: Option<Ssrc>,
    target: Option<Ssrc>,
    sequences: SequenceMap,
    timestamp_offset: u32,
    last_sequence: u64,
    last_timestamp: u32,
    /// When the last packet came, and when it was captured.
    last_at: Option<(Instant, Instant)>,
    pictures: PictureCounters,
    /// Packets of nothing that may still go out.
    wakes: u8,
}

impl Subscription {
    pub(crate) fn new(transport: TransportId, mid: Mid, max_layer: u8, rank: u8) -> Self {
        Subscription {
            transport,
            mid,
            max_layer,
            paused: false,
            rank,
            allowed: Some(u8::MAX),
            way: None,
            current: None,
            target: None,
            sequences: SequenceMap::default(),
            timestamp_offset: 0,
            last_sequence: FIRST_SEQUENCE - 1,
            last_timestamp: 0,
            last_at: None,
            pictures: PictureCounters::default(),
            wakes: 0,
        }
    }

    /// Go on where `before` stopped: the same section, fed by another track or by the same one again. Numbers that
    /// began anew would look like a replay to the subscriber's SRTP.
    pub(crate) fn after(mut self, before: Subscription) -> Self {
        self.last_sequence = before.last_sequence;
        self.last_timestamp = before.last_timestamp;
        self.last_at = before.last_at;
        self.pictures = before.pictures;
        self
    }

    /// From now on `wake` has something to say, until media comes.
    pub(crate) fn start_waking(&mut self) {
        self.wakes = WAKES;
    }

    /// A packet of nothing, in the numbering of what was and what will be; `None`: media came, or none did for long.
    pub(crate) fn wake(&mut self, clock_hz: u32, now: Instant) -> Option<Departure> {
        if self.current.is_some() {
            self.wakes = 0;
        }
        self.wakes = self.wakes.checked_sub(1)?;
        self.last_sequence += 1;
        if let Some((last, _)) = self.last_at {
            let passed = now.saturating_duration_since(last).as_secs_f64() * f64::from(clock_hz);
            self.last_timestamp = self.last_timestamp.wrapping_add((passed as u32).max(1));
        }
        self.last_at = Some((now, now));
        Some(Departure {
            sequence: self.last_sequence,
            timestamp: self.last_timestamp,
            vp8: None,
            first: false,
        })
    }

    /// How `packet` goes to this subscriber; `None` if it does not.
    ///
    /// The subscriber leaves its current encoding for the chosen one where the latter can be entered.
    pub(crate) fn rewrite(&mut self, packet: &Arrival) -> Option<Departure> {
        self.layer()?;
        let first = self.current != Some(packet.ssrc);
        if first {
            if self.target != Some(packet.ssrc) || !packet.entry {
                return None;
            }
            self.switch(packet);
        }
        if packet.empty {
            self.sequences.skip(packet.sequence);
            return None;
        }
        let mut sequence = self.sequences.map(packet.sequence)?;
        if sequence > self.last_sequence + TOO_FAR {
            sequence = self.last_sequence + 1;
            self.sequences.start(packet.sequence, sequence);
        }
        if sequence + TOO_LATE < self.last_sequence {
            return None;
        }
        let timestamp = packet.timestamp.wrapping_add(self.timestamp_offset);
        let newest = sequence > self.last_sequence;
        let vp8 = packet.vp8.and_then(|ids| self.pictures.map(ids, newest));
        if newest {
            self.last_sequence = sequence;
            self.last_timestamp = timestamp;
            self.last_at = Some((packet.now, packet.captured));
        }
        Some(Departure { sequence, timestamp, vp8, first })
    }

    fn switch(&mut self, packet: &Arrival) {
        self.current = Some(packet.ssrc);
        self.sequences.start(packet.sequence, self.last_sequence + 1);
        if let Some(last) = self.last_at {
            // Encodings have clocks of their own; the time that passed since the last packet joins them.
            let passed = passed(last, packet).as_secs_f64() * f64::from(packet.clock_hz);
            self.timestamp_offset =
                self.last_timestamp.wrapping_add((passed as u32).max(1)).wrapping_sub(packet.timestamp);
        }
        if let Some(ids) = packet.vp8 {
            self.pictures.switch(ids);
        }
    }

    /// The highest layer to send now; `None`: nothing.
    fn layer(&self) -> Option<u8> {
        if self.paused {
            return None;
        }
        Some(self.max_layer.min(self.allowed?))
    }

    /// The encoding this subscriber receives, or waits for.
    fn source(&self) -> Option<Ssrc> {
        self.current.or(self.target)
    }
}

/// The time between the last packet and this one: between their captures, unless these are far from how they came, as
/// when the publisher has told its clock of one of the two alone.
fn passed((came, captured): (Instant, Instant), packet: &Arrival) -> Duration {
    let coming = packet.now.saturating_duration_since(came);
    let capturing = packet.captured.saturating_duration_since(captured);
    if capturing.abs_diff(coming) < CAPTURE_JITTER {
        capturing
    } else {
        coming
    }
}

/// Bytes of sound that a publisher may send at once, and a second: three times what Opus takes at most (510 kbit/s, RFC
/// 6716 §2.1.1), so that redundancy passes. Sound goes before every picture, so whatever calls itself that has a bound.
const SOUND: (f64, f64) = (100_000.0, 192_000.0);

/// One published track.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    pub(crate) video: bool,
    pub(crate) encodings: Encodings,
    pub(crate) loudness: Loudness,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Of a sound: what has come of it.
    pub(crate) arrivals: Arrivals,
    /// What may still come of a sound, and when that was so.
    sound: Option<(f64, Instant)>,
}

impl Publication {
    /// Whether a sound may bring so many bytes now.
    pub(crate) fn admits_sound(&mut self, bytes: usize, now: Instant) -> bool {
        let (left, at) = self.sound.unwrap_or((SOUND.0, now));
        let left = (left + now.saturating_duration_since(at).as_secs_f64() * SOUND.1).min(SOUND.0);
        let after = left - bytes as f64;
        self.sound = Some((if after < 0.0 { left } else { after }, now));
        after >= 0.0
    }

    /// The subscription that goes out on `mid` of `transport`.
    pub(crate) fn subscription(&mut self, transport: TransportId, mid: Mid) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|s| s.transport == transport && s.mid == mid)
    }

    /// Take out the subscription that goes out on `mid` of `transport`.
    pub(crate) fn remove(&mut self, transport: TransportId, mid: Mid) -> Option<Subscription> {
        let at = self.subscriptions.iter().position(|s| s.transport == transport && s.mid == mid)?;
        Some(self.subscriptions.swap_remove(at))
    }

    /// Choose every subscriber's encoding again; returns the encodings to ask for a keyframe now.
    pub(crate) fn retarget(&mut self, now: Instant) -> Vec<Ssrc> {
        let mut ask = Vec::new();
        for s in &mut self.subscriptions {
            let Some(layer) = s.layer() else {
                (s.current, s.target) = (None, None);
                continue;
            };
            if let Some(best) = self.encodings.choose(layer, now) {
                s.target = Some(best);
                if self.video && s.current != s.target && self.encodings.want_keyframe(best, now) {
                    ask.push(best);
                }
            }
        }
        ask.extend(self.encodings.due(now));
        ask
    }

    /// A subscriber asks for a keyframe; returns the encoding to pass it to, unless it was asked just now.
    pub(crate) fn keyframe_wanted(&mut self, transport: TransportId, mid: Mid, now: Instant) -> Option<Ssrc> {
        let source = self.subscription(transport, mid)?.source()?;
        self.encodings.want_keyframe(source, now).then_some(source)
    }
}

/// How often `Publication::retarget` runs without an occasion: it notices layers that fell silent.
pub(crate) const RETARGET_INTERVAL: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    fn map_from(first: u64, next: u64) -> SequenceMap {
        let mut map = SequenceMap::default();
        map.start(first, next);
        map
    }

    #[test]
    fn numbers_shift_and_keep_their_gaps() {
        let mut map = map_from(70_000, 1000);
        assert_eq!([70_000, 70_001, 70_004].map(|n| map.map(n)), [Some(1000), Some(1001), Some(1004)]);
        assert_eq!(map.map(69_999), None);
    }

    #[test]
    fn padding_leaves_no_gap() {
        let mut map = map_from(10, 100);
        assert_eq!(map.map(10), Some(100));
        for n in 11..=110 {
            map.skip(n);
        }
        assert_eq!(map.map(111), Some(101));
        assert_eq!(map.ranges.len(), 2, "one burst is one range");
    }

    #[test]
    fn a_late_packet_keeps_the_number_from_before_the_padding() {
        let mut map = map_from(10, 100);
        assert_eq!(map.map(10), Some(100));
        // 11 and 12 are lost at first, 13 is padding.
        map.skip(13);
        assert_eq!(map.map(14), Some(103));
        assert_eq!(map.map(12), Some(102));
        assert_eq!(map.map(11), Some(101));
    }

    #[test]
    fn padding_that_comes_late_changes_nothing_that_was_sent() {
        let mut map = map_from(10, 100);
        assert_eq!(map.map(12), Some(102));
        map.skip(11);
        assert_eq!(map.map(12), Some(102));
        assert_eq!(map.map(13), Some(103));
    }

    #[test]
    fn padding_at_the_very_start_is_taken_out_too() {
        let mut map = map_from(10, 100);
        map.skip(10);
        assert_eq!(map.map(11), Some(100));
    }

    #[test]
    fn any_order_of_media_and_padding_gives_each_media_packet_one_number() {
        // A small generator in place of a library: every schedule is a permutation within a window of four.
        let mut seed = 0x9e37_79b9_u32;
        let mut random = move |n: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed % n
        };
        for _ in 0..200 {
            let padding: Vec<bool> = (0..200).map(|_| random(3) == 0).collect();
            let mut order: Vec<u64> = (0..200).collect();
            for i in 0..196 {
                order.swap(i, i + random(4) as usize);
            }
            let mut map = map_from(0, 5000);
            let mut sent = std::collections::HashMap::new();
            for &n in &order {
                if padding[n as usize] {
                    map.skip(n);
                } else if let Some(out) = map.map(n) {
                    assert_eq!(sent.insert(out, n), None, "{out} was used twice");
                }
            }
            let mut by_number: Vec<_> = sent.into_iter().collect();
            by_number.sort();
            assert!(by_number.windows(2).all(|w| w[0].1 < w[1].1), "the order is kept");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut map = map_from(0, 0);
        for n in (0..10_000).step_by(2) {
            map.map(n);
            map.skip(n + 1);
        }
        assert!(map.ranges.len() <= MAX_RANGES);
        assert_eq!(map.map(10_000), Some(5000));
        assert_eq!(map.map(3), None, "too late to know");
    }

    fn mid() -> Mid {
        "0".into()
    }

    fn packet(ssrc: u32, sequence: u64, timestamp: u32, entry: bool, now: Instant) -> Arrival {
        Arrival {
            ssrc: ssrc.into(),
            sequence,
            timestamp,
            clock_hz: 90_000,
            empty: false,
            entry,
            vp8: None,
            now,
            captured: now,
        }
    }

    fn publication(now: Instant) -> Publication {
        let mut p = Publication { video: true, ..Publication::default() };
        p.encodings.heard(1.into(), 0, 100, false, now);
        p.encodings.heard(2.into(), 2, 100, false, now);
        p.subscriptions.push(Subscription::new(TransportId(7), mid(), 2, 1));
        p
    }

    #[test]
    fn a_subscriber_starts_at_a_keyframe_of_the_chosen_encoding() {
        let now = Instant::now();
        let mut p = publication(now);
        assert_eq!(p.retarget(now), vec![2.into()]);
        let s = &mut p.subscriptions[0];
        assert_eq!(s.rewrite(&packet(1, 5, 0, true, now)), None, "not the chosen one");
        assert_eq!(s.rewrite(&packet(2, 50, 900, false, now)), None, "no keyframe");
        let out = s.rewrite(&packet(2, 51, 900, true, now)).unwrap();
        assert_eq!(out, Departure { sequence: FIRST_SEQUENCE, timestamp: 900, vp8: None, first: true });
        assert_eq!(s.rewrite(&packet(2, 50, 900, false, now)), None, "from before the start");
    }

    #[test]
    fn a_sound_brings_no_more_than_a_sound_can() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut loudest = Publication::default();
        assert!((0..50 * 60).all(|n| loudest.admits_sound(1275, start + ms(20 * n))), "Opus at its most");
        let mut flood = Publication::default();
        let passed = (0..10_000).filter(|n| flood.admits_sound(1000, start + ms(*n))).count() as f64;
        assert!((passed * 1000.0 - SOUND.0 - 10.0 * SOUND.1).abs() < 2000.0);
    }

    #[test]
    fn what_comes_too_late_for_a_receiver_is_not_sent() {
        let now = Instant::now();
        let mut p = publication(now);
        p.retarget(now);
        let s = &mut p.subscriptions[0];
        s.rewrite(&packet(2, 50, 0, true, now)).unwrap();
        let newest = s.rewrite(&packet(2, 2050, 0, false, now)).unwrap().sequence;
        let at_last = s.rewrite(&packet(2, 2050 - TOO_LATE, 0, false, now)).unwrap().sequence;
        assert_eq!(at_last, newest - TOO_LATE);
        assert_eq!(s.rewrite(&packet(2, 2049 - TOO_LATE, 0, false, now)), None);
        assert_eq!(s.rewrite(&packet(2, 2051, 0, false, now)).unwrap().sequence, newest + 1);
    }

    #[test]
    fn a_leap_ahead_goes_out_as_the_next_packet_and_what_came_before_it_is_past() {
        let now = Instant::now();
        let mut p = publication(now);
        p.retarget(now);
        let s = &mut p.subscriptions[0];
        let mut goes =
            |sequence| s.rewrite(&packet(2, sequence, 0, true, now)).map(|d| d.sequence - FIRST_SEQUENCE);
        assert_eq!(goes(50), Some(0));
        assert_eq!(goes(50 + TOO_FAR), Some(TOO_FAR), "a gap");
        assert_eq!(goes(51 + 2 * TOO_FAR), Some(TOO_FAR + 1), "a leap");
        assert_eq!(goes(52 + 2 * TOO_FAR), Some(TOO_FAR + 2));
        assert_eq!(goes(51 + TOO_FAR), None);
    }

    #[test]
    fn a_change_of_layer_is_seamless_in_number_and_time() {
        let now = Instant::now();
        let mut p = publication(now);
        p.retarget(now);
        p.subscriptions[0].rewrite(&packet(2, 50, 1_000_000, true, now)).unwrap();
        p.subscriptions[0].max_layer = 0;
        let later = now + Duration::from_millis(500);
        p.encodings.heard(1.into(), 0, 100, false, later);
        assert_eq!(p.retarget(later), vec![1.into()]);
        let s = &mut p.subscriptions[0];
        let old = s.rewrite(&packet(2, 51, 1_003_000, false, later)).unwrap();
        assert_eq!(old.sequence, FIRST_SEQUENCE + 1, "the old layer goes on until the keyframe");
        let at = later + Duration::from_millis(100);
        let new = s.rewrite(&packet(1, 9, 77, true, at)).unwrap();
        assert_eq!(new.sequence, FIRST_SEQUENCE + 2);
        assert_eq!(new.timestamp, 1_003_000 + 9_000);
        assert_eq!(s.rewrite(&packet(2, 52, 1_006_000, false, at)), None, "the old layer is over");
    }

    #[test]
    fn a_change_of_layer_takes_the_time_of_capture_not_of_coming() {
        let now = Instant::now();
        let mut p = publication(now);
        p.retarget(now);
        p.subscriptions[0].rewrite(&packet(2, 50, 1_000_000, true, now)).unwrap();
        p.subscriptions[0].max_layer = 0;
        let later = now + Duration::from_millis(500);
        p.encodings.heard(1.into(), 0, 100, false, later);
        p.retarget(later);
        let late = Arrival { captured: now + Duration::from_millis(100), ..packet(1, 9, 77, true, later) };
        let new = p.subscriptions[0].rewrite(&late).unwrap();
        assert_eq!(new.timestamp, 1_000_000 + 9_000);
    }

    #[test]
    fn packets_of_nothing_go_before_media_in_one_numbering_and_end_with_it() {
        let now = Instant::now();
        let mut p = publication(now);
        let s = &mut p.subscriptions[0];
        assert_eq!(s.wake(90_000, now), None, "not asked for");
        s.start_waking();
        let at = |n: u64| now + Duration::from_millis(200 * n);
        let sent: Vec<_> = (0..3).map(|n| s.wake(90_000, at(n)).unwrap()).collect();
        assert_eq!(sent.iter().map(|d| d.sequence - FIRST_SEQUENCE).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(sent.iter().map(|d| d.timestamp).collect::<Vec<_>>(), [0, 18_000, 36_000]);
        p.retarget(at(3));
        let s = &mut p.subscriptions[0];
        let media = s.rewrite(&packet(2, 50, 1_000_000, true, at(3))).unwrap();
        assert_eq!((media.sequence, media.timestamp), (FIRST_SEQUENCE + 3, 54_000));
        assert_eq!(s.wake(90_000, at(4)), None, "media came");
    }

    #[test]
    fn packets_of_nothing_end() {
        let now = Instant::now();
        let mut p = publication(now);
        let s = &mut p.subscriptions[0];
        s.start_waking();
        assert_eq!((0..200).filter(|_| s.wake(48_000, now).is_some()).count(), usize::from(WAKES));
    }

    #[test]
    fn a_paused_subscriber_gets_nothing_and_resumes_at_a_keyframe() {
        let now = Instant::now();
        let mut p = publication(now);
        p.retarget(now);
        p.subscriptions[0].rewrite(&packet(2, 50, 0, true, now)).unwrap();
        p.subscriptions[0].paused = true;
        p.retarget(now);
        assert_eq!(p.subscriptions[0].rewrite(&packet(2, 51, 0, true, now)), None);
        p.subscriptions[0].paused = false;
        let later = now + Duration::from_millis(500);
        assert_eq!(p.retarget(later), vec![2.into()]);
        assert_eq!(p.subscriptions[0].rewrite(&packet(2, 80, 0, false, later)), None);
        let out = p.subscriptions[0].rewrite(&packet(2, 81, 0, true, later)).unwrap();
        assert_eq!(out.sequence, FIRST_SEQUENCE + 1);
    }

    #[test]
    fn a_section_fed_by_another_track_goes_on_in_number_and_time() {
        let now = Instant::now();
        let mut p = publication(now);
        p.retarget(now);
        p.subscriptions[0].rewrite(&packet(2, 50, 1_000_000, true, now)).unwrap();
        let before = p.remove(TransportId(7), mid()).unwrap();
        assert!(p.remove(TransportId(7), mid()).is_none());
        let mut other = publication(now);
        other.subscriptions = vec![Subscription::new(TransportId(7), mid(), 2, 1).after(before)];
        other.retarget(now);
        let later = now + Duration::from_millis(100);
        let out = other.subscriptions[0].rewrite(&packet(2, 3, 5, true, later)).unwrap();
        assert_eq!((out.sequence, out.timestamp), (FIRST_SEQUENCE + 1, 1_009_000));
    }

    #[test]
    fn a_subscribers_keyframe_request_goes_to_the_encoding_it_sees() {
        let now = Instant::now();
        let mut p = publication(now);
        assert_eq!(p.keyframe_wanted(TransportId(7), mid(), now), None, "nothing chosen yet");
        p.retarget(now);
        p.subscriptions[0].rewrite(&packet(2, 50, 0, true, now)).unwrap();
        let later = now + Duration::from_secs(1);
        assert_eq!(p.keyframe_wanted(TransportId(7), mid(), later), Some(2.into()));
        assert_eq!(p.keyframe_wanted(TransportId(7), mid(), later), None, "asked just now");
        assert_eq!(p.keyframe_wanted(TransportId(8), mid(), later), None, "not a subscriber");
    }
}
