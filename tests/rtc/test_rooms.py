"""Rooms as values: any order of what clients ask and engines tell."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.errors import Malformed
from visavis.rtc import effects as fx
from visavis.rtc.errors import EngineFailed
from visavis.rtc.membership import Arrival
from visavis.rtc.policy import RoomPolicy
from visavis.rtc.ports import NOTHING_TO_OFFER, Offer
from visavis.rtc.rooms import Room
from visavis.rtc.sdp import sections as sections_of
from visavis.rtc.tokens import Grants

IDENTITIES = ["a1", "a2", "b1"]
EMPTY_SDP = "v=0\r\n"


def sections(kind, mids):
    lines = "".join(f"m={kind} 9 x 111\r\na=mid:{mid}\r\na=sendonly\r\na=msid:- {mid}\r\n" for mid in mids)
    return EMPTY_SDP + lines


def a_room(**policy):
    numbers = itertools.count(1)
    return Room("talk", 1, policy=RoomPolicy(**policy), new_sid=lambda p: f"{p}{next(numbers)}", now_ms=1000)


class Talk(RuleBasedStateMachine):
    """Three people who come, go, break off, publish and decline in any order; the engine answers in any order."""

    def __init__(self):
        super().__init__()
        self.room = a_room()
        self.numbers = itertools.count(100)
        self.sockets = {}  # identity → open connection
        self.asked = []  # what the engine has not answered yet
        self.offers = {}  # connection → id of the last offer it got
        self.routes = {}  # (target, mid) → source
        self.transports = set()
        self.present = {}  # identity → sid
        self.declined = set()  # (identity, track)

        for identity in IDENTITIES:
            self.join(identity)

    def do(self, effects):
        for e in effects:
            match e:
                case fx.Send():
                    assert e.connection in self.sockets.values()
                    if e.message.WhichOneof("message") == "offer":
                        self.offers[e.connection] = e.message.offer.id
                case fx.Hang():
                    self.sockets = {k: v for k, v in self.sockets.items() if v != e.connection}
                case fx.AcceptOffer() | fx.Gather() | fx.MakeOffer() | fx.AcceptAnswer():
                    self.asked.append(e)
                case fx.Route():
                    assert {e.source, e.target} <= self.transports
                    assert (e.target, e.target_mid) not in self.routes
                    self.routes[e.target, e.target_mid] = e.source
                case fx.Unroute():
                    del self.routes[e.target, e.target_mid]
                case fx.Unseat():
                    self.transports -= {e.up, e.down}
                    gone = {e.up, e.down}
                    self.routes = {k: v for k, v in self.routes.items() if k[0] not in gone}
                case fx.Happened(fx.Joined() as x):
                    self.present[x.identity] = x.sid
                case fx.Happened(fx.Left() as x):
                    if self.present.get(x.identity) == x.sid:
                        del self.present[x.identity]

    def ask(self, identity, **request):
        if identity in self.sockets and identity in self.present:
            q = r.SignalRequest(**request)
            self.do(self.room.request(self.present[identity], self.sockets[identity], q, 2000))

    @rule(identity=st.sampled_from(IDENTITIES))
    def join(self, identity):
        up, down, connection = (next(self.numbers) for _ in range(3))
        self.transports |= {up, down}
        effects = self.room.join(Arrival(Grants("talk", identity), up, down, connection), 2000)
        old = self.sockets.get(identity)
        if old is not None:  # its farewell is still sent to it
            hang = next(n for n, e in enumerate(effects) if isinstance(e, fx.Hang) and e.connection == old)
            self.do(effects[: hang + 1])
            effects = effects[hang + 1 :]
        self.sockets[identity] = connection
        self.do(effects)
        self.declined = {(i, t) for i, t in self.declined if i != identity}

    @rule(identity=st.sampled_from(IDENTITIES))
    def break_off(self, identity):
        if identity in self.sockets and identity in self.present:
            self.room.detached(self.present[identity], self.sockets.pop(identity))

    @rule(identity=st.sampled_from(IDENTITIES))
    def resume(self, identity):
        if identity in self.present:
            connection = next(self.numbers)
            _, effects = self.room.resume(identity, "", connection)
            self.do([e for e in effects if isinstance(e, fx.Hang)])
            self.sockets[identity] = connection
            self.do([e for e in effects if not isinstance(e, fx.Hang)])

    @rule(identity=st.sampled_from(IDENTITIES), cut=st.integers(1, 3))
    def expire(self, identity, cut):
        if identity in self.present:
            self.do(self.room.expire(self.present[identity], cut, 3000))

    @rule(identity=st.sampled_from(IDENTITIES))
    def leave(self, identity):
        self.ask(identity, leave=r.LeaveRequest())

    @rule(identity=st.sampled_from(IDENTITIES), tracks=st.sets(st.sampled_from(["t0", "t1"])))
    def publish(self, identity, tracks):
        for cid in sorted(tracks):
            self.ask(identity, add_track=r.AddTrackRequest(cid=cid, encryption=m.Encryption.GCM))
        offer = sections("audio", [f"{cid}" for cid in sorted(tracks)])
        self.ask(identity, offer=r.SessionDescription(sdp=offer, id=1))

    @rule(identity=st.sampled_from(IDENTITIES), mid=st.sampled_from(["t0", "t1"]))
    def hear(self, identity, mid):
        for p in self.room.participants:
            if p.identity == identity:
                self.do(self.room.media_started(p.sid, p.up, mid, 2000))

    def settle(self):
        """The engine answers all it was asked, and the clients all they were offered, until nothing is left."""
        for _ in range(60):
            while self.asked:
                self.engine_answers(0)
            for identity in list(self.sockets):
                self.answer(identity)
            if not self.asked:
                break

    @rule(identity=st.sampled_from(IDENTITIES))
    def publish_all(self, identity):
        self.publish(identity, {"t0", "t1"})
        self.settle()
        for mid in ("t0", "t1"):
            self.hear(identity, mid)
        self.settle()

    @rule(identity=st.sampled_from(IDENTITIES), subscribe=st.booleans(), n=st.integers(0, 5))
    def subscribe(self, identity, subscribe, n):
        tracks = sorted(t.sid for p in self.room.participants for t in p.tracks.values() if t.mid)
        if tracks and identity in self.sockets:
            track = tracks[n % len(tracks)]
            self.ask(identity, subscription=r.UpdateSubscription(track_sids=[track], subscribe=subscribe))
            (self.declined.discard if subscribe else self.declined.add)((identity, track))

    @rule(identity=st.sampled_from(IDENTITIES))
    def answer(self, identity):
        connection = self.sockets.get(identity)
        if connection in self.offers:
            self.ask(identity, answer=r.SessionDescription(sdp=EMPTY_SDP, id=self.offers[connection]))

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 10))
    def engine_answers(self, n):
        e = self.asked.pop(n % len(self.asked))
        match e:
            case fx.AcceptOffer():
                self.do(self.room.offer_accepted(e, EMPTY_SDP, 2000))
            case fx.Gather():
                self.do(self.room.gathered(e))
            case fx.MakeOffer():
                mids = tuple(f"m{next(self.numbers)}" for _ in e.add)
                self.do(self.room.offer_made(e, Offer(EMPTY_SDP, mids)))
            case fx.AcceptAnswer():
                self.do(self.room.answer_accepted(e))

    @invariant()
    def routes_are_of_those_present(self):
        ups = {p.up for p in self.room.participants}
        downs = {p.down.transport: p.up for p in self.room.participants}
        for (target, _), source in self.routes.items():
            assert source in ups
            assert downs[target] != source  # nobody hears itself

    def teardown(self):
        """Left alone, everybody who can be reached receives what the others send and it has not declined."""
        self.settle()
        for p in self.room.participants:
            if p.connection is None:
                continue
            sent = {
                t.sid for o in self.room.participants if o is not p for t in o.tracks.values() if t.announced
            }
            declined = {t for i, t in self.declined if i == p.identity}
            assert set(p.down.receiving) == sent - declined
            mine = [k for k in self.routes if k[0] == p.down.transport]
            assert len(mine) == len(sent - declined)


TestTalk = Talk.TestCase
TestTalk.settings = settings(max_examples=40, stateful_step_count=30)


@given(st.binary(max_size=200))
def test_any_message(data):
    """Any bytes that read as a request are answered, ignored or refused as malformed; nothing else is raised."""
    room = a_room()
    room.join(Arrival(Grants("talk", "a1"), 1, 2, 3), 1000)
    try:
        q = r.SignalRequest.FromString(data)
    except Exception:  # noqa: BLE001 - the socket's to refuse
        return
    try:
        room.request(room.sid_of("a1"), 3, q, 1000)
    except Malformed:
        return


def test_a_former_socket_says_nothing():
    """What a replaced socket still brings is not heard."""
    room = a_room()
    room.join(Arrival(Grants("talk", "a1"), 1, 2, 3), 1000)
    sid, _ = room.resume("a1", "", 4)
    assert room.request(sid, 3, r.SignalRequest(leave=r.LeaveRequest()), 1000) == []
    assert room.detached(sid, 3) is None
    assert not room.empty


def test_expiry_is_of_one_cut():
    """A participant that came back and broke off again has its full time once more."""
    room = a_room()
    room.join(Arrival(Grants("talk", "a1"), 1, 2, 3), 1000)
    sid = room.sid_of("a1")
    first = room.detached(sid, 3)
    room.resume("a1", sid, 4)
    second = room.detached(sid, 4)
    room.expire(sid, first, 2000)
    assert not room.empty
    room.expire(sid, second, 2000)
    assert room.empty


def test_tracks_on_reused_section():
    """A section that carries another track than before is that track's, silent until its first packet."""
    room = a_room()
    room.join(Arrival(Grants("talk", "a1"), 1, 2, 3), 1000)
    sid = room.sid_of("a1")

    def publish(cid):
        request = r.AddTrackRequest(cid=cid, encryption=m.Encryption.GCM)
        room.request(sid, 3, r.SignalRequest(add_track=request), 1000)
        sdp = EMPTY_SDP + f"m=audio 9 x 111\r\na=mid:0\r\na=sendonly\r\na=msid:- {cid}\r\n"
        asked = room.request(sid, 3, r.SignalRequest(offer=r.SessionDescription(sdp=sdp, id=1)), 1000)[-1]
        room.offer_accepted(asked, sdp, 1000)

    publish("one")
    room.media_started(sid, 1, "0", 1000)
    assert [t.announced for t in room.participants[0].tracks.values()] == [True]
    publish("two")
    (track,) = room.participants[0].tracks.values()
    assert track.cids == {"two"}
    assert not track.announced


def test_a_codec_that_a_subscriber_does_not_take():
    """A subscriber whose answer does not take a track's codec is told so, and not sent what it cannot show."""
    room, engine = a_room(), []

    def do(effects):
        told = []
        for e in effects:
            if isinstance(e, fx.AcceptOffer | fx.MakeOffer | fx.AcceptAnswer):
                engine.append(e)
            elif isinstance(e, fx.Send):
                told.append((e.connection, e.message))
            assert not isinstance(e, fx.Route)
        return told

    def video(codec):
        return f"{EMPTY_SDP}m=video 9 x 96\r\na=mid:0\r\na=sendonly\r\na=msid:- t0\r\na=rtpmap:96 {codec}/90000\r\n"

    def ask(p, **request):
        return do(room.request(p.sid, p.connection, r.SignalRequest(**request), 2000))

    do(room.join(Arrival(Grants("talk", "a1"), 1, 2, 10), 1000))
    do(room.join(Arrival(Grants("talk", "b1"), 3, 4, 11), 1000))
    a, b = room.participants
    ask(a, add_track=r.AddTrackRequest(cid="t0", type=m.TrackType.VIDEO, encryption=m.Encryption.GCM))
    ask(a, offer=r.SessionDescription(sdp=video("H264"), id=1))
    do(room.offer_accepted(engine.pop(), video("H264"), 2000))
    for asked in engine:
        do(room.engine_failed(asked, EngineFailed("nothing", engine=NOTHING_TO_OFFER), 2000))
    engine.clear()
    do(room.media_started(a.sid, a.up, "0", 2000))
    told = do(room.offer_made(engine.pop(), Offer(EMPTY_SDP, ("0",))))
    (offer,) = [message.offer for _, message in told if message.WhichOneof("message") == "offer"]
    ask(b, answer=r.SessionDescription(sdp=video("VP8"), id=offer.id))
    told = do(room.answer_accepted(engine.pop()))
    (sid,) = a.tracks
    wanted = r.SubscriptionResponse(track_sid=sid, err=m.SE_CODEC_UNSUPPORTED)
    assert told == [(11, r.SignalResponse(subscription_response=wanted))]
    assert b.down.receiving == {}


@pytest.mark.parametrize(
    ("declared", "first"),
    [
        ({}, "red"),
        ({"disable_red": True}, "opus"),
        ({"encryption": m.Encryption.GCM}, "opus"),
        ({"simulcast_codecs": [r.SimulcastCodec(codec="opus", cid="t0")]}, "opus"),
    ],
)
def test_redundant_sound(declared, first):
    """A publisher is answered with redundancy first, unless it says otherwise or seals; Firefox is offered none."""
    room, engine = a_room(encrypted=None), []

    def do(effects):
        engine.extend(e for e in effects if isinstance(e, fx.AcceptOffer | fx.MakeOffer))
        return [e.message for e in effects if isinstance(e, fx.Send)]

    def ask(p, **request):
        return do(room.request(p.sid, p.connection, r.SignalRequest(**request), 2000))

    do(room.join(Arrival(Grants("talk", "a1"), 1, 2, 10), 1000))
    do(room.join(Arrival(Grants("talk", "b1"), 3, 4, 11), 1000))
    do(room.join(Arrival(Grants("talk", "b2"), 5, 6, 12, firefox=True), 1000))
    do(room.join(Arrival(Grants("talk", "b3"), 7, 8, 13, safari=True), 1000))
    a, *_ = room.participants
    for asked in engine:
        do(room.engine_failed(asked, EngineFailed("nothing", engine=NOTHING_TO_OFFER), 2000))
    engine.clear()
    sdp = (
        f"{EMPTY_SDP}m=audio 9 x 111 63\r\na=mid:0\r\na=sendonly\r\na=msid:- t0\r\n"
        "a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n"
    )
    ask(a, add_track=r.AddTrackRequest(cid="t0", type=m.TrackType.AUDIO, **declared))
    ask(a, offer=r.SessionDescription(sdp=sdp, id=1))
    told = do(room.offer_accepted(engine.pop(), sdp, 2000))
    (answer,) = [message.answer.sdp for message in told if message.WhichOneof("message") == "answer"]
    (section,) = sections_of(answer)
    assert (section.codec, section.codecs) == (first, {"opus", "red"})
    engine.clear()
    do(room.media_started(a.sid, a.up, "0", 2000))
    (track,) = a.tracks.values()
    assert track.info.mime_type == f"audio/{first}"
    offered = {e.participant: [s.codec for s in e.add] for e in engine if e.add}
    b1, b2, b3 = (room.sid_of(identity) for identity in ("b1", "b2", "b3"))
    assert offered == {b1: [first], b2: ["opus"], b3: ["opus"]}
