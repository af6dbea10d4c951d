//! Redundant sound: packets that carry the ones before them once more (RED).
//!
//! Lives here: which codec of str0m's stands for it, the blocks of a packet, and which of them make up for a loss.
//! Not here: how descriptions name it (`sdp`), who gets it (`engine`).
//! Source: RFC 2198 §3.
//!
//! ```text
//! │1│type│time back│length│ … │0│type│ earlier block │ … │ the packet's own block │
//!    7    14        10           7    bits
//! ```

use std::ops::Range;

use str0m::format::{Codec, FormatParams, PayloadParams};
use str0m::media::Frequency;
use str0m::rtp::Ssrc;
use str0m::RtcConfig;

/// The payload type under which it is offered; libwebrtc's own.
const PAYLOAD_TYPE: u8 = 63;

/// What str0m is told instead. It has no such codec, and never matches one that it does not have; but all that it
/// compares is name, clock, channels and format, and with Opus's clock and channels nobody speaks this.
const STAND_IN: Codec = Codec::PCMA;

/// How it is named in a description, and how for str0m.
pub(crate) const NAME: &str = "red/48000/2";
pub(crate) const NAME_OF_STAND_IN: &str = "PCMA/48000/2";

/// Of the earlier blocks the last ones are looked at; libwebrtc sends one or two.
const EARLIER: usize = 2;

/// Let a transport speak it.
pub(crate) fn enable(config: &mut RtcConfig) {
    let (clock, format) = (Frequency::FORTY_EIGHT_KHZ, FormatParams::default());
    config.codec_config().add_config(PAYLOAD_TYPE.into(), None, STAND_IN, clock, Some(2), format);
}

/// Whether this is what a transport calls redundant sound.
pub(crate) fn is(params: &PayloadParams) -> bool {
    params.spec().codec == STAND_IN
}

/// What a packet consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// The payload type of its own block.
    pub(crate) payload_type: u8,
    /// Where its own block is.
    pub(crate) own: Range<usize>,
    /// What the packets before it carried, in the same payload type: the last of them first.
    pub(crate) earlier: [Option<Earlier>; EARLIER],
}

/// What an earlier packet carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// How much earlier it was, in units of the clock.
    pub(crate) back: u32,
    /// Where it is.
    pub(crate) at: Range<usize>,
}

/// Read a packet. `None`: it is malformed, or carries nothing of its own.
pub(crate) fn read(payload: &[u8]) -> Option<Blocks> {
    let (mut headers, mut length_of_earlier) = (payload, 0);
    let mut last = [None; EARLIER];
    let (payload_type, begin) = loop {
        match headers {
            [first, a, b, c, rest @ ..] if first & 0x80 != 0 => {
                let length = usize::from(u16::from_be_bytes([*b, *c]) & 0x3ff);
                let back = u32::from(u16::from_be_bytes([*a, *b]) >> 2);
                length_of_earlier += length;
                last.rotate_right(1);
                last[0] = Some((first & 0x7f, back, length));
                headers = rest;
            }
            [first, rest @ ..] if first & 0x80 == 0 => {
                break (*first, payload.len() - rest.len() + length_of_earlier);
            }
            _ => return None,
        }
    };
    if begin >= payload.len() {
        return None;
    }
    let mut end = begin;
    let earlier = last.map(|header| {
        let (kind, back, length) = header?;
        let at = end - length..end;
        end = at.start;
        (kind == payload_type && !at.is_empty()).then_some(Earlier { back, at })
    });
    Some(Blocks { payload_type, own: begin..payload.len(), earlier })
}

/// Which of the latest packets of a sound have come, or were made up for.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    of: Option<Ssrc>,
    highest: u64,
    /// Bit n: the packet n before the highest.
    came: u64,
}

impl Arrivals {
    /// Note a packet; false if it was there already. What was before the first packet counts as there.
    pub(crate) fn note(&mut self, ssrc: Ssrc, sequence: u64) -> bool {
        if self.of != Some(ssrc) {
            *self = Arrivals { of: Some(ssrc), highest: sequence, came: u64::MAX };
            return true;
        }
        let ahead = sequence.saturating_sub(self.highest);
        if ahead > 0 {
            self.came = u32::try_from(ahead).ok().and_then(|n| self.came.checked_shl(n)).unwrap_or(0) | 1;
            self.highest = sequence;
            return true;
        }
        let bit = u32::try_from(self.highest - sequence).ok().and_then(|n| 1_u64.checked_shl(n));
        let new = bit.is_some_and(|bit| self.came & bit == 0);
        self.came |= bit.unwrap_or(0);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of earlier blocks (how far back, contents) and its own.
    fn packet(earlier: &[(u16, &[u8])], own: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (back, block) in earlier {
            out.push(0x80 | 111);
            out.extend(&((u32::from(*back) << 10) | block.len() as u32).to_be_bytes()[1..]);
        }
        out.push(111);
        earlier.iter().for_each(|(_, block)| out.extend_from_slice(block));
        out.extend_from_slice(own);
        out
    }

    #[test]
    fn a_packet_is_read_into_its_blocks() {
        let bytes = packet(&[(2880, b"oldest"), (1920, b"older"), (960, b"old")], b"new");
        let blocks = read(&bytes).unwrap();
        assert_eq!((blocks.payload_type, &bytes[blocks.own]), (111, &b"new"[..]));
        let earlier: Vec<_> =
            blocks.earlier.iter().flatten().map(|e| (e.back, &bytes[e.at.clone()])).collect();
        assert_eq!(earlier, [(960, &b"old"[..]), (1920, &b"older"[..])]);
        let alone = read(&packet(&[], b"x")).unwrap();
        assert_eq!((alone.own, alone.earlier), (1..2, [None, None]));
        let long = packet(&[(16_383, &[7; 1023])], b"x");
        assert_eq!(read(&long).unwrap().earlier[0], Some(Earlier { back: 16_383, at: 5..1028 }));
    }

    #[test]
    fn an_earlier_block_of_another_kind_or_of_nothing_is_none() {
        let mut bytes = packet(&[(1920, b""), (960, b"old")], b"new");
        bytes[4] = 0x80 | 13;
        assert_eq!(read(&bytes).unwrap().earlier, [None, None]);
    }

    #[test]
    fn what_is_cut_off_is_malformed() {
        let bytes = packet(&[(1920, b"older"), (960, b"old")], b"n");
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "{end} bytes of it");
        }
        assert_eq!(read(&[0x80; 64]), None);
        assert_eq!(read(&[0xff; 1200]), None);
    }

    #[test]
    fn what_came_is_known_also_out_of_order() {
        let (mut arrivals, ssrc) = (Arrivals::default(), Ssrc::from(1));
        assert!(arrivals.note(ssrc, 70_000));
        assert!(!arrivals.note(ssrc, 69_999), "before the first nothing is missed");
        assert!(arrivals.note(ssrc, 70_003));
        assert!(arrivals.note(ssrc, 70_001));
        assert!(!arrivals.note(ssrc, 70_001));
        assert!(arrivals.note(ssrc, 70_002));
        assert!(arrivals.note(ssrc, 90_000));
        assert!(arrivals.note(ssrc, 89_999), "a leap leaves all before it open");
        assert!(!arrivals.note(ssrc, 70_003), "but for what is long past");
        assert!(arrivals.note(Ssrc::from(2), 5));
    }
}
