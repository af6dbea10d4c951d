//! Session descriptions from clients: read within a budget, before any transport sees them.
//!
//! Lives here: the limits, and the small changes an offer needs before str0m may read it.
//! Not here: what an offer does to a transport (`session`), which track a section carries (`visavis.rtc`).
//!
//! Reading costs milliseconds (3 ms for an offer of 17 kB), so it is a step of its own that a caller takes on its own
//! thread. The reader is str0m's; a panic in it is an error here.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::panic::{catch_unwind, AssertUnwindSafe};

use str0m::change::{SdpAnswer, SdpOffer};

use crate::{redundancy, Error};

/// Longest session description that is read, in bytes. An SDK's offer has 17 kB.
pub const MAX_SDP_BYTES: usize = 256 * 1024;

/// Most media sections in one description. A talk of two delegations needs some dozens.
const MAX_SECTIONS: usize = 512;

/// The codecs that the engine speaks, by their names in `a=rtpmap`. Rooms do not offer VP9 and AV1, but LiveKit's Python
/// client aborts where it is told to publish in one of them and is not let.
const CODECS: [&str; 6] = ["opus", "red", "VP8", "H264", "VP9", "AV1"];

/// A client's offer, read but not yet applied.
pub struct Offer {
    pub(crate) sdp: SdpOffer,
    /// The payload types of each section (by mid), in the order in which the client prefers them.
    pub(crate) preferred: HashMap<String, Vec<String>>,
}

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
        let preferred = preferred(&sdp);
        catch_unwind(AssertUnwindSafe(|| SdpOffer::from_sdp_string(&sdp)))
            .ok()
            .and_then(Result::ok)
            .map(|sdp| Offer { sdp, preferred })
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
/// str0m's reader tries two dozen kinds of line one after the other and puts an error together for each that it was
/// not: reading costs by the line, and was most of what a join costs. So there go: codecs that the engine does not
/// speak; what a section repeats of the bundle's first; feedback, of which only transport-cc decides anything. And
/// candidates: the engine is ICE-lite and learns a client's address from the client's own checks, so a list of them
/// (of any length, to any address) has no work to do here.
fn prepare(sdp: &str, idle_receivers: bool) -> Result<String, Error> {
    if sdp.len() > MAX_SDP_BYTES || sdp.lines().filter(|l| l.starts_with("m=")).count() > MAX_SECTIONS {
        return Err(Error::DescriptionTooLarge);
    }
    let mut said = HashSet::new();
    let lines: Vec<&str> =
        sdp.lines().filter(|l| !is_unused(l) && (!is_bundled(l) || said.insert(*l))).collect();
    let mut out = String::with_capacity(sdp.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        if !section[0].starts_with("m=") {
            write(&mut out, section.iter().copied());
        } else if idle_receivers && section.contains(&"a=recvonly") {
            let lines = idle(section);
            write(&mut out, lines.iter().map(|l| if *l == "a=recvonly" { "a=inactive" } else { l }));
        } else {
            let lines = with_codecs(section, &CODECS);
            match redundant(section) {
                None => write(&mut out, lines.iter().map(|l| &**l)),
                Some(red) => {
                    let (name, format) = (format!("a=rtpmap:{red} "), format!("a=fmtp:{red} "));
                    let stand_in = format!("{name}{}", redundancy::NAME_OF_STAND_IN);
                    let lines = lines.iter().filter(|l| !l.starts_with(&format));
                    write(&mut out, lines.map(|l| if l.starts_with(&name) { &stand_in } else { &**l }));
                }
            }
        }
    }
    Ok(out)
}

fn write<'a>(out: &mut String, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        out.push_str(line);
        out.push_str("\r\n");
    }
}

/// A line that decides nothing.
fn is_unused(line: &str) -> bool {
    match line.strip_prefix("a=") {
        Some("rtcp-mux" | "rtcp-rsize" | "end-of-candidates") => true,
        Some(a) if a.starts_with("candidate:") || a.starts_with("rtcp:") => true,
        Some(a) if a.starts_with("rtcp-fb:") => !a.ends_with(" transport-cc"),
        _ => false,
    }
}

/// A line that decides the same for all sections of a bundle, which all sections are of (RFC 9143): the first counts.
fn is_bundled(line: &str) -> bool {
    ["a=ice-ufrag:", "a=ice-pwd:", "a=ice-options:", "a=fingerprint:", "a=setup:"]
        .iter()
        .any(|name| line.starts_with(name))
}

/// A section in which nothing will flow, with its first payload type alone. A later offer that uses the section says
/// all of it again. Its header extensions stay: what a client was refused once in a kind of section, it does not offer
/// again in a new one, and without the one that names layers it publishes none (libwebrtc).
fn idle<'a>(section: &[&'a str]) -> Vec<Cow<'a, str>> {
    let first = section[0].split(' ').nth(3).unwrap_or_default();
    with_payloads(section, &[first])
}

/// A description by str0m, with redundant sound under its own name again. Its format is the Opus of the section.
pub(crate) fn revealed(sdp: &str) -> String {
    let lines: Vec<&str> = sdp.lines().collect();
    let mut out = String::with_capacity(sdp.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        let opus = payload_of(section, "opus/48000/2");
        for line in section {
            match (line.strip_prefix("a=rtpmap:").and_then(|l| l.split_once(' ')), opus) {
                (Some((red, redundancy::NAME_OF_STAND_IN)), Some(opus)) => {
                    let (name, format) = (redundancy::NAME, format!("a=fmtp:{red} {opus}/{opus}"));
                    write(&mut out, [format!("a=rtpmap:{red} {name}"), format].iter().map(String::as_str));
                }
                _ => write(&mut out, std::iter::once(*line)),
            }
        }
    }
    out
}

/// The payload type of redundant sound in a section. `None`: there is none, or one of something else than the Opus there.
fn redundant<'a>(section: &[&'a str]) -> Option<&'a str> {
    let red = payload_of(section, redundancy::NAME)?;
    let opus = payload_of(section, "opus/48000/2")?;
    let formats = section.iter().filter_map(|l| l.strip_prefix("a=fmtp:")?.split_once(' '));
    let mut blocks = formats.filter(|(payload, _)| *payload == red).flat_map(|(_, of)| of.split('/'));
    blocks.all(|of| of == opus).then_some(red)
}

/// The payload type of a codec, as `a=rtpmap` has it.
fn payload_of<'a>(section: &[&'a str], encoding: &str) -> Option<&'a str> {
    let maps = section.iter().filter_map(|l| l.strip_prefix("a=rtpmap:")?.split_once(' '));
    maps.filter(|(_, name)| name.eq_ignore_ascii_case(encoding)).map(|(payload, _)| payload).next()
}

/// The engine's offer, of the sections in `codecs` (by mid) only the codec named there, with its retransmission.
pub(crate) fn narrowed(offer: &str, codecs: &HashMap<String, String>) -> String {
    let lines: Vec<&str> = offer.lines().collect();
    let mut out = String::with_capacity(offer.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        match section.iter().find_map(|l| l.strip_prefix("a=mid:")).and_then(|mid| codecs.get(mid)) {
            Some(red) if red.eq_ignore_ascii_case("red") => {
                write(&mut out, with_codecs(section, &["opus", red]).iter().map(|l| &**l));
            }
            Some(codec) => write(&mut out, with_codecs(section, &[codec]).iter().map(|l| &**l)),
            None => write(&mut out, section.iter().copied()),
        }
    }
    out
}

/// The payload types of each section of an offer, in its order.
fn preferred(offer: &str) -> HashMap<String, Vec<String>> {
    let lines: Vec<&str> = offer.lines().collect();
    let sections = lines.chunk_by(|_, next| !next.starts_with("m="));
    sections
        .filter_map(|section| {
            let mid = section.iter().find_map(|l| l.strip_prefix("a=mid:"))?;
            Some((mid.to_owned(), section[0].split(' ').skip(3).map(str::to_owned).collect()))
        })
        .collect()
}

/// The engine's answer, each section's payload types in the order of the offer (RFC 3264 §6.1). str0m has an order of
/// its own; but what stands first is what a browser sends, and what the others are then offered.
pub(crate) fn in_order(answer: &str, preferred: &HashMap<String, Vec<String>>) -> String {
    let lines: Vec<&str> = answer.lines().collect();
    let mut out = String::with_capacity(answer.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        let order = section.iter().find_map(|l| l.strip_prefix("a=mid:")).and_then(|mid| preferred.get(mid));
        let mut media: Vec<&str> = section[0].split(' ').collect();
        if let (Some(order), Some(payloads)) = (order, media.get_mut(3..)) {
            payloads.sort_by_key(|p| order.iter().position(|o| o == p).unwrap_or(order.len()));
        }
        let media = media.join(" ");
        write(&mut out, std::iter::once(media.as_str()).chain(section[1..].iter().copied()));
    }
    out
}

/// The lines of a section without those of other codecs. All of them, if it has none of these.
fn with_codecs<'a>(section: &[&'a str], codecs: &[&str]) -> Vec<Cow<'a, str>> {
    let attribute = |name: &'static str| {
        section.iter().filter_map(move |l| l.strip_prefix(name)).filter_map(|rest| rest.split_once(' '))
    };
    let named = |encoding: &str| {
        codecs.iter().any(|c| encoding.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(c)))
    };
    // By the name of redundant sound goes also that of pictures, which is not spoken.
    let spoken = |payload: &str, encoding: &str| {
        let red = encoding.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case("red"));
        !red || redundant(section).is_some_and(|red| red == payload)
    };
    let main: Vec<&str> = attribute("a=rtpmap:")
        .filter(|(payload, encoding)| named(encoding) && spoken(payload, encoding))
        .map(|(payload, _)| payload)
        .collect();
    if main.is_empty() {
        return section.iter().map(|l| Cow::Borrowed(*l)).collect();
    }
    // What resends one of them says so in its format (RFC 4588).
    let resent = attribute("a=fmtp:")
        .filter(|(_, format)| format.strip_prefix("apt=").is_some_and(|of| main.contains(&of)))
        .map(|(payload, _)| payload);
    with_payloads(section, &main.iter().copied().chain(resent).collect::<Vec<_>>())
}

/// The lines of a section without those of other payload types.
fn with_payloads<'a>(section: &[&'a str], payloads: &[&str]) -> Vec<Cow<'a, str>> {
    let words = section[0].split(' ').enumerate();
    let media: Vec<&str> =
        words.filter(|(n, word)| *n < 3 || payloads.contains(word)).map(|(_, word)| word).collect();
    let of_another = |line: &str| {
        let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|name| line.strip_prefix(name));
        about.is_some_and(|rest| !payloads.contains(&rest.split(' ').next().unwrap_or_default()))
    };
    let kept = section[1..].iter().filter(|l| !of_another(l)).map(|l| Cow::Borrowed(*l));
    std::iter::once(Cow::Owned(media.join(" "))).chain(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_left_out_and_receivers_of_an_offer_rest() {
        let sdp = "m=audio 9 x 0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=recvonly\r\n";
        assert_eq!(prepare(sdp, true).unwrap(), "m=audio 9 x 0\r\na=inactive\r\n");
        assert_eq!(prepare(sdp, false).unwrap(), "m=audio 9 x 0\r\na=recvonly\r\n");
    }

    #[test]
    fn an_idle_section_keeps_its_first_payload_type_alone() {
        let sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=extmap:1 urn:x\r\na=mid:0\r\na=recvonly\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n";
        let kept =
            "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=extmap:1 urn:x\r\na=mid:0\r\n\
            a=inactive\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n";
        assert_eq!(prepare(sdp, true).unwrap(), kept);
        for odd in ["m=", "m=video", "m=video 9 x", "m=video 9 x "] {
            prepare(&format!("{odd}\r\na=recvonly"), true).unwrap();
        }
    }

    #[test]
    fn of_a_section_is_read_what_decides_something() {
        let sdp = "v=0\r\na=ice-options:trickle\r\nm=video 9 UDP/TLS/RTP/SAVPF 98 96 97\r\nc=IN IP4 0.0.0.0\r\n\
            a=ice-ufrag:u\r\na=rtcp-mux\r\na=rtpmap:98 H265/90000\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtcp-fb:96 nack\r\na=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
            a=sendonly\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:u\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtcp-fb:96 transport-cc\r\nm=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=ice-ufrag:new\r\na=rtpmap:9 G722/8000\r\n";
        let read =
            "v=0\r\na=ice-options:trickle\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n\
            a=ice-ufrag:u\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
            a=sendonly\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtcp-fb:96 transport-cc\r\nm=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=ice-ufrag:new\r\na=rtpmap:9 G722/8000\r\n";
        assert_eq!(prepare(sdp, false).unwrap(), read);
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
    fn redundant_sound_has_another_name_for_str0m() {
        let said = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
            a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\n\
            a=sendonly\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 116 117\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtpmap:116 red/90000\r\na=rtpmap:117 rtx/90000\r\na=fmtp:117 apt=116\r\n";
        let read = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
            a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 PCMA/48000/2\r\na=sendonly\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
        assert_eq!(prepare(said, true).unwrap(), read);
        let answer = read.replace("PCMA/48000/2\r\n", "red/48000/2\r\na=fmtp:63 111/111\r\n");
        assert_eq!(revealed(read), answer);
        assert_eq!(revealed(&answer), answer);
        let only = |codec: &str| narrowed(&answer, &HashMap::from([("a".to_owned(), codec.to_owned())]));
        assert_eq!(only("red"), answer);
        let plain =
            answer.replace(" 111 63", " 111").replace("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n", "");
        assert_eq!(only("opus"), plain);
    }

    #[test]
    fn redundant_sound_of_anything_else_is_not_spoken() {
        let of = |format: &str| {
            format!("m=audio 9 x 63 111\r\na=rtpmap:63 red/48000/2\r\n{format}a=rtpmap:111 opus/48000/2\r\n")
        };
        let spoken = |format: &str| prepare(&of(format), true).unwrap().contains("PCMA");
        assert!(spoken("a=fmtp:63 111/111\r\n") && spoken("a=fmtp:63 111/111/111\r\n") && spoken(""));
        assert!(!spoken("a=fmtp:63 111/0\r\n") && !spoken("a=fmtp:63 0\r\n") && !spoken("a=fmtp:63 \r\n"));
        let without = "m=audio 9 x 63\r\na=rtpmap:63 red/48000/2\r\n";
        assert_eq!(prepare(without, true).unwrap(), without);
    }

    #[test]
    fn an_answer_has_the_order_of_the_offer() {
        let answer = "v=0\r\na=group:BUNDLE a b\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\na=mid:a\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:b\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:c\r\n";
        let offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102 45 96 103 97\r\na=mid:a\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:b\r\n";
        assert_eq!(in_order(answer, &preferred(offer)), answer.replace("96 97 102 103", "102 96 103 97"));
        assert_eq!(in_order(answer, &HashMap::new()), answer);
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
