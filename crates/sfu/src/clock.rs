//! When what a publisher sends was captured, on the engine's own clock.
//!
//! Lives here: a publisher's sender reports (RFC 3550 §6.4.1), and what follows from them for a packet.
//! Not here: the reports to subscribers, which str0m makes of the time of capture that each packet is written with
//! (`session`).
//!
//! A subscriber joins sound to picture by the sender reports of both: each says which instant a media time is. Were the
//! instant of a packet's arrival taken for that, a picture would be late by what coding and pacing it took, and sound by
//! much less. So the publisher's own reports are carried over: all its streams have one clock, and that clock is moved to
//! ours by one distance, the least time that a report took to come. The distance is not exact; being the same for all
//! streams, it does not part them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use str0m::rtp::Ssrc;

/// Streams of which a report is remembered; LiveKit's clients send six at most (three layers, voice, screen and sound).
const MAX_STREAMS: usize = 32;

/// Nothing is this long under way: what a report says to be older is not believed, and the packet's arrival counts.
const OLDEST_NS: i128 = 5_000_000_000;

/// A report speaks of media so far from it and no farther.
const FARTHEST_S: f64 = 120.0;

#[derive(Debug, Clone, Copy)]
struct Report {
    ssrc: Ssrc,
    /// On the publisher's clock, since its epoch.
    at_ns: i128,
    media: u32,
}

/// The clock of one publisher.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Our clock and the publisher's at the first report; the first is the beginning of what is counted on ours.
    began: Option<(Instant, i128)>,
    /// From the publisher's clock, counted from the first report, to ours.
    distance_ns: i128,
    reports: Vec<Report>,
}

impl Clock {
    /// Note a sender report. ntp: the publisher's time. media: the stream's time then. now: when the report came.
    pub(crate) fn report(&mut self, ssrc: Ssrc, ntp: SystemTime, media: u32, now: Instant) {
        let Ok(at) = ntp.duration_since(UNIX_EPOCH) else { return };
        let at_ns = at.as_nanos() as i128;
        let (ours, theirs) = *self.began.get_or_insert((now, at_ns));
        let distance = now.saturating_duration_since(ours).as_nanos() as i128 - (at_ns - theirs);
        // A publisher's clock that was set back takes its reports out of reach; then they begin anew.
        if distance < self.distance_ns || distance > self.distance_ns + OLDEST_NS {
            self.distance_ns = distance;
        }
        let report = Report { ssrc, at_ns, media };
        if let Some(known) = self.reports.iter_mut().find(|r| r.ssrc == ssrc) {
            *known = report;
        } else if self.reports.len() < MAX_STREAMS {
            self.reports.push(report);
        }
    }

    /// When media of this time was captured; `now` if the publisher has not said, or says what cannot be.
    pub(crate) fn captured(&self, ssrc: Ssrc, media: u32, clock_hz: u32, now: Instant) -> Instant {
        self.by_report(ssrc, media, clock_hz, now).unwrap_or(now)
    }

    fn by_report(&self, ssrc: Ssrc, media: u32, clock_hz: u32, now: Instant) -> Option<Instant> {
        let report = self.reports.iter().find(|r| r.ssrc == ssrc)?;
        let (ours, theirs) = self.began?;
        let since_s = f64::from(media.wrapping_sub(report.media) as i32) / f64::from(clock_hz.max(1));
        if since_s.abs() > FARTHEST_S {
            return None;
        }
        let at_ns = report.at_ns - theirs + (since_s * 1e9) as i128 + self.distance_ns;
        let age_ns = now.saturating_duration_since(ours).as_nanos() as i128 - at_ns;
        let age = u64::try_from(age_ns.max(0)).ok().filter(|age| i128::from(*age) <= OLDEST_NS)?;
        now.checked_sub(Duration::from_nanos(age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICE: u32 = 1;
    const PICTURE: u32 = 2;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn wall(n: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_638_878_400) + ms(n)
    }

    #[test]
    fn sound_and_picture_of_one_instant_are_of_one_instant_however_late_each_comes() {
        let start = Instant::now();
        let mut clock = Clock::default();
        assert_eq!(clock.captured(VOICE.into(), 5, 48_000, start), start, "nothing is known yet");
        clock.report(VOICE.into(), wall(0), 1_000, start + ms(30));
        clock.report(PICTURE.into(), wall(500), u32::MAX - 999, start + ms(540));
        // Both captured a second after the first report; the picture comes later.
        let voice = clock.captured(VOICE.into(), 49_000, 48_000, start + ms(1_060));
        let picture = clock.captured(PICTURE.into(), 44_000, 90_000, start + ms(1_200));
        assert_eq!(voice, start + ms(1_030), "by the quicker report");
        assert_eq!(picture, voice);
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        let start = Instant::now();
        let mut clock = Clock::default();
        clock.report(VOICE.into(), wall(10_000), 0, start);
        let later = start + ms(100);
        assert_eq!(clock.captured(VOICE.into(), 48_000, 48_000, later), later, "captured before it comes");
        assert_eq!(clock.captured(VOICE.into(), 0x8000_0000, 48_000, later), later, "half a cycle away");
        assert_eq!(
            clock.captured(VOICE.into(), 0_u32.wrapping_sub(480_000), 48_000, later),
            later,
            "too old"
        );
        clock.report(VOICE.into(), UNIX_EPOCH - ms(1), 0, later);
        clock.report(VOICE.into(), UNIX_EPOCH + Duration::from_secs(1 << 40), 7, later);
        clock.captured(VOICE.into(), 7, 0, later);
    }

    #[test]
    fn a_publishers_clock_that_is_set_anew_is_followed() {
        let start = Instant::now();
        let mut clock = Clock::default();
        for (at, says) in [(0, 3_600_000), (1_000, 1_000), (2_000, 7_200_000)] {
            let now = start + ms(at);
            clock.report(VOICE.into(), wall(says), 48 * at as u32, now);
            let came = now + ms(50);
            assert_eq!(clock.captured(VOICE.into(), 48 * (at as u32 + 30), 48_000, came), now + ms(30));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let now = Instant::now();
        let mut clock = Clock::default();
        for ssrc in 0..1000u32 {
            clock.report(ssrc.into(), wall(0), 0, now);
        }
        assert_eq!(clock.reports.len(), MAX_STREAMS);
    }
}
