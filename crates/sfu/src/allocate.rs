//! How a subscriber's share of the network is dealt out among the videos it watches.
//!
//! Lives here: the deal (pure: a budget and claims in, a layer or nothing for each claim out), and `Allocator`, which
//! learns from what one subscriber's path loses, and steps up late and down at once, so that nothing swings.
//! Not here: the feedback itself (str0m), the switch at a keyframe (`forward`). Why no estimator: ADR 12.
//!
//! Sound is never held back: it is taken from the budget first. Then every video in its rank gets its lowest layer, so
//! that nobody is dark while another is sharp; then the layers above, rank by rank. What does not fit waits. Before a
//! lowest layer is taken away, sound gives up its redundancy: against a queue of our own making that is no help.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// Simulcast layers of a track.
pub(crate) const LAYERS: usize = 3;

/// A path strains if it loses this share of what is sent, or takes this much longer than it used to. Radio loses less
/// than that by itself, and repair bears it (libwebrtc, too, takes less than a tenth for no congestion).
const LOSS: f32 = 0.12;
const LATENESS: Duration = Duration::from_millis(200);

/// Nothing more is tried on a path that loses this much.
const UNCLEAR: f32 = 0.04;

/// A lowest layer is of no use where this much is lost.
const HOPELESS: f32 = 0.25;

/// What a path that is late counts as losing, if it loses less: its queue grows by what it does not carry.
const LATE_LOSS: f32 = 0.15;

/// Of what a straining path carried, the share that is planned with; the rest empties its queue.
const CARRIED: f32 = 0.9;

/// A lowest layer is taken away only from a path that has strained for so long, and for so long after it was last given
/// less: darkness is worse than a stumble.
const PERSISTENT: Duration = Duration::from_secs(2);

/// A queue fills or empties if a round trip takes so much more or less than the one before it. While it empties, the path
/// bears what it is given.
const TREND: Duration = Duration::from_millis(30);

/// A path that takes longer than it used to is so by itself, if it takes equally long all this time though everything was
/// taken away but the lowest layers and plain sound, and loses nothing.
const SETTLES: Duration = Duration::from_secs(3);

/// Of a path that takes longer than this so few packets are seen that it may lose some and look whole: it is taken for
/// long by itself only while no picture goes out.
const SEEN: Duration = Duration::from_millis(600);

/// So long a queue may stand before a lowest layer is taken away for it.
const STANDING: Duration = Duration::from_secs(4);

/// What a path carried before it became longer by itself is given back with this much more room: rates vary.
const ROOM: f32 = 1.25;

/// How long a path is calm before a layer is tried that it may not bear.
const CALM: Duration = Duration::from_secs(3);

/// Shortest time between two changes of which the second is a step up.
const STEP_UP: Duration = Duration::from_secs(4);

/// A step up that had to be taken back so soon was a mistake: the next one waits twice as long. What exceeds a path by
/// little takes a while to fill its queue.
const TOO_SOON: Duration = Duration::from_secs(16);

/// A look tells of the packets that were sent in the last second and before the last round trip. Where that is long they
/// are few, and several looks count: each by this much at least.
const WEIGHT: f32 = 0.2;

/// The longest that a step up waits after mistakes.
const PATIENCE: Duration = Duration::from_secs(64);

/// One video that a subscriber watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    /// 0 is dealt first.
    pub(crate) rank: u8,
    /// The highest layer that the subscriber wants.
    pub(crate) max_layer: u8,
    /// Bits a second of each layer that is alive.
    pub(crate) rates: [Option<u64>; LAYERS],
}

impl Claim {
    /// The layers that may be chosen, ascending: those alive up to the highest wanted, or else the lowest alive.
    fn layers(&self) -> impl DoubleEndedIterator<Item = (u8, u64)> + '_ {
        let alive = || self.rates.iter().enumerate().filter_map(|(l, r)| Some((l as u8, (*r)?)));
        let highest = alive().next().map_or(0, |(lowest, _)| lowest).max(self.max_layer);
        alive().filter(move |(layer, _)| *layer <= highest)
    }

    /// The layer that comes of being allowed so much.
    pub(crate) fn within(&self, allowed: Option<u8>) -> Option<u8> {
        let allowed = allowed?;
        let mut layers = self.layers().map(|(layer, _)| layer);
        let lowest = layers.next();
        Some(layers.rfind(|l| *l <= allowed).or(lowest).unwrap_or(self.max_layer))
    }

    fn rate(&self, layer: Option<u8>) -> u64 {
        layer.and_then(|l| *self.rates.get(usize::from(l))?).unwrap_or(0)
    }

    /// The next layer above `current` that may be chosen; above nothing, the lowest.
    fn above(&self, current: Option<u8>) -> Option<u8> {
        self.layers().map(|(layer, _)| layer).find(|l| rank_of(Some(*l)) > rank_of(current))
    }

    #[cfg(test)]
    /// What the subscriber would get if the network bore everything.
    fn wish(&self) -> u64 {
        self.layers().next_back().map_or(0, |(_, rate)| rate)
    }
}

/// Deal `budget` bits a second out among `claims`: the layer for each, or `None` where it waits.
///
/// A claim of which nothing is alive costs nothing and gets its highest layer, to begin with whatever comes first.
pub(crate) fn deal(budget: u64, claims: &[Claim]) -> Vec<Option<u8>> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    // Within a rank, who watches a thing large goes before who watches it small.
    order.sort_by_key(|i| (claims[*i].rank, Reverse(claims[*i].max_layer)));
    let mut dealt: Vec<Option<u8>> = vec![None; claims.len()];
    let mut spent = 0;
    for &i in &order {
        match claims[i].layers().next() {
            None => dealt[i] = Some(claims[i].max_layer),
            Some((layer, rate)) if spent + rate <= budget => {
                spent += rate;
                dealt[i] = Some(layer);
            }
            Some(_) => {}
        }
    }
    for equals in order.chunk_by(|a, b| claims[*a].rank == claims[*b].rank) {
        for step in 1..LAYERS as u8 {
            for &i in equals {
                let Some(now) = dealt[i] else { continue };
                let claim = &claims[i];
                let Some((layer, rate)) = claim.layers().find(|(l, _)| *l > now && *l <= step) else {
                    continue;
                };
                let more = rate.saturating_sub(claim.rate(Some(now)));
                if spent + more <= budget {
                    spent += more;
                    dealt[i] = Some(layer);
                }
            }
        }
    }
    dealt
}

/// What one subscriber's path showed of itself, and when what it carries was changed.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    strain: Option<Strain>,
    lost: f32,
    lean: bool,
    dark: bool,
    /// Since when all is taken away that can be and a round trip takes equally long, and how long.
    leaned: Option<(Instant, Duration)>,
    /// Bits a second that the path carried before anything was taken away.
    before: Option<u64>,
    /// It was in vain: so much may be given back at once.
    in_vain: Option<u64>,
    calm_since: Option<Instant>,
    usual_trip: Option<Duration>,
    last_trip: Option<Duration>,
    emptying: bool,
    changed: Option<Instant>,
    stepped_up: Option<Step>,
    wait: Duration,
}

/// More was tried: a layer, or the redundancy of sound.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: Instant,
    layer: bool,
}

/// More is sent than the path bears.
#[derive(Debug, Clone, Copy)]
struct Strain {
    since: Instant,
    lost: f32,
    late: bool,
    /// Nothing was done about it yet.
    fresh: bool,
}

impl Allocator {
    /// Note what feedback says of the path: the share that it lost of late, and how long a round trip takes.
    pub(crate) fn note(&mut self, lost: Option<f32>, trip: Option<Duration>, now: Instant) {
        let weight = (1.0 - trip.unwrap_or_default().as_secs_f32()).max(WEIGHT);
        // Where no packet was sent, or the feedback on none is there yet, nothing new is known.
        self.lost += lost.map_or(0.0, |lost| lost - self.lost) * weight;
        let late = trip.is_some_and(|trip| self.is_late(trip, now));
        // While its queue empties, nothing more is tried, and nothing more taken away.
        let lost = self.lost.max(match (late, self.emptying) {
            (true, false) => LATE_LOSS,
            (true, true) => UNCLEAR,
            (false, _) => 0.0,
        });
        if lost < LOSS {
            self.strain = self.strain.filter(|_| late).map(|before| Strain { fresh: false, ..before });
            self.calm_since = if lost < UNCLEAR { self.calm_since.or(Some(now)) } else { None };
            return;
        }
        let since = self.strain.map_or(now, |before| before.since);
        self.strain = Some(Strain { since, lost, late, fresh: true });
        self.calm_since = None;
    }

    /// Note a round trip; whether it takes longer than it would without a queue of our making.
    fn is_late(&mut self, trip: Duration, now: Instant) -> bool {
        let last = self.last_trip.replace(trip).unwrap_or(trip);
        if trip != last {
            // The same figure twice is no new one.
            self.emptying = trip + TREND < last;
        }
        let usual = self.usual_trip.map_or(trip, |usual| usual.min(trip));
        self.usual_trip = Some(usual);
        let mut late = trip - usual > LATENESS;
        if let Some((since, then)) = self.leaned {
            let judged = self.lost < UNCLEAR && (trip < SEEN || self.dark);
            if !judged || trip.abs_diff(then) > TREND {
                self.leaned = Some((now, trip));
            } else if now.saturating_duration_since(since) >= SETTLES {
                // Unless its queue has emptied meanwhile, which then was of our making.
                self.in_vain = self.before.take().filter(|_| late && trip < SEEN);
                (self.leaned, self.usual_trip, late) = (None, Some(trip), false);
            }
        }
        late
    }

    /// Whether sound goes without its redundancy.
    pub(crate) fn is_lean(&self) -> bool {
        self.lean
    }

    /// What each claim gets from now on. current: what it has. sound: bits a second that are no claim's.
    ///
    /// Down at once, to what the path carried; up one layer at a time, over a calm path, and ever later after mistakes.
    pub(crate) fn allot(
        &mut self,
        claims: &[Claim],
        current: &[Option<u8>],
        sound: u64,
        now: Instant,
    ) -> Vec<Option<u8>> {
        let dealt = self.deal_out(claims, current, sound, now);
        self.dark = dealt.iter().all(Option::is_none);
        dealt
    }

    fn deal_out(
        &mut self,
        claims: &[Claim],
        current: &[Option<u8>],
        sound: u64,
        now: Instant,
    ) -> Vec<Option<u8>> {
        let passed = |since: Instant, time| now.saturating_duration_since(since) >= time;
        match &mut self.strain {
            Some(strain) if strain.fresh => {
                strain.fresh = false;
                let since = self.changed.map_or(strain.since, |at| at.max(strain.since));
                let last = (strain.lost >= HOPELESS && passed(since, PERSISTENT))
                    || (strain.late && self.lean && passed(since, STANDING));
                let sent = claims.iter().zip(current).map(|(c, l)| c.rate(*l)).sum::<u64>() + sound;
                let carried = sent as f32 * (1.0 - strain.lost) * CARRIED;
                let borne = (carried as u64).saturating_sub(sound);
                let out: Vec<Option<u8>> = deal(borne, claims)
                    .into_iter()
                    .zip(claims)
                    .map(|(dealt, c)| if last { dealt } else { dealt.or(c.above(None)) })
                    .zip(current)
                    .map(|(dealt, now)| if rank_of(dealt) < rank_of(*now) { dealt } else { *now })
                    .collect();
                let leaner = out == current && strain.late && !self.lean;
                if leaner {
                    (self.lean, self.leaned) = (true, self.last_trip.map(|trip| (now, trip)));
                }
                if leaner || out != current {
                    self.before.get_or_insert(sent);
                    if self.stepped_up.take().is_some_and(|step| !passed(step.at, TOO_SOON)) {
                        self.wait = (self.wait.max(STEP_UP) * 2).min(PATIENCE);
                    }
                    self.changed = Some(now);
                }
                return out;
            }
            Some(_) => return current.to_vec(),
            None => {}
        }
        let mut out = current.to_vec();
        if let Some(before) = self.in_vain.take() {
            let room = (before as f32 * ROOM) as u64;
            let dealt = deal(room.saturating_sub(sound), claims);
            out = dealt
                .into_iter()
                .zip(out)
                .map(|(d, now)| if rank_of(d) > rank_of(now) { d } else { now })
                .collect();
            self.lean = false;
            (self.stepped_up, self.changed) = (Some(Step { at: now, layer: true }), Some(now));
            return out;
        }
        if self.stepped_up.is_some_and(|step| step.layer && passed(step.at, TOO_SOON)) {
            (self.stepped_up, self.wait) = (None, STEP_UP);
        }
        let waited = self.changed.is_none_or(|at| passed(at, self.wait.max(STEP_UP)));
        if !waited || !self.calm_since.is_some_and(|at| passed(at, CALM)) {
            return out;
        }
        let next = (0..claims.len())
            .filter_map(|i| Some((rank_of(current[i]), claims[i].rank, i, claims[i].above(current[i])?)));
        let next = next.min();
        let layer = !self.lean || next.is_some_and(|(rank, ..)| rank == rank_of(None));
        match next {
            _ if !layer => self.lean = false,
            Some((_, _, i, layer)) => out[i] = Some(layer),
            None => return out,
        }
        (self.stepped_up, self.changed, self.before) = (Some(Step { at: now, layer }), Some(now), None);
        out
    }
}

/// Nothing is below every layer.
fn rank_of(layer: Option<u8>) -> u8 {
    layer.map_or(0, |l| l + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KBPS: u64 = 1000;
    const RATES: [Option<u64>; LAYERS] = [Some(150 * KBPS), Some(500 * KBPS), Some(1700 * KBPS)];

    fn claim(rank: u8, max_layer: u8) -> Claim {
        Claim { rank, max_layer, rates: RATES }
    }

    #[test]
    fn everybody_is_seen_before_anybody_is_sharp() {
        let claims = [claim(1, 2), claim(1, 2), claim(1, 2)];
        assert_eq!(deal(5100 * KBPS, &claims), [Some(2), Some(2), Some(2)]);
        assert_eq!(deal(1500 * KBPS, &claims), [Some(1), Some(1), Some(1)]);
        assert_eq!(deal(800 * KBPS, &claims), [Some(1), Some(0), Some(0)]);
        assert_eq!(deal(450 * KBPS, &claims), [Some(0), Some(0), Some(0)]);
        assert_eq!(deal(300 * KBPS, &claims), [Some(0), Some(0), None]);
        assert_eq!(deal(100 * KBPS, &claims), [None, None, None]);
    }

    #[test]
    fn a_screen_is_sharp_before_a_gallery_is() {
        let claims = [claim(1, 2), claim(0, 2)];
        assert_eq!(deal(2000 * KBPS, &claims), [Some(0), Some(2)]);
        assert_eq!(deal(160 * KBPS, &claims), [None, Some(0)]);
    }

    #[test]
    fn who_watches_it_large_goes_before_who_watches_it_small() {
        assert_eq!(deal(2000 * KBPS, &[claim(1, 0), claim(1, 2)]), [Some(0), Some(2)]);
        assert_eq!(deal(150 * KBPS, &[claim(1, 0), claim(1, 2)]), [None, Some(0)]);
    }

    #[test]
    fn a_layer_that_is_not_sent_is_not_dealt_and_a_lone_high_one_is() {
        let lone = Claim { rank: 1, max_layer: 0, rates: [None, None, RATES[2]] };
        assert_eq!(deal(2000 * KBPS, &[lone]), [Some(2)]);
        assert_eq!(deal(1000 * KBPS, &[lone]), [None]);
        let silent = Claim { rank: 1, max_layer: 2, rates: [None; LAYERS] };
        assert_eq!(deal(0, &[silent]), [Some(2)]);
    }

    #[test]
    fn no_deal_exceeds_its_budget_and_more_budget_never_gives_a_claim_of_the_first_rank_less() {
        let mut seed = 0x2545_f491_u32;
        let mut random = move |n: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            u64::from(seed) % n
        };
        for _ in 0..3000 {
            let claims: Vec<Claim> = (0..random(8))
                .map(|_| {
                    let mut rates = [None; LAYERS];
                    let mut rate = 0;
                    for r in &mut rates {
                        rate += 1 + random(900) * KBPS;
                        *r = (random(4) > 0).then_some(rate);
                    }
                    Claim { rank: random(3) as u8, max_layer: random(3) as u8, rates }
                })
                .collect();
            let budget = random(6000) * KBPS;
            let dealt = deal(budget, &claims);
            let cost: u64 = claims.iter().zip(&dealt).map(|(c, d)| c.rate(*d)).sum();
            assert!(cost <= budget);
            let everything: u64 = claims.iter().map(Claim::wish).sum();
            assert!(deal(everything, &claims).iter().zip(&claims).all(|(d, c)| c.rate(*d) == c.wish()));
        }
    }

    /// What a path gets, looked at each half second, that bears so much: (second, layer) at each change.
    fn course(seconds: u64, bears: impl Fn(u64) -> u64) -> Vec<(u64, Option<u8>)> {
        let start = Instant::now();
        let sound = 30 * KBPS;
        let claims = [claim(1, 2)];
        let mut a = Allocator::default();
        let mut current = vec![Some(2)];
        let mut changes = vec![];
        for n in 0..2 * seconds {
            let now = start + Duration::from_millis(500 * n);
            let sent = claims[0].rate(current[0]) + sound;
            let lost = 1.0 - (bears(n / 2) as f32 / sent as f32).min(1.0);
            a.note(Some(lost), Some(Duration::from_millis(40)), now);
            let next = a.allot(&claims, &current, sound, now);
            if next != current {
                changes.push((n / 2, next[0]));
            }
            current = next;
        }
        changes
    }

    #[test]
    fn a_path_that_bears_everything_keeps_everything() {
        assert!(course(300, |_| 10_000 * KBPS).is_empty());
    }

    #[test]
    fn down_at_once_up_one_step_at_a_time_and_ever_later_after_mistakes() {
        let changes = course(120, |s| if s < 10 { 10_000 * KBPS } else { 300 * KBPS });
        assert_eq!(changes[0], (10, Some(0)));
        let tries: Vec<u64> = changes.iter().filter(|(_, l)| *l == Some(1)).map(|(s, _)| *s).collect();
        assert_eq!(tries, [14, 22, 39, 71], "each later than the one before");
        assert!(changes.iter().all(|(_, l)| l.is_some()), "the lowest fits: {changes:?}");
        let back = course(60, |s| if (10..20).contains(&s) { 300 * KBPS } else { 10_000 * KBPS });
        assert_eq!(back.last().map(|(_, l)| *l), Some(Some(2)));
    }

    #[test]
    fn a_queue_that_empties_costs_no_picture() {
        let start = Instant::now();
        let (sound, room, half) = (100 * KBPS, 240_000.0, 0.5);
        let claims = [claim(1, 2)];
        let mut a = Allocator::default();
        let (mut current, mut queue, mut most) = (vec![Some(2)], 0.0, 0.0_f32);
        for n in 0..240 {
            let now = start + Duration::from_millis(500 * n);
            let rate: f32 = if n < 4 { 10_000_000.0 } else { 300_000.0 };
            let sent = (claims[0].rate(current[0]) + sound) as f32 * half;
            let waiting: f32 = (queue + sent - rate * half).max(0.0);
            let lost = (waiting - room).max(0.0) / sent;
            queue = waiting.min(room);
            most = most.max(queue);
            let trip = Duration::from_secs_f32(0.04 + queue / rate);
            a.note(Some(lost), Some(trip), now);
            current = a.allot(&claims, &current, sound, now);
            assert!(current[0].is_some(), "150 and 100 kbit/s fit into 300; at {n} with {trip:?}");
        }
        assert!(most > 200_000.0, "the queue was full: {most}");
    }

    #[test]
    fn sound_gives_up_its_redundancy_before_the_last_picture_goes() {
        // With it 300 kbit/s do not suffice, without it they do.
        let start = Instant::now();
        let (sound, redundancy, room, half) = (100 * KBPS, 60 * KBPS, 240_000.0, 0.5);
        let claims = [claim(1, 0)];
        let mut a = Allocator::default();
        let (mut current, mut queue) = (vec![Some(0)], 0.0);
        let (mut lean, mut full) = (0, 0);
        for n in 0..600 {
            let now = start + Duration::from_millis(500 * n);
            let rate: f32 = if n < 4 { 10_000_000.0 } else { 300_000.0 };
            let spared = if a.is_lean() { redundancy } else { 0 };
            let sent = (claims[0].rate(current[0]) + sound + redundancy - spared) as f32 * half;
            let waiting: f32 = (queue + sent - rate * half).max(0.0);
            let lost = (waiting - room).max(0.0) / sent;
            queue = waiting.min(room);
            full += u32::from(lost > 0.0);
            lean += u32::from(a.is_lean());
            a.note(Some(lost), Some(Duration::from_secs_f32(0.04 + queue / rate)), now);
            current = a.allot(&claims, &current, sound, now);
            assert!(current[0].is_some(), "at {n}");
        }
        assert!(lean > 450, "{lean} of 596");
        assert!(full < 30, "what was tried again overflowed {full} times");
    }

    #[test]
    fn redundancy_stays_where_a_path_loses_and_is_not_late() {
        let start = Instant::now();
        let mut a = Allocator::default();
        for n in 0..20 {
            let now = start + Duration::from_millis(500 * n);
            a.note(Some(0.2), Some(Duration::from_millis(40)), now);
            a.allot(&[claim(1, 0)], &[Some(0)], 0, now);
            assert!(!a.is_lean());
        }
    }

    #[test]
    fn a_full_queue_is_never_taken_for_a_long_path() {
        let start = Instant::now();
        let mut a = Allocator::default();
        for n in 0..120 {
            let now = start + Duration::from_millis(500 * n);
            // What a look sees of a path that takes 800 ms: few packets.
            let lost = if n % 4 == 0 { 0.4 } else { 0.0 };
            let trip = if n < 4 { 40 } else { 800 + n % 3 };
            a.note(Some(lost), Some(Duration::from_millis(trip)), now);
        }
        assert_eq!(a.allot(&[claim(1, 2)], &[Some(2)], 0, start + Duration::from_secs(60)), [Some(1)]);
    }

    #[test]
    fn a_path_that_has_become_longer_keeps_its_picture() {
        let start = Instant::now();
        let claims = [claim(1, 2)];
        let mut a = Allocator::default();
        let mut current = vec![Some(2)];
        for n in 0..120 {
            let now = start + Duration::from_millis(500 * n);
            let trip = if n < 4 { 40 } else { 440 + n % 3 };
            a.note(Some(0.01), Some(Duration::from_millis(trip)), now);
            for later in [100, 300] {
                current = a.allot(&claims, &current, 60 * KBPS, now + Duration::from_millis(later));
                assert!(current[0].is_some(), "at {n}");
            }
            if n >= 18 {
                assert_eq!(
                    (&current[..], a.is_lean()),
                    (&[Some(2)][..], false),
                    "given back at once, at {n}"
                );
            }
        }
    }

    #[test]
    fn a_path_that_loses_by_itself_keeps_its_picture() {
        let start = Instant::now();
        let mut a = Allocator::default();
        for n in 0..120 {
            let now = start + Duration::from_millis(500 * n);
            a.note(Some(0.1), Some(Duration::from_millis(40)), now);
            assert_eq!(a.allot(&[claim(1, 2)], &[Some(2)], 0, now), [Some(2)]);
            assert_eq!(a.allot(&[claim(1, 2)], &[Some(1)], 0, now), [Some(1)], "nothing is tried");
        }
        a.note(Some(0.2), Some(Duration::from_millis(40)), start + Duration::from_secs(60));
        a.note(Some(0.2), Some(Duration::from_millis(40)), start + Duration::from_secs(63));
        assert_eq!(a.allot(&[claim(1, 2)], &[Some(0)], 0, start + Duration::from_secs(63)), [Some(0)]);
    }

    #[test]
    fn the_lowest_layer_goes_only_from_a_path_that_strains_for_long() {
        let changes = course(30, |s| if s < 10 { 10_000 * KBPS } else { 100 * KBPS });
        assert_eq!(changes[..2], [(10, Some(0)), (12, None)]);
        let stumble = course(12, |s| if s == 10 { 100 * KBPS } else { 10_000 * KBPS });
        assert_eq!(stumble, [(10, Some(0))], "darkness is worse than a stumble");
    }

    #[test]
    fn a_path_that_is_late_strains_though_it_loses_nothing() {
        let now = Instant::now();
        let mut a = Allocator::default();
        let claims = [claim(1, 2)];
        a.note(Some(0.0), Some(Duration::from_millis(40)), now);
        assert_eq!(a.allot(&claims, &[Some(2)], 0, now), [Some(2)]);
        a.note(Some(0.0), Some(Duration::from_millis(400)), now);
        assert_eq!(a.allot(&claims, &[Some(2)], 0, now), [Some(1)]);
        assert_eq!(a.allot(&claims, &[Some(1)], 0, now), [Some(1)], "once for each look");
    }

    #[test]
    fn a_client_without_feedback_gets_what_it_asked_for() {
        let now = Instant::now();
        let mut a = Allocator::default();
        assert_eq!(a.allot(&[claim(1, 2)], &[Some(2)], 0, now + CALM), [Some(2)]);
    }
}
