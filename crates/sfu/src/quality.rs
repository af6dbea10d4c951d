//! How good a transport's path is, in three words for people.
//!
//! Lives here: `Quality`, from what a path loses. Not here: what is sent over it (`allocate`), who is told (`visavis.rtc`).
//!
//! There is no word for a path that may be lost: at that browsers' clients join anew.

/// A path that loses less than this is excellent; less than the next, good; more, poor. Opus conceals the first, and
/// repair bears the second.
const GOOD: f32 = 0.02;
const POOR: f32 = 0.10;

/// So many looks in a row must agree before a better word is told; a worse one takes two.
const BETTER: u8 = 4;
const WORSE: u8 = 2;

/// What was told of one path, and what its latest looks say.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    told: Option<u8>,
    seen: u8,
    times: u8,
}

impl Quality {
    /// Note the share that the path lost since the last look; 0 poor, 1 good, 2 excellent if that is to be told now.
    pub(crate) fn look(&mut self, lost: f32) -> Option<u8> {
        let seen = match lost {
            lost if lost < GOOD => 2,
            lost if lost < POOR => 1,
            _ => 0,
        };
        self.times = if seen == self.seen { self.times.saturating_add(1) } else { 1 };
        self.seen = seen;
        let needed = if self.told.is_some_and(|told| seen > told) { BETTER } else { WORSE };
        if self.told == Some(seen) || self.times < needed {
            return None;
        }
        self.told = Some(seen);
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_told_when_looks_agree_and_a_better_one_later_than_a_worse_one() {
        let mut quality = Quality::default();
        let told: Vec<Option<u8>> = [0.0, 0.0, 0.0, 0.3, 0.0, 0.3, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0]
            .into_iter()
            .map(|lost| quality.look(lost))
            .collect();
        let mut expected = vec![None; 13];
        (expected[1], expected[6], expected[10]) = (Some(2), Some(0), Some(1));
        assert_eq!(told, expected);
    }
}
