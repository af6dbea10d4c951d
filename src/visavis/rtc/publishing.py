"""What the participants of a room publish. No IO, no clock, no randomness.

Lives here: declaring a track, the publisher's offers, which section carries which track, a track's first packet,
muting, features and sizes, its end.
Not here: who receives it (`subscribing`), whether it may be published (`permissions`, `tokens`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.rtc import sdp, subscribing
from visavis.rtc.effects import AcceptOffer, Muted, ParticipantSid, Published, TrackSid, Unpublished
from visavis.rtc.errors import (
    EncryptedTrackRefused,
    NotFound,
    PlainTrackRefused,
    PublishRefused,
    SignalMalformed,
    TooMany,
    Unsupported,
)
from visavis.rtc.participant import SILENCE, Participant, Track, source_name
from visavis.rtc.policy import MAX_LAYERS, bounded
from visavis.rtc.ports import Mid, TransportId
from visavis.rtc.roomstate import STALE, RoomState

NONE: Final = m.Encryption.Type.Value("NONE")

_RIDS: Final = "qhf"


def add_track(room: RoomState, p: Participant, a: r.AddTrackRequest, now_ms: int) -> None:
    """A client declares what it will publish, once: declared again, it is the same track."""
    bounded(a.cid, a.name, a.stream)
    if not a.cid or len(a.layers) > MAX_LAYERS or len(a.simulcast_codecs) > MAX_LAYERS:
        raise SignalMalformed("A track has no cid, or too many layers.")
    if not p.grants.may_publish(source_name(a.source)):
        raise PublishRefused("This token does not allow publishing this.", source=source_name(a.source))
    if a.type not in (m.TrackType.AUDIO, m.TrackType.VIDEO):
        raise Unsupported("Only sound and picture are published here.")
    if a.sid and TrackSid(a.sid) not in p.tracks:
        raise NotFound("There is no such track to which a codec could be added.")
    if room.policy.encrypted is True and a.encryption == NONE:
        raise PlainTrackRefused("This room takes encrypted tracks only.")
    if room.policy.encrypted is False and a.encryption != NONE:
        raise EncryptedTrackRefused("This room is for everybody to hear: no encrypted tracks.")
    if (known := p.by_cid(a.cid)) is None:
        if len(p.tracks) >= (most := room.policy.max_tracks):
            raise TooMany("A participant publishes at most so many tracks.", tracks=most)
        known = _new_track(a, room.new_sid("TR_"))
        p.tracks[known.sid] = known
    room.tell(p, track_published=r.TrackPublishedResponse(cid=a.cid, track=known.info))


def offer(room: RoomState, p: Participant, d: r.SessionDescription, now_ms: int) -> None:
    """A client's description of what it publishes."""
    sdp.sections(d.sdp)  # its budget, before the engine sees it
    p.offer_waiting = (d.id, d.sdp)
    _next_offer(room, p)


def _next_offer(room: RoomState, p: Participant) -> None:
    """One offer in work at a time; of those that come meanwhile the newest counts, as it holds the
    others.
    """
    if p.offer_waiting is not None and p.offer_in_work is None:
        (p.offer_in_work, offer), p.offer_waiting = p.offer_waiting, None
        room.do(AcceptOffer(p.sid, p.up, offer))


def offer_accepted(room: RoomState, asked: AcceptOffer, answer: str, now_ms: int) -> None:
    """The engine answered a publisher's offer."""
    p = room.by_sid.get(asked.participant)
    if p is None:
        return
    offer_id, offer = p.offer_in_work, asked.sdp
    p.offer_in_work = None
    carried = _carried(p, sdp.sections(offer))
    # A browser sends the codec that stands first in the answer, whatever it declared; LiveKit orders it so, too.
    answer = sdp.prefer(answer, {mid: track.codec for mid, track in carried.items() if track.codec})
    _place(room, p, carried, sdp.sections(answer), now_ms)
    if offer_id != STALE:
        room.tell(p, answer=r.SessionDescription(type="answer", sdp=answer, id=offer_id))
    _next_offer(room, p)


def _carried(p: Participant, offered: Sequence[sdp.Section]) -> dict[Mid, Track]:
    """Which section carries which declared track."""
    carried: dict[Mid, Track] = {}
    placed: set[TrackSid] = set()
    sending = [s for s in offered if s.kind in ("audio", "video") and s.sends]
    by_msid = {s.mid: track for s in sending if (track := p.by_cid(s.msid)) is not None}
    named = {track.sid for track in by_msid.values()}
    for s in sending:
        # A cid is usually the msid's track id; else what the section carried before, else the oldest track of
        # the kind that has no section yet. A section may go on sending a track that the server unpublished.
        track = by_msid.get(s.mid) or next(
            (t for t in p.tracks.values() if t.sid not in named and t.mid == s.mid), None
        )
        if track is None:
            video = s.kind == "video"
            track = next(
                (
                    t
                    for t in p.tracks.values()
                    if t.mid is None and t.sid not in named and (t.info.type == m.TrackType.VIDEO) == video
                ),
                None,
            )
        if track is None or track.sid in placed:
            continue  # undeclared: the engine may take its packets, nobody gets them
        placed.add(track.sid)
        carried[s.mid] = track
    return carried


def _place(
    room: RoomState,
    p: Participant,
    carried: Mapping[Mid, Track],
    answered: Sequence[sdp.Section],
    now_ms: int,
) -> None:
    """Keep which section carries which track, in which codec; what is carried no more is unpublished."""
    sections = {s.mid: s for s in answered}
    for mid, track in carried.items():
        if track.mid != mid:
            track.mid, track.silent = mid, True
        track.info.mid = mid
        if (s := sections.get(mid)) is not None and s.codec:
            track.info.mime_type = track.info.codecs[0].mime_type = f"{s.kind}/{s.codec}"
        room.owner[track.sid] = p
    placed = {track.sid for track in carried.values()}
    for track in [t for t in p.tracks.values() if t.mid is not None and t.sid not in placed]:
        unpublish(room, p, track, now_ms)
    for track in p.tracks.values():
        _unveil_muted(room, p, track, now_ms)


def _unveil_muted(room: RoomState, p: Participant, track: Track, now_ms: int) -> None:
    """A track that is muted has no first packet; the others know of it as soon as a section carries it."""
    if track.info.muted and track.mid is not None and track.silent:
        _unveil(room, p, track, now_ms)


def media_started(
    room: RoomState, sid: ParticipantSid, transport: TransportId, mid: Mid, now_ms: int
) -> None:
    """The first packet of a published section: now the others may know its track."""
    p = room.by_sid.get(sid)
    track = p.by_mid(mid) if p is not None and transport == p.up else None
    if p is not None and track is not None and track.silent:
        _unveil(room, p, track, now_ms)


def _unveil(room: RoomState, p: Participant, track: Track, now_ms: int) -> None:
    track.silent = False
    room.announce(p)
    for o in room.by_sid.values():
        if o is not p and o.wants(track.sid):
            subscribing.offer_track(room, o, track.sid)
    video = track.info.type == m.TrackType.VIDEO
    room.note("call-published", p, track=track.sid, source=source_name(track.info.source))
    room.happened(
        Published(room.name, p.identity, p.sid, track.sid, source_name(track.info.source), video, now_ms)
    )


def unpublish(room: RoomState, p: Participant, track: Track, now_ms: int) -> None:
    """A track is published no more; its publisher is told."""
    announced = track.announced
    del p.tracks[track.sid]
    room.heard.add(p.sid)
    subscribing.withdraw(room, track)
    room.tell(p, track_unpublished=r.TrackUnpublishedResponse(track_sid=track.sid))
    if announced:
        room.announce(p)
        room.happened(Unpublished(room.name, p.identity, p.sid, track.sid, now_ms))


def mute(room: RoomState, p: Participant, q: r.MuteTrackRequest, now_ms: int) -> None:
    """A client mutes or unmutes a track of its own."""
    _set_muted(room, p, _own(p, q.sid), q.muted, now_ms)


def _own(p: Participant, sid: str) -> Track:
    if (track := p.tracks.get(TrackSid(sid))) is None:
        raise NotFound("This participant publishes no such track.")
    return track


def mute_track(room: RoomState, p: Participant, sid: TrackSid, muted: bool, now_ms: int) -> None:
    """Mute a track and tell its publisher, whose SDK stops sending."""
    if (track := p.tracks.get(sid)) is not None:
        room.tell(p, mute=r.MuteTrackRequest(sid=sid, muted=muted))
        _set_muted(room, p, track, muted, now_ms)


def _set_muted(room: RoomState, p: Participant, track: Track, muted: bool, now_ms: int) -> None:
    if track.info.muted != muted:
        track.info.muted = muted
        if muted:
            track.level = SILENCE
        room.heard.add(p.sid)
        if muted and not track.announced:
            _unveil_muted(room, p, track, now_ms)
        elif track.announced:
            room.announce(p)
            room.happened(Muted(room.name, p.identity, p.sid, track.sid, muted, now_ms))


def update_audio_track(room: RoomState, p: Participant, q: r.UpdateLocalAudioTrack, now_ms: int) -> None:
    """A client tells how a sound of its own is made."""
    track = _own(p, q.track_sid)
    del track.info.audio_features[:]
    track.info.audio_features.extend(sorted(set(q.features)))
    room.announce(p)


def update_video_track(room: RoomState, p: Participant, q: r.UpdateLocalVideoTrack, now_ms: int) -> None:
    """A client tells how large a picture of its own is."""
    track = _own(p, q.track_sid)
    track.info.width, track.info.height = q.width, q.height
    room.announce(p)


def _new_track(a: r.AddTrackRequest, sid: str) -> Track:
    kind, codec = ("audio", "opus") if a.type == m.TrackType.AUDIO else ("video", "VP8")
    first = a.simulcast_codecs[0].codec if a.simulcast_codecs else ""
    bounded(first, *(c.cid for c in a.simulcast_codecs))
    mime = first if "/" in first else f"{kind}/{first or codec}"
    info = m.TrackInfo(
        sid=sid,
        type=a.type,
        name=a.name,
        muted=a.muted,
        width=a.width,
        height=a.height,
        source=a.source,
        disable_dtx=a.disable_dtx,
        stereo=a.stereo,
        disable_red=a.disable_red,
        encryption=a.encryption,
        stream=a.stream,
        mime_type=mime,
        layers=a.layers,
        audio_features=list(a.audio_features)[:16],
        backup_codec_policy=a.backup_codec_policy,
        packet_trailer_features=list(a.packet_trailer_features)[:16],
        simulcast=len(a.layers) > 1,
    )
    for n, layer in enumerate(info.layers):
        layer.spatial_layer = n
        layer.rid = _RIDS[n] if n < len(_RIDS) else ""
    info.codecs.add(mime_type=mime, cid=a.cid, layers=info.layers)
    cids = frozenset({a.cid, *(c.cid for c in a.simulcast_codecs if c.cid)})
    codec = first.partition("/")[2].lower() or first.lower()
    return Track(info, cids, codec or (_sound(info) if kind == "audio" else ""))


def _sound(info: m.TrackInfo) -> str:
    """In which codec a client is to send a sound of which it said none: with redundancy, unless it said that it has
    none. What is sealed has none either: an engine cannot take the redundancy off for those who do not understand it.
    """
    return "opus" if info.disable_red or info.encryption != NONE else "red"
