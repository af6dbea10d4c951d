//! How a subscriber's share of the network is dealt out among the videos it watches.
//!
//! Lives here: the deal (pure: a budget and claims in, a layer or nothing for each claim out), and `Allocator`, which
//! keeps one subscriber's estimate and steps up late and down at once, so that nothing swings.
//! Not here: the estimate itself (str0m's send-side estimator), the switch at a keyframe (`forward`).
//!
//! Sound is never held back: it is taken from the budget first. Then every video in its rank gets its lowest layer, so
//! that nobody is dark while another is sharp; then the layers above, rank by rank. What does not fit waits.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// Simulcast layers of a track.
pub(crate) const LAYERS: usize = 3;

/// Of the estimate, what is planned with; the rest is for repairs and for what the estimate is off by.
const USABLE: (u64, u64) = (95, 100);

/// How much more than a layer needs must be there before a subscriber steps up to it.
const HEADROOM: (u64, u64) = (115, 100);

/// How much more than everything that is wished for the estimator is to look for.
const SOUGHT: (u64, u64) = (130, 100);

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

/// Deal `budget` bits a second out among `claims`: the layer for each, or `None` where it waits.
///
/// A claim of which nothing is alive costs nothing and gets its highest layer, to begin with whatever comes first.
pub(crate) fn deal(budget: u64, claims: &[Claim]) -> Vec<Option<u8>> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    // Within a rank, who watches a thing large goes before who watches it small.
    order.sort_by_key(|i| (claims[*i].rank, Reverse(claims[*i].max_layer)));
    let mut dealt: Vec<Option<u8>> = vec![None; claims.len()];
    let mut left = budget;
    for &i in &order {
        match claims[i].layers().next() {
            None => dealt[i] = Some(claims[i].max_layer),
            Some((layer, rate)) if rate <= left => {
                left -= rate;
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
                let Some((layer, rate)) = claim.layers().find(|(l, _)| *l > now && *l <= step) else { continue };
                let more = rate.saturating_sub(claim.rate(Some(now)));
                if more <= left {
                    left -= more;
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
    stepped_up: Option<Instant>,
    wait: Duration,
}

impl Allocator {
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
        let budget = (estimate * USABLE.0 / USABLE.1).saturating_sub(sound);
        let best = deal(budget, claims);
        let lower = |i: usize| rank_of(best[i]) < rank_of(current[i]);
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
        let careful = deal(budget * HEADROOM.1 / HEADROOM.0, claims);
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_by_key(|i| (rank_of(current[*i]), claims[*i].rank));
        if let Some(i) = order.into_iter().find(|i| rank_of(careful[*i]) > rank_of(current[*i])) {
            // One layer at a time: what comes of it is seen before the next.
            let above = claims[i].layers().map(|(l, _)| Some(l)).find(|l| rank_of(*l) > rank_of(current[i]));
            out[i] = above.unwrap_or(careful[i]);
            if since.is_some_and(|since| since > 2 * PATIENCE) {
                self.wait = STEP_UP;
            }
            self.stepped_up = Some(now);
        }
        out
    }

    /// What the estimator should look for so that every wish could be met, in bits a second.
    pub(crate) fn seek(claims: &[Claim], sound: u64) -> u64 {
        (claims.iter().map(Claim::wish).sum::<u64>() + sound) * SOUGHT.0 / SOUGHT.1
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

    #[test]
    fn without_an_estimate_a_subscriber_gets_what_it_asked_for() {
        let mut a = Allocator::default();
        assert_eq!(a.allot(&[claim(1, 2), claim(1, 1)], &[None, None], 0, Instant::now()), [Some(2), Some(1)]);
    }

    #[test]
    fn down_at_once_up_one_step_at_a_time_and_later_after_a_mistake() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut a = Allocator { estimate: Some(200 * KBPS), ..Allocator::default() };
        let claims = [claim(1, 2)];
        assert_eq!(a.allot(&claims, &[Some(2)], 0, at(0)), [Some(0)]);
        a.estimate = Some(5000 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(500)), [Some(0)], "too soon");
        assert_eq!(a.allot(&claims, &[Some(0)], 0, at(1100)), [Some(1)], "one step");
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(1300)), [Some(1)]);
        assert_eq!(a.allot(&claims, &[Some(1)], 0, at(2200)), [Some(2)]);
        a.estimate = Some(1000 * KBPS);
        assert_eq!(a.allot(&claims, &[Some(2)], 0, at(3000)), [Some(1)], "a mistake");
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
}
