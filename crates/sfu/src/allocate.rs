//! How a subscriber's share of the network is dealt out among the videos it watches.
//!
//! Lives here: the deal (pure: a budget and claims in, a layer or nothing for each claim out), and `Allocator`, which
//! keeps what is known of one subscriber's path, and steps up late and down at once, so that nothing swings.
//! Not here: the estimate itself (str0m's send-side estimator), the switch at a keyframe (`forward`).
//!
//! Sound is never held back: it is taken from the budget first. Then every video in its rank gets its lowest layer, so
//! that nobody is dark while another is sharp; then the layers above, rank by rank. What does not fit waits.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// Simulcast layers of a track.
pub(crate) const LAYERS: usize = 3;

/// Shares of the estimate, in hundredths.
///
/// Of a path that shows strain, what is planned with; the rest is for repairs.
const STRAINED: u64 = 95;
/// What must be there before a subscriber steps up.
const STEP: u64 = 83;

/// A path that has shown no strain for so long may bear more than its estimator has seen: one that sees little sent
/// comes back from a drop slowly. It is then told to begin anew at what the next layer needs, and its probes say within
/// `PROBATION` whether that is there.
const CALM: Duration = Duration::from_secs(3);
const PROBATION: Duration = Duration::from_millis(1200);
const FIRST_LOOK: Duration = Duration::from_secs(4);

/// How much more than everything that is wished for the estimator is to look for, in hundredths.
const SOUGHT: u64 = 130;

/// What flows over a path without strain, it bears, whatever the estimator says: one that sees little sent sinks towards
/// what is sent, and its probes at a low rate find less than there is. It then begins anew so far above what flows, in
/// hundredths: it paces by its estimate, and would hold back what flows freely.
const FLOWS: u64 = 150;
const ANEW: Duration = Duration::from_millis(1200);

/// A path strains if it loses this share of what is sent, or takes this much longer than it did at best.
const LOSS: f32 = 0.04;
const LATENESS: Duration = Duration::from_millis(200);

/// A lowest layer is taken away only from a path that has strained for so long: darkness is worse than a stumble.
const PERSISTENT: Duration = Duration::from_secs(2);

/// Shortest time between two steps up.
const STEP_UP: Duration = Duration::from_millis(1000);

/// A step up that had to be taken back so soon was a mistake: the next one waits twice as long.
const TOO_SOON: Duration = Duration::from_secs(8);

/// The longest that a step up waits after mistakes.
const PATIENCE: Duration = Duration::from_secs(32);

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
        let wanted = alive().any(|(layer, _)| layer <= self.max_layer);
        let lowest = alive().next().map_or(0, |(layer, _)| layer);
        let highest = if wanted { self.max_layer } else { lowest };
        self.rates
            .iter()
            .enumerate()
            .filter_map(|(l, r)| Some((l as u8, (*r)?)))
            .filter(move |(layer, _)| *layer <= highest)
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

    /// What the subscriber would get if the network bore everything.
    fn wish(&self) -> u64 {
        self.layers().next_back().map_or(0, |(_, rate)| rate)
    }
}

/// Deal bits a second out among `claims`: the layer for each, or `None` where it waits.
///
/// floor: for everybody's lowest layer. budget: for these and the layers above them.
/// A claim of which nothing is alive costs nothing and gets its highest layer, to begin with whatever comes first.
pub(crate) fn deal(floor: u64, budget: u64, claims: &[Claim]) -> Vec<Option<u8>> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    // Within a rank, who watches a thing large goes before who watches it small.
    order.sort_by_key(|i| (claims[*i].rank, Reverse(claims[*i].max_layer)));
    let mut dealt: Vec<Option<u8>> = vec![None; claims.len()];
    let mut spent = 0;
    for &i in &order {
        match claims[i].layers().next() {
            None => dealt[i] = Some(claims[i].max_layer),
            Some((layer, rate)) if spent + rate <= floor => {
                spent += rate;
                dealt[i] = Some(layer);
            }
            Some(_) => {}
        }
    }
    let ranks: std::collections::BTreeSet<u8> = claims.iter().map(|c| c.rank).collect();
    for rank in ranks {
        for step in 1..LAYERS as u8 {
            for &i in order.iter().filter(|i| claims[**i].rank == rank) {
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

/// One subscriber's estimate, and what it was dealt last.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    /// Bits a second that the path is thought to bear; `None`: not known yet, or the client gives no feedback.
    pub(crate) estimate: Option<u64>,
    /// What the estimator was last told to look for.
    pub(crate) sought: u64,
    strained_since: Option<Instant>,
    calm_since: Option<Instant>,
    /// Since when more flows than the estimator believes in, and nothing shows that it is too much.
    held_back: Option<Instant>,
    looked: Option<Instant>,
    look_wait: Duration,
    shortest_trip: Option<Duration>,
    stepped_up: Option<Instant>,
    wait: Duration,
}

impl Allocator {
    /// Note what feedback says of the path: the share that it lost of late, and how long a round trip takes.
    pub(crate) fn note(&mut self, lost: Option<f32>, trip: Option<Duration>, now: Instant) {
        let late = trip.is_some_and(|trip| {
            let shortest = self.shortest_trip.map_or(trip, |s| s.min(trip));
            self.shortest_trip = Some(shortest);
            trip - shortest > LATENESS
        });
        let strained = late || lost.is_some_and(|lost| lost >= LOSS);
        self.strained_since = if strained { self.strained_since.or(Some(now)) } else { None };
        self.calm_since = if strained { None } else { self.calm_since.or(Some(now)) };
    }

    /// At what rate the estimator is to begin anew, if it is time to look for more than it believes in.
    ///
    /// claims, current, sound: as in `allot`. Looks that find nothing come ever later.
    pub(crate) fn look(
        &mut self,
        claims: &[Claim],
        current: &[Option<u8>],
        sound: u64,
        now: Instant,
    ) -> Option<u64> {
        let estimate = self.estimate?;
        let passed =
            |since: Option<Instant>, time| since.is_none_or(|s| now.saturating_duration_since(s) >= time);
        let spent: u64 = claims.iter().zip(current).map(|(c, l)| c.rate(*l)).sum::<u64>() + sound;
        if spent <= estimate || self.strained_since.is_some() {
            self.held_back = None;
        } else if passed(Some(*self.held_back.get_or_insert(now)), ANEW) {
            self.held_back = None;
            let flows = spent * FLOWS / 100;
            self.estimate = Some(flows);
            return Some(flows);
        }
        let wait = self.look_wait.max(FIRST_LOOK);
        if self.calm_since.is_none() || !passed(self.calm_since, CALM) {
            return None;
        }
        if !passed(self.looked, wait) || !passed(self.stepped_up, FIRST_LOOK) {
            return None;
        }
        let next = claims.iter().zip(current).filter_map(|(c, now)| {
            let (layer, rate) = c.layers().find(|(l, _)| rank_of(Some(*l)) > rank_of(*now))?;
            Some((rank_of(Some(layer)), c.rank, rate.saturating_sub(c.rate(*now))))
        });
        let (.., more) = next.min()?;
        // A tenth above what a step takes, so that the step is taken if the probes confirm it.
        let needed = (spent + more) * 110 / STEP;
        if needed <= estimate {
            return None;
        }
        self.look_wait = (wait * 2).min(PATIENCE);
        self.looked = Some(now);
        self.estimate = Some(needed);
        Some(needed)
    }

    /// What each claim gets from now on. current: what it has. sound: bits a second that are no claim's.
    ///
    /// Down at once; up one claim at a time, with room to spare and some time after the last change.
    pub(crate) fn allot(
        &mut self,
        claims: &[Claim],
        current: &[Option<u8>],
        sound: u64,
        now: Instant,
    ) -> Vec<Option<u8>> {
        let Some(estimate) = self.estimate else {
            return claims.iter().map(|c| Some(c.max_layer)).collect();
        };
        let share = |hundredths: u64| (estimate * hundredths / 100).saturating_sub(sound);
        let mut best = deal(share(STRAINED), share(STRAINED), claims);
        let strained = self.strained_since.map(|since| now.saturating_duration_since(since));
        if strained.is_none_or(|time| time < PERSISTENT) {
            for (b, claim) in best.iter_mut().zip(claims) {
                *b = b.or(claim.layers().next().map(|(lowest, _)| lowest));
            }
        }
        let lower = |i: usize| strained.is_some() && rank_of(best[i]) < rank_of(current[i]);
        let mut out: Vec<Option<u8>> =
            (0..claims.len()).map(|i| if lower(i) { best[i] } else { current[i] }).collect();
        if (0..claims.len()).any(lower) {
            if self.stepped_up.is_some_and(|at| now.saturating_duration_since(at) < TOO_SOON) {
                self.wait = (self.wait.max(STEP_UP) * 2).min(PATIENCE);
            }
            self.stepped_up = Some(now);
            return out;
        }
        let since = self.stepped_up.map(|at| now.saturating_duration_since(at));
        if since.is_some_and(|since| since < self.wait.max(STEP_UP)) {
            return out;
        }
        if self.looked.is_some_and(|at| now.saturating_duration_since(at) < PROBATION) {
            return out;
        }
        let careful = deal(share(STEP), share(STEP), claims);
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_by_key(|i| (rank_of(current[*i]), claims[*i].rank));
        if let Some(i) = order.into_iter().find(|i| rank_of(careful[*i]) > rank_of(current[*i])) {
            // One layer at a time: what comes of it is seen before the next.
            let above = claims[i].layers().map(|(l, _)| Some(l)).find(|l| rank_of(*l) > rank_of(current[i]));
            out[i] = above.unwrap_or(careful[i]);
            self.look_wait = FIRST_LOOK;
            if since.is_some_and(|since| since > 2 * PATIENCE) {
                self.wait = STEP_UP;
            }
            self.stepped_up = Some(now);
        }
        out
    }

    /// What the estimator should look for so that every wish could be met, in bits a second.
    pub(crate) fn seek(claims: &[Claim], sound: u64) -> u64 {
        (claims.iter().map(Claim::wish).sum::<u64>() + sound) * SOUGHT / 100
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
        assert_eq!(deal(5100 * KBPS, 5100 * KBPS, &claims), [Some(2), Some(2), Some(2)]);
        assert_eq!(deal(1500 * KBPS, 1500 * KBPS, &claims), [Some(1), Some(1), Some(1)]);
        assert_eq!(deal(800 * KBPS, 800 * KBPS, &claims), [Some(1), Some(0), Some(0)]);
        assert_eq!(deal(450 * KBPS, 450 * KBPS, &claims), [Some(0), Some(0), Some(0)]);
        assert_eq!(deal(300 * KBPS, 300 * KBPS, &claims), [Some(0), Some(0), None]);
        assert_eq!(deal(100 * KBPS, 100 * KBPS, &claims), [None, None, None]);
    }

    #[test]
    fn a_screen_is_sharp_before_a_gallery_is() {
        let claims = [claim(1, 2), claim(0, 2)];
        assert_eq!(deal(2000 * KBPS, 2000 * KBPS, &claims), [Some(0), Some(2)]);
        assert_eq!(deal(160 * KBPS, 160 * KBPS, &claims), [None, Some(0)]);
    }

    #[test]
    fn who_watches_it_large_goes_before_who_watches_it_small() {
        assert_eq!(deal(2000 * KBPS, 2000 * KBPS, &[claim(1, 0), claim(1, 2)]), [Some(0), Some(2)]);
        assert_eq!(deal(150 * KBPS, 150 * KBPS, &[claim(1, 0), claim(1, 2)]), [None, Some(0)]);
    }

    #[test]
    fn a_layer_that_is_not_sent_is_not_dealt_and_a_lone_high_one_is() {
        let lone = Claim { rank: 1, max_layer: 0, rates: [None, None, RATES[2]] };
        assert_eq!(deal(2000 * KBPS, 2000 * KBPS, &[lone]), [Some(2)]);
        assert_eq!(deal(1000 * KBPS, 1000 * KBPS, &[lone]), [None]);
        let silent = Claim { rank: 1, max_layer: 2, rates: [None; LAYERS] };
        assert_eq!(deal(0, 0, &[silent]), [Some(2)]);
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
            let dealt = deal(budget, budget, &claims);
            let cost: u64 = claims.iter().zip(&dealt).map(|(c, d)| c.rate(*d)).sum();
            assert!(cost <= budget);
            let everything: u64 = claims.iter().map(Claim::wish).sum();
            assert!(deal(everything, everything, &claims)
                .iter()
                .zip(&claims)
                .all(|(d, c)| c.rate(*d) == c.wish()));
        }
    }

    #[test]
    fn without_an_estimate_a_subscriber_gets_what_it_asked_for() {
        let mut a = Allocator::default();
        assert_eq!(
            a.allot(&[claim(1, 2), claim(1, 1)], &[None, None], 0, Instant::now()),
            [Some(2), Some(1)]
        );
    }

    #[test]
    fn down_at_once_up_one_step_at_a_time_and_later_after_a_mistake() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut a = Allocator { estimate: Some(200 * KBPS), ..Allocator::default() };
        let claims = [claim(1, 2)];
        a.note(Some(0.1), None, at(0));
        assert_eq!(a.allot(&claims, &[Some(2)], 0, at(0)), [Some(0)]);
        a.note(Some(0.0), None, at(100));
        a.estimate = Some(5000 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(500)), [Some(0)], "too soon");
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(1100)), [Some(1)], "one step");
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(1300)), [Some(1)]);
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(2200)), [Some(2)]);
        a.estimate = Some(1000 * KBPS);
        a.note(Some(0.1), None, at(3000));
        assert_eq!(a.allot(&claims, &[Some(2)], 0, at(3000)), [Some(1)], "a mistake");
        a.note(Some(0.0), None, at(3100));
        a.estimate = Some(5000 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(4500)), [Some(1)], "waits twice as long");
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(5100)), [Some(2)]);
    }

    #[test]
    fn a_step_up_takes_room_to_spare() {
        let start = Instant::now();
        let mut a = Allocator { estimate: Some(540 * KBPS), ..Allocator::default() };
        let claims = [claim(1, 1)];
        assert_eq!(a.allot(&claims, &[Some(1)], 0, start), [Some(1)], "enough to stay");
        assert_eq!(a.allot(&claims, &[Some(0)], 0, start), [Some(0)], "not enough to come");
        a.estimate = Some(700 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(0)], 0, start), [Some(1)]);
        assert_eq!(a.allot(&claims, &[Some(0)], 200 * KBPS, start), [Some(0)], "sound goes first");
    }

    #[test]
    fn a_path_without_strain_keeps_what_flows_and_one_that_strains_for_long_does_not() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let trip = |ms: u64| Some(Duration::from_millis(ms));
        let mut a = Allocator { estimate: Some(120 * KBPS), ..Allocator::default() };
        let claims = [claim(1, 2)];
        assert_eq!(a.allot(&claims, &[Some(0)], 30 * KBPS, at(0)), [Some(0)]);
        assert_eq!(a.allot(&claims, &[None], 30 * KBPS, at(0)), [None], "kept is not come by");
        a.note(Some(0.1), trip(50), at(0));
        assert_eq!(a.allot(&claims, &[Some(0)], 30 * KBPS, at(500)), [Some(0)], "a stumble");
        a.note(Some(0.1), trip(50), at(2000));
        assert_eq!(a.allot(&claims, &[Some(0)], 30 * KBPS, at(2000)), [None]);
        a.note(Some(0.0), trip(60), at(2500));
        assert_eq!(a.allot(&claims, &[Some(0)], 30 * KBPS, at(5000)), [Some(0)]);
        a.note(None, trip(400), at(5000));
        assert_eq!(a.allot(&claims, &[Some(0)], 30 * KBPS, at(7000)), [None], "late is strained, too");
        a.estimate = Some(400 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(7000)), [Some(0)], "higher layers go at once");
    }

    #[test]
    fn a_calm_path_is_looked_at_for_the_next_layer_and_ever_later_in_vain() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut a = Allocator { estimate: Some(200 * KBPS), ..Allocator::default() };
        let claims = [claim(1, 2)];
        a.note(Some(0.2), None, at(0));
        assert_eq!(a.look(&claims, &[Some(0)], 0, at(10_000)), None, "not calm");
        a.note(Some(0.0), None, at(10_000));
        assert_eq!(a.look(&claims, &[Some(0)], 0, at(12_000)), None, "not calm for long");
        let needed = a.look(&claims, &[Some(0)], 0, at(13_000)).unwrap();
        assert!((600 * KBPS..700 * KBPS).contains(&needed), "{needed}");
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(14_000)), [Some(0)], "not proven yet");
        a.estimate = Some(250 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(15_000)), [Some(0)], "the probes found nothing");
        assert_eq!(a.look(&claims, &[Some(0)], 0, at(20_000)), None, "later than the first time");
        let needed = a.look(&claims, &[Some(0)], 0, at(21_500)).unwrap();
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(23_000)), [Some(1)], "{needed} stood");
        assert_eq!(a.look(&claims, &[Some(2)], 0, at(90_000)), None, "nothing more to wish for");
    }
}
