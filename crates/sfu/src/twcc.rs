//! The number that each packet of a client bears across all its streams, and which of them str0m must not see.
//!
//! Lives here: `WideNumbers`, which is asked before str0m reads a packet. Not here: the reports of them (str0m).
//!
//! str0m extends a number of 16 bits by the highest that came before. One from before the very first is taken for one
//! near 2⁶⁴, and its next report lists what is missing in between until memory is gone. Extensions are not sealed, only
//! signed, so such a packet can be known before it is read. A leap, too, costs it a report of all that is missing: numbers
//! at random are not read, and a leap that two packets in a row confirm is taken once a second.
//!
//! Spec: draft-holmer-rmcat-transport-wide-cc-extensions-01, RFC 8285 §4.2 and §4.3 (how str0m reads them).

use std::time::{Duration, Instant};

/// How far ahead of the highest a number may be, and how far behind, without being a leap. The first is RFC 3550's
/// (appendix A.1); packets of several streams overtake each other more than those of one.
const MAX_DROPOUT: u16 = 3000;
const MAX_MISORDER: u16 = 1000;

/// How often the count may leap.
const LEAP_INTERVAL: Duration = Duration::from_secs(1);

/// Half the numbers: what is further ahead counts as behind.
const HALF: u16 = 1 << 15;

/// What is known of the highest number that str0m has taken.
#[derive(Debug, Default)]
pub(crate) struct WideNumbers {
    /// The identifier under which it travels.
    id: Option<u8>,
    /// It is at least this; before any authentic packet came, the least that any packet said.
    least: Option<u16>,
    /// `least` is of an authentic packet.
    authentic: bool,
    /// It is past the half: nothing lies before the first any more.
    past: bool,
    /// The number that came highest, and when the count last leapt to it.
    highest: Option<(u16, Option<Instant>)>,
    /// The last number that would have been a leap: the next one confirms it.
    leap: Option<u16>,
}

impl WideNumbers {
    /// From now on the number travels under this identifier.
    pub(crate) fn travels(&mut self, id: Option<u8>) {
        self.id = id;
    }

    /// Whether str0m may read this RTP packet.
    pub(crate) fn admits(&mut self, packet: &[u8], now: Instant) -> bool {
        let Some(id) = self.id else { return true };
        numbers(packet, id).all(|number| self.is_near(number, now) && self.has_place(number))
    }

    /// Whether it is no leap, or one that may be.
    fn is_near(&mut self, number: u16, now: Instant) -> bool {
        let Some((highest, leapt)) = self.highest else { return true };
        if number.wrapping_sub(highest) <= MAX_DROPOUT || highest.wrapping_sub(number) <= MAX_MISORDER {
            return true;
        }
        let confirmed = self.leap.replace(number).is_some_and(|before| before.wrapping_add(1) == number);
        confirmed && leapt.is_none_or(|at| now.saturating_duration_since(at) >= LEAP_INTERVAL)
    }

    /// Whether it lies after the beginning of the count.
    fn has_place(&mut self, number: u16) -> bool {
        if self.past {
            return true;
        }
        match self.least {
            Some(least) if number > least && number - least >= HALF => return false,
            Some(least) if !self.authentic => self.least = Some(least.min(number)),
            None if number < HALF => self.least = Some(number),
            _ => {}
        }
        true
    }

    /// str0m took a packet with this number.
    pub(crate) fn took(&mut self, number: Option<u16>, now: Instant) {
        let Some(number) = number else { return };
        self.highest = match self.highest {
            Some((highest, leapt)) if number.wrapping_sub(highest) <= MAX_DROPOUT => Some((number, leapt)),
            Some((highest, leapt)) if highest.wrapping_sub(number) <= MAX_MISORDER => Some((highest, leapt)),
            Some(_) => Some((number, Some(now))),
            None => Some((number, None)),
        };
        self.past |= number >= HALF;
        let before = self.least.filter(|_| self.authentic).unwrap_or(0);
        (self.least, self.authentic) = (Some(before.max(number)), true);
    }
}

/// The numbers under an identifier in an RTP packet's extensions.
fn numbers(packet: &[u8], id: u8) -> impl Iterator<Item = u16> + '_ {
    let mut rest = extensions(packet).unwrap_or_default();
    let one_byte = rest.starts_with(&[0xbe, 0xde]);
    rest = rest.get(4..).unwrap_or_default();
    std::iter::from_fn(move || loop {
        let (&first, tail) = rest.split_first()?;
        rest = tail;
        let (name, length) = match first {
            0 => continue,
            240.. if one_byte => return None,
            _ if one_byte => (first >> 4, usize::from(first & 15) + 1),
            _ => {
                let (&length, tail) = rest.split_first()?;
                rest = tail;
                (first, length.into())
            }
        };
        let value = rest.get(..length)?;
        rest = &rest[length..];
        match value {
            [high, low, ..] if name == id => return Some(u16::from_be_bytes([*high, *low])),
            _ => {}
        }
    })
}

/// The block of extensions, with the four bytes at its head.
fn extensions(packet: &[u8]) -> Option<&[u8]> {
    let at = 12 + 4 * usize::from(packet.first()? & 15);
    let block = packet.get(at..).filter(|_| packet[0] & 0x10 != 0)?;
    let words = u16::from_be_bytes([*block.get(2)?, *block.get(3)?]);
    block.get(..4 + 4 * usize::from(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(wide: &mut WideNumbers, number: u16) -> bool {
        wide.admits(&packet(number), Instant::now())
    }

    fn packet(number: u16) -> Vec<u8> {
        let [high, low] = number.to_be_bytes();
        let mut packet = vec![0x91; 12];
        packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 2, 0, 0x10, 1, 0x31, high, low, 0, 0, 7]);
        packet
    }

    fn begun(first: u16) -> WideNumbers {
        let mut wide = WideNumbers::default();
        wide.travels(Some(3));
        assert!(admits(&mut wide, first));
        wide.took(Some(first), Instant::now());
        wide
    }

    #[test]
    fn a_number_from_before_the_first_is_not_read() {
        let mut wide = begun(100);
        assert!(!admits(&mut wide, u16::MAX), "though it is near");
        assert!(admits(&mut wide, 50), "late, but no earlier than the beginning of the count");
        assert!(!wide.has_place(100 + HALF));
        assert!(wide.has_place(99 + HALF));
    }

    #[test]
    fn past_the_half_every_number_has_its_place() {
        let (mut wide, now) = (begun(100), Instant::now());
        wide.took(Some(20_000), now);
        assert!(!wide.has_place(u16::MAX));
        wide.took(Some(40_000), now);
        assert!(wide.has_place(u16::MAX) && wide.has_place(0));
        let mut wide = begun(60_000);
        assert!(admits(&mut wide, 60_000 + MAX_DROPOUT) && wide.has_place(0));
        wide.took(Some(65_000), now);
        assert!(admits(&mut wide, 7) && admits(&mut wide, 64_500));
    }

    #[test]
    fn what_is_not_authentic_raises_nothing() {
        let mut wide = WideNumbers::default();
        wide.travels(Some(3));
        assert!(admits(&mut wide, 40_000) && admits(&mut wide, 30_000) && admits(&mut wide, 100));
        assert!(!admits(&mut wide, 40_000), "the first that was authentic may have been the least");
    }

    #[test]
    fn a_leap_is_taken_when_the_next_number_confirms_it_and_once_a_second() {
        let (mut wide, start) = (begun(100), Instant::now());
        let mut at = |number, ms| {
            let now = start + Duration::from_millis(ms);
            let admitted = wide.admits(&packet(number), now);
            if admitted {
                wide.took(Some(number), now);
            }
            admitted
        };
        assert!(at(3000, 0), "a dropout");
        assert!(!at(20_000, 0) && at(20_001, 0) && at(20_002, 0));
        assert!(at(20_000, 0), "late");
        assert!(!at(40_000, 10) && !at(40_001, 20), "too soon");
        assert!(!at(50_000, 2000) && !at(7, 2000) && !at(30_000, 2000), "at random");
        assert!(at(20_003, 2000));
        assert!(!at(40_002, 2000) && at(40_003, 2000));
    }

    #[test]
    fn both_forms_are_read_as_far_as_they_go_and_other_extensions_are_not() {
        let two = [&[0x90; 12][..], &[0x10, 0, 0, 2, 5, 1, 9, 3, 2, 0x12, 0x34, 0, 7]].concat();
        assert_eq!(numbers(&two, 3).collect::<Vec<_>>(), [0x1234]);
        assert_eq!(numbers(&two, 5).count(), 0);
        assert_eq!(numbers(&packet(7), 3).collect::<Vec<_>>(), [7]);
        for length in 0..two.len() {
            numbers(&two[..length], 3).count();
        }
    }
}
