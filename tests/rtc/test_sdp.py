"""Reading session descriptions within a budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.rtc import sdp
from visavis.rtc.errors import SdpMalformed
from visavis.rtc.ports import Mid

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
a=mid:0
a=sendonly
a=msid:stream cid-a
a=rtpmap:63 red/48000/2
a=rtpmap:111 opus/48000/2
m=video 0 UDP/TLS/RTP/SAVPF 96
a=mid:1
a=sendrecv
a=rtpmap:96 VP8/90000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:2
"""


def test_sections():
    """Each section has its kind, mid, direction, msid and first codec; one with port 0 sends nothing."""
    audio, video, data = sdp.sections(OFFER)
    assert (audio.kind, audio.mid, audio.direction, audio.msid, audio.codec) == (
        "audio",
        "0",
        "sendonly",
        "cid-a",
        "opus",
    )
    assert audio.sends
    assert (video.codec, video.sends) == ("VP8", False)
    assert data.kind == "application"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings(ending):
    """Both line endings read alike."""
    assert sdp.sections(OFFER.replace("\n", ending)) == sdp.sections(OFFER)


def test_session_direction():
    """A direction of the session holds for sections that say none."""
    text = OFFER.replace("t=0 0\n", "t=0 0\na=recvonly\n").replace("a=sendonly\n", "")
    assert sdp.sections(text)[0].direction == "recvonly"


MALFORMED = {
    "empty": "",
    "no version": "m=audio 9 x 1\n",
    "short line": "v=0\nm=audio 9\n",
    "port": "v=0\nm=audio x y 1\na=mid:0\n",
    "port of other digits": "v=0\nm=audio ٣ y 1\na=mid:0\n",
    "no mid": "v=0\nm=audio 9 x 1\n",
    "mid twice": "v=0\nm=audio 9 x 1\na=mid:0\nm=audio 9 x 1\na=mid:0\n",
    "sections": "v=0\n" + "".join(f"m=audio 9 x 1\na=mid:{n}\n" for n in range(sdp.MAX_SECTIONS + 1)),
    "lines": "v=0\n" + "a=x\n" * (sdp.MAX_LINES + 1),
    "long line": "v=0\na=" + "x" * sdp.MAX_LINE + "\n",
    "bytes": "v=0\n" + "a=" * sdp.MAX_BYTES,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(text):
    """What no client sends is refused before the engine sees it."""
    with pytest.raises(SdpMalformed):
        sdp.sections(text)


@given(st.integers(0, len(OFFER)), st.integers(0, 40), st.text(max_size=20))
def test_mutations(at, length, insert):
    """A damaged description is read or refused, never anything else."""
    text = OFFER[:at] + insert + OFFER[at + length :]
    try:
        sdp.sections(text)
    except SdpMalformed:
        return


def test_prefer():
    """A codec's payload types come first in its section; other sections, and one without it, stay as they are."""
    both = OFFER.replace("m=video 0 UDP/TLS/RTP/SAVPF 96", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104")
    both = both.replace(
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=rtpmap:102 H264/90000\na=rtpmap:104 H264/90000",
    )
    told = sdp.prefer(both, {Mid("1"): "h264"})
    assert "m=video 9 UDP/TLS/RTP/SAVPF 102 104 96 97 103\r\n" in told
    assert sdp.sections(told)[1].codec == "H264"
    assert sdp.sections(told)[0] == sdp.sections(both)[0]
    assert sdp.sections(sdp.prefer(both, {Mid("1"): "av1"})) == sdp.sections(both)
