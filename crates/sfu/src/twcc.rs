//! The number that each packet of a client bears across all its streams, and which of them str0m must not see.
//!
//! Lives here: `WideNumbers`, which is asked before str0m reads a packet. Not here: the reports of them (str0m).
//!
//! str0m extends a number of 16 bits by the highest that came before. One from before the very first is taken for one
//! near 2⁶⁴, and its next report lists what is missing in between until memory is gone. Extensions are not sealed, only
//! signed, so such a packet can be known before it is read.
//!
//! Spec: draft-holmer-rmcat-transport-wide-cc-extensions-01, RFC 8285 §4.2 and §4.3 (how str0m reads them).

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
}

impl WideNumbers {
    /// From now on the number travels under this identifier.
    pub(crate) fn travels(&mut self, id: Option<u8>) {
        self.id = id;
    }

    /// Whether str0m may read this RTP packet.
    pub(crate) fn admits(&mut self, packet: &[u8]) -> bool {
        let Some(id) = self.id.filter(|_| !self.past) else { return true };
        numbers(packet, id).all(|number| self.admits_number(number))
    }

    fn admits_number(&mut self, number: u16) -> bool {
        match self.least {
            Some(least) if number > least && number - least >= HALF => return false,
            Some(least) if !self.authentic => self.least = Some(least.min(number)),
            None if number < HALF => self.least = Some(number),
            _ => {}
        }
        true
    }

    /// str0m took a packet with this number.
    pub(crate) fn took(&mut self, number: Option<u16>) {
        let Some(number) = number else { return };
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

    fn packet(number: u16) -> Vec<u8> {
        let [high, low] = number.to_be_bytes();
        let mut packet = vec![0x91; 12];
        packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 2, 0, 0x10, 1, 0x31, high, low, 0, 0, 7]);
        packet
    }

    fn begun(first: u16) -> WideNumbers {
        let mut wide = WideNumbers::default();
        wide.travels(Some(3));
        assert!(wide.admits(&packet(first)));
        wide.took(Some(first));
        wide
    }

    #[test]
    fn a_number_from_before_the_first_is_not_read() {
        let mut wide = begun(100);
        assert!(!wide.admits(&packet(u16::MAX)));
        assert!(!wide.admits(&packet(100 + HALF)));
        assert!(wide.admits(&packet(99 + HALF)));
        assert!(wide.admits(&packet(50)), "late, but no earlier than the beginning of the count");
    }

    #[test]
    fn past_the_half_every_number_has_its_place() {
        let mut wide = begun(100);
        wide.took(Some(20_000));
        wide.took(Some(40_000));
        assert!(wide.admits(&packet(u16::MAX)) && wide.admits(&packet(0)));
        let mut wide = begun(60_000);
        assert!(wide.admits(&packet(0)) && wide.admits(&packet(59_000)));
    }

    #[test]
    fn what_is_not_authentic_raises_nothing() {
        let mut wide = WideNumbers::default();
        wide.travels(Some(3));
        assert!(wide.admits(&packet(40_000)) && wide.admits(&packet(30_000)) && wide.admits(&packet(100)));
        assert!(!wide.admits(&packet(40_000)), "the first that was authentic may have been the least");
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
