//! How loud a published sound is, by the level that its publisher states beside each packet (RFC 6464).
//!
//! Lives here: `Loudness`, one sound's level over windows. Not here: who of a room speaks (`visavis.rtc`).
//!
//! The level is outside the end-to-end encryption, as the header extension is; a publisher that lies about it makes
//! its own name light up and changes nothing else. The figures are LiveKit's defaults.

use std::time::{Duration, Instant};

/// Length of a window.
const WINDOW: Duration = Duration::from_millis(400);

/// A packet this loud or louder is speech: decibels below the loudest possible (dBov).
const SPEECH: u8 = 35;

/// So many packets of speech make a window active: two fifths of it at 20 ms each.
const ENOUGH: u32 = 8;

/// What a silent window is told as (RFC 6464 §3).
pub(crate) const SILENCE: u8 = 127;

/// The level of one published sound.
#[derive(Debug)]
pub(crate) struct Loudness {
    since: Option<Instant>,
    speech: u32,
    loudest: u8,
    told: u8,
}

impl Default for Loudness {
    fn default() -> Self {
        Loudness { since: None, speech: 0, loudest: SILENCE, told: SILENCE }
    }
}

impl Loudness {
    /// Note a packet's level: 0 loudest, 127 silent.
    pub(crate) fn hear(&mut self, level: u8, now: Instant) {
        self.since.get_or_insert(now);
        if level <= SPEECH {
            self.speech += 1;
            self.loudest = self.loudest.min(level);
        }
    }

    /// The level of the window that has ended by `now`; `None` if none has, or it was as silent as the one before.
    pub(crate) fn told(&mut self, now: Instant) -> Option<u8> {
        if now.saturating_duration_since(self.since?) < WINDOW {
            return None;
        }
        let level = if self.speech >= ENOUGH { self.loudest } else { SILENCE };
        let before = self.told;
        *self = Loudness { since: (level != SILENCE).then_some(now), told: level, ..Loudness::default() };
        (level != SILENCE || before != SILENCE).then_some(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a sound of these levels, one packet each 20 ms.
    fn told(levels: impl IntoIterator<Item = u8>) -> Vec<u8> {
        let start = Instant::now();
        let mut loudness = Loudness::default();
        let mut out = vec![];
        for (n, level) in levels.into_iter().enumerate() {
            let now = start + Duration::from_millis(20 * n as u64);
            loudness.hear(level, now);
            out.extend(loudness.told(now));
        }
        out
    }

    #[test]
    fn speech_is_told_once_a_window_and_its_end_once() {
        let speech = std::iter::repeat_n(20, 21).chain(std::iter::repeat_n(SILENCE, 100));
        assert_eq!(told(speech), [20, SILENCE]);
        assert_eq!(told(std::iter::repeat_n(30, 63)), [30, 30, 30]);
    }

    #[test]
    fn silence_and_a_single_knock_are_not_told() {
        assert!(told(std::iter::repeat_n(SILENCE, 100)).is_empty());
        assert!(told((0..100).map(|n| if n == 50 { 0 } else { 90 })).is_empty());
    }

    #[test]
    fn who_stops_sending_falls_silent() {
        let start = Instant::now();
        let mut loudness = Loudness::default();
        for n in 0..=20 {
            loudness.hear(10, start + Duration::from_millis(20 * n));
        }
        assert_eq!(loudness.told(start + Duration::from_millis(400)), Some(10));
        assert_eq!(loudness.told(start + Duration::from_millis(700)), None);
        assert_eq!(loudness.told(start + Duration::from_millis(800)), Some(SILENCE));
        assert_eq!(loudness.told(start + Duration::from_secs(9)), None);
    }
}
