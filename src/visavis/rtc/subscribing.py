"""Who of a room receives what. No IO, no clock, no randomness.

Lives here: offering tracks to whoever wants and may receive them, the subscriber's answers, routes, what a
subscriber asks of a track, what a publisher permits, which layers anybody receives.
Not here: the negotiation's steps (`participant.Downlink`), what is published (`publishing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.rtc import sdp
from visavis.rtc.effects import (
    AcceptAnswer,
    Gather,
    MakeOffer,
    ParticipantSid,
    Route,
    SetLayer,
    TrackSid,
    Unroute,
    Wake,
)
from visavis.rtc.errors import PublishRefused, SignalMalformed
from visavis.rtc.participant import Participant, Setting, Track
from visavis.rtc.policy import MAX_SUBSCRIPTIONS, bounded
from visavis.rtc.ports import HIGHEST_LAYER, Offer, Sending, Throttled
from visavis.rtc.roomstate import RoomState

_STREAMS: Final[Mapping[m.TrackSource, str]] = {
    m.TrackSource.CAMERA: "camera",
    m.TrackSource.MICROPHONE: "camera",
    m.TrackSource.SCREEN_SHARE: "screen",
    m.TrackSource.SCREEN_SHARE_AUDIO: "screen",
}
"""What belongs together; LiveKit's own names."""


def settle(room: RoomState) -> None:
    """At the end of a turn: tell publishers what is received, and offer to everybody who is due and can be reached."""
    for sid in sorted(room.requalified):
        _requalify(room, sid)
    room.requalified.clear()
    for p in room.by_sid.values():
        if p.connection is not None and p.down.due:
            add, stop, channels, restart = p.down.plan()
            sending = tuple(
                Sending(
                    owner.tracks[sid].info.type == m.TrackType.VIDEO,
                    _codec(p, owner.tracks[sid].info),
                    *_msid(room, p, owner, sid),
                )
                for sid in add
                for owner in [room.owner[sid]]
            )
            room.do(MakeOffer(p.sid, p.down.transport, sending, stop, channels, restart))


def _codec(p: Participant, info: m.TrackInfo) -> str:
    """The name of the codec in which a participant is offered a track."""
    codec = info.mime_type.partition("/")[2]
    return codec if p.takes_red else _least(codec)


def _least(codec: str) -> str:
    """The name of the codec that a client has to take to receive this one: of redundant sound what is in it."""
    return "opus" if codec.lower() == "red" else codec


def _msid(room: RoomState, p: Participant, owner: Participant, sid: TrackSid) -> tuple[str, str]:
    """The two halves of the msid of the section that offers a track.

    Clients take the track from the first half; if that names a stream of several tracks, which they then play
    together, from the second, which has to be the track's own name: true of the first section that carries it.
    """
    track = p.down.msid_track(sid)
    stream = _STREAMS.get(owner.tracks[sid].info.source) if track == sid and p.syncs else None
    return f"{owner.sid}|{stream if room.policy.sync_streams and stream else sid}", track


def offer_made(room: RoomState, asked: MakeOffer, offer: Offer) -> None:
    """The engine made an offer for a subscriber."""
    p = room.by_sid.get(asked.participant)
    if p is not None:
        offer_id = p.down.made(offer.mids)
        room.tell(p, offer=r.SessionDescription(type="offer", sdp=offer.sdp, id=offer_id))


def answer(room: RoomState, p: Participant, d: r.SessionDescription, now_ms: int) -> None:
    """A client's answer to the offer it has."""
    sdp.sections(d.sdp)
    if p.down.answered(d.id):
        room.do(AcceptAnswer(p.sid, p.down.transport, d.sdp))
    else:
        room.note("call-answer-out-of-turn", p)


def answer_accepted(room: RoomState, asked: AcceptAnswer) -> None:
    """The engine took a subscriber's answer: its new tracks flow."""
    p = room.by_sid.get(asked.participant)
    if p is None:
        return
    answered = {s.mid: s for s in sdp.sections(asked.sdp)}
    for track_sid, mid in p.down.taken().items():
        owner = room.owner.get(track_sid)
        track = owner and owner.tracks.get(track_sid)
        if not owner or not track or track.mid is None:
            p.down.drop(track_sid)
            continue
        if mid in answered and not answered[mid].takes(_least(_codec(p, track.info))):
            p.down.drop(track_sid)
            p.down.declined.add(track_sid)
            _fail(room, p, track_sid, m.SE_CODEC_UNSUPPORTED)
            continue
        setting = p.down.settings.get(track_sid, Setting())
        room.requalified.add(track_sid)
        rank = _rank(track.info)
        room.do(Route(owner.up, track.mid, p.down.transport, mid, setting.max_layer, rank))
        if setting.paused:
            room.do(SetLayer(p.down.transport, mid, setting.max_layer, True, rank))
        if p.by_packet:
            room.do(Wake(p.down.transport, mid))
        if not track.heard:
            track.heard = True
            room.tell(owner, track_subscribed=r.TrackSubscribed(track_sid=track_sid))


def _fail(room: RoomState, p: Participant, sid: TrackSid, err: m.SubscriptionError) -> None:
    room.tell(p, subscription_response=r.SubscriptionResponse(track_sid=sid, err=err))
    room.note("call-not-subscribed", p, track=sid, err=m.SubscriptionError.Name(err))


def offer_wanted(room: RoomState, p: Participant) -> None:
    """Let a participant receive whatever it wants and may."""
    for sid in list(room.owner):
        if p.wants(sid):
            offer_track(room, p, sid)


def offer_track(room: RoomState, p: Participant, sid: TrackSid) -> None:
    """Let a participant receive a track, if it is another's, announced, and its publisher permits.

    Whoever wants one that its publisher keeps from it is told so, and told when that ends.
    """
    owner = room.owner.get(sid)
    if (
        owner is None
        or owner is p
        or owner.grants.hidden
        or not owner.tracks[sid].announced
        or not p.grants.can_subscribe
    ):
        return
    if (allowed := owner.permits(p.identity, sid)) == (sid in p.down.denied):
        (p.down.denied.discard if allowed else p.down.denied.add)(sid)
        told = r.SubscriptionPermissionUpdate(participant_sid=owner.sid, track_sid=sid, allowed=allowed)
        room.tell(p, subscription_permission_update=told)
    if allowed:
        p.down.want(sid)


def unsubscribe(room: RoomState, p: Participant, sid: TrackSid) -> None:
    """Let a participant receive a track no more."""
    if (mid := p.down.drop(sid)) is not None:
        room.requalified.add(sid)
        room.do(Unroute(p.down.transport, mid))


def withdraw(room: RoomState, track: Track) -> None:
    """Nobody receives this track any more."""
    room.owner.pop(track.sid, None)
    for o in room.by_sid.values():
        unsubscribe(room, o, track.sid)
        o.down.forget(track.sid)


def subscription(room: RoomState, p: Participant, q: r.UpdateSubscription, now_ms: int) -> None:
    """A client asks to receive tracks, or no more."""
    named = sids_of(q)
    if q.subscribe and not p.grants.can_subscribe:
        raise PublishRefused("This token does not allow receiving.")
    subscribe(room, p, named, q.subscribe)
    gather(room, p)


def gather(room: RoomState, p: Participant) -> None:
    """A client asks for one track after the other: one offer for all; a second would wait for the first's answer."""
    if p.down.due:
        p.down.gathering = True
        room.do(Gather(p.sid))


def gathered(room: RoomState, sid: ParticipantSid) -> None:
    """What came in the same breath has come."""
    if (p := room.by_sid.get(sid)) is not None:
        p.down.gathering = False


def sids_of(q: r.UpdateSubscription) -> list[TrackSid]:
    """The tracks that a subscription names. Raises `SignalMalformed` if they are too many."""
    named = [*q.track_sids, *(s for t in q.participant_tracks for s in t.track_sids)]
    if len(named) > MAX_SUBSCRIPTIONS:
        raise SignalMalformed("A subscription names too many tracks.", tracks=len(named))
    return [TrackSid(sid) for sid in named]


def subscribe(room: RoomState, p: Participant, tracks: Iterable[TrackSid], receive: bool) -> None:
    """Let a participant receive these tracks, or no more. Of those that nobody publishes it is told so."""
    for track in tracks:
        if track not in room.owner:
            if receive:
                _fail(room, p, track, m.SE_TRACK_NOTFOUND)
            continue
        if receive:
            p.down.declined.discard(track)
            p.down.asked.add(track)
            offer_track(room, p, track)
        else:
            p.down.asked.discard(track)
            p.down.declined.add(track)
            unsubscribe(room, p, track)


def track_setting(room: RoomState, p: Participant, q: r.UpdateTrackSettings, now_ms: int) -> None:
    """A client tells at which size it shows tracks, or that it does not show them."""
    if len(q.track_sids) > MAX_SUBSCRIPTIONS:
        raise SignalMalformed("Settings name too many tracks.", tracks=len(q.track_sids))
    for sid in map(TrackSid, q.track_sids):
        owner = room.owner.get(sid)
        if owner is None:
            continue
        _set(
            room,
            p,
            owner.tracks[sid],
            Setting(_layer(owner.tracks[sid].info, q.quality, q.width), q.disabled),
        )


def not_shown(room: RoomState, p: Participant, tracks: Iterable[TrackSid]) -> None:
    """A participant receives these tracks and does not show them."""
    for sid in tracks:
        if (owner := room.owner.get(sid)) is not None:
            setting = replace(p.down.settings.get(sid, Setting()), paused=True)
            _set(room, p, owner.tracks[sid], setting)


def _set(room: RoomState, p: Participant, track: Track, setting: Setting) -> None:
    p.down.settings[track.sid] = setting
    room.requalified.add(track.sid)
    if (mid := p.down.receiving.get(track.sid)) is not None:
        rank = _rank(track.info)
        room.do(SetLayer(p.down.transport, mid, setting.max_layer, setting.paused, rank))


def subscription_permission(
    room: RoomState, p: Participant, q: r.SubscriptionPermission, now_ms: int
) -> None:
    """A client says who may receive what it publishes."""
    if len(q.track_permissions) > MAX_SUBSCRIPTIONS:
        raise SignalMalformed("A permission names too many participants.")
    if q.all_participants:
        p.permitted = None
    else:
        p.permitted = {}
        for t in q.track_permissions:
            by_sid = room.by_sid.get(ParticipantSid(t.participant_sid))
            identity = t.participant_identity or (by_sid.identity if by_sid else "")
            bounded(identity)
            p.permitted[identity] = None if t.all_tracks else frozenset(map(TrackSid, t.track_sids))
    for o in room.by_sid.values():
        for track in [t for t in p.tracks.values() if t.announced and o is not p]:
            if not p.permits(o.identity, track.sid):
                unsubscribe(room, o, track.sid)
            if o.wants(track.sid):
                offer_track(room, o, track.sid)


def throttled(room: RoomState, sid: ParticipantSid, event: Throttled) -> None:
    """The engine paused a track for a subscriber, or goes on."""
    p = room.by_sid.get(sid)
    found = p and next((t for t, mid in p.down.receiving.items() if mid == event.mid), None)
    owner = room.owner.get(found) if found else None
    if p is not None and found and owner is not None and event.transport == p.down.transport:
        state = r.StreamState.PAUSED if event.paused else r.StreamState.ACTIVE
        told = r.StreamStateInfo(participant_sid=owner.sid, track_sid=found, state=state)
        room.tell(p, stream_state_update=r.StreamStateUpdate(stream_states=[told]))


def _requalify(room: RoomState, sid: TrackSid) -> None:
    """Tell a publisher which layers of a picture anybody receives (LiveKit's dynacast).

    Not before somebody receives it; a client without dynacast does not listen.
    """
    owner = room.owner.get(sid)
    if owner is None or (track := owner.tracks[sid]).info.type != m.TrackType.VIDEO:
        return
    wanted = [
        setting.max_layer
        for o in room.by_sid.values()
        if sid in o.down.receiving
        for setting in [o.down.settings.get(sid, Setting())]
        if not setting.paused
    ]
    highest = max(wanted, default=-1)
    if highest == track.told_layer:
        return
    track.told_layer = highest
    qualities = [
        r.SubscribedQuality(quality=layer, enabled=layer <= highest)  # type: ignore[arg-type]
        for layer in range(HIGHEST_LAYER + 1)
    ]
    codec = r.SubscribedCodec(codec=track.info.mime_type.partition("/")[2].lower(), qualities=qualities)
    told = r.SubscribedQualityUpdate(track_sid=sid, subscribed_qualities=qualities, subscribed_codecs=[codec])
    room.tell(owner, subscribed_quality_update=told)


def _rank(info: m.TrackInfo) -> int:
    """Who is served first where a path does not bear everything: what is shown on a screen, then faces."""
    return 0 if info.source == m.TrackSource.SCREEN_SHARE else 1


def _layer(info: m.TrackInfo, quality: int, width: int) -> int:
    """The layer for what a subscriber asks: the smallest that is as wide as its picture, else by quality."""
    if width:
        wide_enough = [i for i, layer in enumerate(info.layers) if layer.width >= width]
        return min(wide_enough[0] if wide_enough else HIGHEST_LAYER, HIGHEST_LAYER)
    return max(0, min(quality, HIGHEST_LAYER))
