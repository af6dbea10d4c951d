//! Whether a packet begins a keyframe, by the bytes that end-to-end encryption leaves clear.
//!
//! Lives here: one rule per codec. Not here: when a keyframe is needed (`layers`, `forward`).

use str0m::format::Codec;
use str0m::rtp::Vp8Descriptor;

/// Whether a subscriber can start decoding at this packet.
///
/// payload: the RTP payload, without its header. vp8: its descriptor, if the codec is VP8 and it can be read.
/// Source: RFC 7741 §4.3 (VP8), RFC 6184 §5 (H.264), RFC 9628 §4.2 (VP9), AV1's RTP specification §4.4.
pub(crate) fn begins_keyframe(codec: Codec, payload: &[u8], vp8: Option<&Vp8Descriptor>) -> bool {
    match codec {
        Codec::Vp8 => vp8.is_some_and(|d| d.starts_keyframe(payload)),
        Codec::H264 => h264_keyframe(payload),
        // Not inter-picture predicted (P = 0), and the beginning of a frame (B = 1).
        Codec::Vp9 => payload.first().is_some_and(|b| b & 0x48 == 0x08),
        // The first packet of a coded video sequence (N = 1).
        Codec::Av1 => payload.first().is_some_and(|b| b & 0x08 != 0),
        _ => true,
    }
}

fn h264_keyframe(payload: &[u8]) -> bool {
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let key = |b: u8| matches!(b & 0x1f, IDR | SPS);
    let Some((&first, mut rest)) = payload.split_first() else { return false };
    match first & 0x1f {
        STAP_A => {
            while let [a, b, unit, ..] = rest {
                if key(*unit) {
                    return true;
                }
                let length = usize::from(u16::from_be_bytes([*a, *b]));
                rest = rest.get(2 + length..).unwrap_or_default();
            }
            false
        }
        FU_A => rest.first().is_some_and(|b| b & 0x80 != 0 && key(*b)),
        _ => key(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp8_is_a_keyframe_when_its_first_partition_says_so() {
        let read = |p: &[u8]| begins_keyframe(Codec::Vp8, p, Vp8Descriptor::parse(p).ok().as_ref());
        assert!(read(&[0x10, 0x00, 0, 0]));
        assert!(!read(&[0x10, 0x01, 0, 0]));
        assert!(!read(&[0x00, 0x00, 0, 0]));
        assert!(!read(&[]));
    }

    #[test]
    fn h264_is_a_keyframe_alone_aggregated_and_in_its_first_fragment() {
        assert!(h264_keyframe(&[0x65]));
        assert!(!h264_keyframe(&[0x61]));
        assert!(h264_keyframe(&[24, 0, 1, 0x61, 0, 2, 0x67, 9]));
        assert!(!h264_keyframe(&[24, 0, 1, 0x61]));
        assert!(h264_keyframe(&[28, 0x85]));
        assert!(!h264_keyframe(&[28, 0x05]));
        assert!(!h264_keyframe(&[24, 0xff, 0xff, 0x61, 0]));
    }

    #[test]
    fn sound_can_be_joined_at_any_packet() {
        assert!(begins_keyframe(Codec::Opus, &[1, 2, 3], None));
    }
}
