"""Data that the server API sends into a room. No IO, no clock, no randomness.

Lives here: its packet, whom it goes to, and that it goes once for each nonce.
Not here: data that participants send, which the engine hands on by itself (`crates/sfu`).
"""

from __future__ import annotations

from typing import Final

from livekit.protocol import models as m
from livekit.protocol import room as api

from visavis.rtc.effects import SendData
from visavis.rtc.errors import SignalMalformed
from visavis.rtc.roomstate import RoomState

NONCE_BYTES: Final = 16
MAX_NONCES: Final = 100
"""So many of a room are remembered; LiveKit's own figure."""

MAX_PACKET: Final = 64 * 1024
"""Bytes, as the engine has it for packets of participants."""


def send(room: RoomState, q: api.SendDataRequest) -> None:
    """Send data to those whom it names by identity or sid, or to everybody. Raises `SignalMalformed`."""
    user = m.UserPacket(
        payload=q.data,
        destination_sids=q.destination_sids,
        destination_identities=q.destination_identities,
    )
    if q.HasField("topic"):
        user.topic = q.topic
    if q.nonce:
        user.nonce = q.nonce
    packet = m.DataPacket(kind=q.kind, user=user, destination_identities=q.destination_identities)
    data = packet.SerializeToString()
    if len(data) > MAX_PACKET:
        raise SignalMalformed("The data is too long.", bytes=MAX_PACKET)
    if q.nonce:
        if q.nonce in room.nonces:
            return
        room.nonces[q.nonce] = None
        if len(room.nonces) > MAX_NONCES:
            del room.nonces[next(iter(room.nonces))]
    named = frozenset(q.destination_identities), frozenset(q.destination_sids)
    targets = tuple(
        p.down.transport
        for p in room.by_sid.values()
        if not any(named) or p.identity in named[0] or p.sid in named[1]
    )
    if targets:
        room.do(SendData(targets, data, q.kind == m.DataPacket.RELIABLE))
