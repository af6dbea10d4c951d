//! Session descriptions from clients: read within a budget, before any transport sees them.
//!
//! Lives here: the limits, and the small changes an offer needs before str0m may read it.
//! Not here: what an offer does to a transport (`session`), which track a section carries (`visavis.rtc`).
//!
//! Reading costs milliseconds (3 ms for an offer of 17 kB), so it is a step of its own that a caller takes on its own
//! thread. The reader is str0m's; a panic in it is an error here.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

use str0m::change::{SdpAnswer, SdpOffer};

use crate::Error;

/// Longest session description that is read, in bytes. An SDK's offer has 17 kB.
pub const MAX_SDP_BYTES: usize = 256 * 1024;

/// Most media sections in one description. A talk of two delegations needs some dozens.
const MAX_SECTIONS: usize = 512;

/// A client's offer, read but not yet applied.
pub struct Offer(pub(crate) SdpOffer);

/// A client's answer, read but not yet applied.
pub struct Answer(pub(crate) SdpAnswer);

impl Offer {
    /// Read a publisher's offer.
    ///
    /// Its sections that only receive become inactive: the SDKs leave some behind when they fall back from LiveKit's
    /// single-connection path, nothing is ever sent on them, and str0m would answer each with a sending stream.
    ///
    /// Errors: `DescriptionTooLarge`, `MalformedOffer`.
    pub fn parse(sdp: &str) -> Result<Offer, Error> {
        let sdp = prepare(sdp, true)?;
        catch_unwind(AssertUnwindSafe(|| SdpOffer::from_sdp_string(&sdp)))
            .ok()
            .and_then(Result::ok)
            .map(Offer)
            .ok_or(Error::MalformedOffer)
    }
}

impl Answer {
    /// Read a subscriber's answer.
    ///
    /// Errors: `DescriptionTooLarge`, `MalformedAnswer`.
    pub fn parse(sdp: &str) -> Result<Answer, Error> {
        let sdp = prepare(sdp, false)?;
        catch_unwind(AssertUnwindSafe(|| SdpAnswer::from_sdp_string(&sdp)))
            .ok()
            .and_then(Result::ok)
            .map(Answer)
            .ok_or(Error::MalformedAnswer)
    }
}

/// Check the budgets and leave out what the engine does not use.
///
/// Candidates go: the engine is ICE-lite and learns a client's address from the client's own checks, so a list of
/// them (of any length, to any address) has no work to do here.
fn prepare(sdp: &str, idle_receivers: bool) -> Result<String, Error> {
    if sdp.len() > MAX_SDP_BYTES || sdp.lines().filter(|l| l.starts_with("m=")).count() > MAX_SECTIONS {
        return Err(Error::DescriptionTooLarge);
    }
    let lines: Vec<&str> = sdp.lines().filter(|l| !l.starts_with("a=candidate:")).collect();
    let mut out = String::with_capacity(sdp.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        let idle = idle_receivers && section.contains(&"a=recvonly");
        let is_media = section[0].starts_with("m=");
        let (media, kept) = match idle && is_media {
            true => idle_section(section),
            false => (section[0].to_owned(), section.to_vec()),
        };
        for line in std::iter::once(media.as_str()).chain(kept.into_iter().skip(1)) {
            out.push_str(if idle && line == "a=recvonly" { "a=inactive" } else { line });
            out.push_str("\r\n");
        }
    }
    Ok(out)
}

/// A section in which nothing will flow, with its first payload type alone: the SDKs leave a dozen codecs in each, and
/// reading them is most of what a join costs. A later offer that uses the section says all of it again.
fn idle_section<'a>(section: &[&'a str]) -> (String, Vec<&'a str>) {
    let first = section[0].split(' ').nth(3).unwrap_or_default();
    let (media, kept) = with_payloads(section, &[first]);
    (media, kept.into_iter().filter(|l| !l.starts_with("a=extmap:")).collect())
}

/// The engine's offer, of the sections in `codecs` (by mid) only the codec named there, with its retransmission.
pub(crate) fn narrowed(offer: &str, codecs: &HashMap<String, String>) -> String {
    let lines: Vec<&str> = offer.lines().collect();
    let mut out = String::with_capacity(offer.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        let codec = section.iter().find_map(|l| l.strip_prefix("a=mid:")).and_then(|mid| codecs.get(mid));
        let payloads = codec.map(|codec| payloads_of(section, codec)).unwrap_or_default();
        let (media, kept) = match payloads.is_empty() {
            true => (section[0].to_owned(), section.to_vec()),
            false => with_payloads(section, &payloads),
        };
        for line in std::iter::once(media.as_str()).chain(kept.into_iter().skip(1)) {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out
}

/// The payload types of a codec in a section, and those that resend them (RFC 4588).
fn payloads_of<'a>(section: &[&'a str], codec: &str) -> Vec<&'a str> {
    let attribute = |name: &'static str| {
        section.iter().filter_map(move |l| l.strip_prefix(name)).filter_map(|rest| rest.split_once(' '))
    };
    let named = attribute("a=rtpmap:")
        .filter(|(_, encoding)| encoding.split('/').next().is_some_and(|n| n.eq_ignore_ascii_case(codec)));
    let mut found: Vec<&str> = named.map(|(payload, _)| payload).collect();
    let resent = attribute("a=fmtp:")
        .filter(|(_, format)| format.strip_prefix("apt=").is_some_and(|main| found.contains(&main)));
    let resent: Vec<&str> = resent.map(|(payload, _)| payload).collect();
    found.extend(resent);
    found
}

/// A section's first line and its lines, with what they say of these payload types alone.
fn with_payloads<'a>(section: &[&'a str], payloads: &[&str]) -> (String, Vec<&'a str>) {
    let media: Vec<&str> = section[0].split(' ').take(3).chain(payloads.iter().copied()).collect();
    let of_another = |line: &str| {
        let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|name| line.strip_prefix(name));
        about.is_some_and(|rest| !payloads.contains(&rest.split(' ').next().unwrap_or_default()))
    };
    (media.join(" "), section.iter().copied().filter(|l| !of_another(l)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_left_out_and_receivers_of_an_offer_rest() {
        let sdp = "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=recvonly\r\n";
        assert_eq!(prepare(sdp, true).unwrap(), "v=0\r\na=inactive\r\n");
        assert_eq!(prepare(sdp, false).unwrap(), "v=0\r\na=recvonly\r\n");
    }

    #[test]
    fn an_idle_section_keeps_its_first_payload_type_alone() {
        let sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=extmap:1 urn:x\r\na=mid:0\r\na=recvonly\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n";
        let kept = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
            a=mid:0\r\na=inactive\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n";
        assert_eq!(prepare(sdp, true).unwrap(), kept);
        assert_eq!(prepare(sdp, false).unwrap(), sdp);
        for odd in ["m=", "m=video", "m=video 9 x", "m=video 9 x "] {
            prepare(&format!("{odd}\r\na=recvonly"), true).unwrap();
        }
    }

    #[test]
    fn an_offer_says_of_a_narrowed_section_its_one_codec() {
        let offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:a\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n\
            a=rtcp-fb:98 nack\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=extmap:4 urn:x\r\na=sendonly\r\n";
        let only = |codec: &str| narrowed(offer, &HashMap::from([("a".to_owned(), codec.to_owned())]));
        assert_eq!(
            only("vp8"),
            "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:a\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=extmap:4 urn:x\r\na=sendonly\r\n"
        );
        assert_eq!(only("AV1"), offer, "a codec that is not there narrows nothing");
        assert_eq!(narrowed(offer, &HashMap::new()), offer);
    }

    #[test]
    fn a_description_over_the_budget_is_refused_before_it_is_read() {
        let long = "a".repeat(MAX_SDP_BYTES + 1);
        assert_eq!(Offer::parse(&long).err(), Some(Error::DescriptionTooLarge));
        assert_eq!(Answer::parse(&long).err(), Some(Error::DescriptionTooLarge));
        let many = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(MAX_SECTIONS + 1);
        assert_eq!(Offer::parse(&many).err(), Some(Error::DescriptionTooLarge));
    }

    #[test]
    fn garbage_is_malformed() {
        for text in ["", "v=0", "not a description", "\u{0}\u{ffff}", "m=audio x y z\r\n"] {
            assert_eq!(Offer::parse(text).err(), Some(Error::MalformedOffer), "{text:?}");
            assert_eq!(Answer::parse(text).err(), Some(Error::MalformedAnswer), "{text:?}");
        }
    }
}
