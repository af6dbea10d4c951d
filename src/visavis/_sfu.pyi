"""The media engine's binding, as `crates/sfu-py` makes it."""

from typing import final

__all__ = ["Engine", "EngineError", "interfaces"]

def interfaces() -> list[tuple[str, str]]:
    """This machine's interfaces that are up: each one's name and one of its addresses, in the system's order.

    Raises `EngineError` with code `system`.
    """

@final
class Engine:
    """The media engine: one port and its media threads.

    Transports are numbered by the caller. A command about a transport that has ended meanwhile does nothing,
    except where a result is due: then it raises `EngineError` with code `unknown-transport`. After `shutdown`
    every command raises code `stopped`.
    """

    def __new__(
        cls,
        places: list[tuple[str, list[str]]],
        port: int,
        udp: bool = True,
        tcp: bool = True,
        threads: int = 1,
    ) -> Engine:
        """Open `port` (0: any) for datagrams (udp) and for connections (tcp), and start the media threads.

        places: addresses to open it at, each with those by which clients are told of it; none means as it is.
        threads: how many, at least 1. A room is on one of them; the first reads the port for all.
        Raises code `system` (the port cannot be had), `bad-address`.
        """

    @property
    def port(self) -> int:
        """The port in use."""

    def event_fd(self) -> int:
        """A file descriptor that is readable while events wait: `loop.add_reader`. It stays the engine's."""

    def drain(self) -> list[tuple[str, int, str, int]]:
        """The events that wait, oldest first: (name, transport, argument, number).

        connected: ICE and DTLS stand.
        closed: it ended, by the client or by a failure (not after `close`).
        ice: argument is the state.
        stream: the first packet of an encoding; argument is the section (mid) of the publisher's offer,
            number the layer 0 to 2.
        channel: a data channel opened; argument is its label.
        level: how loud a published sound is, each 400 ms while it is speech and once after; argument is the section
            of the publisher's offer, number the decibels below the loudest possible (127: silent).
        quality: how good a path is, when that changes; number 0 poor, 1 good, 2 excellent.
        throttled: a subscriber's path does not bear even a video's lowest layer (number 1), or bears it again (0);
            argument is the section of the offer to the subscriber.
        """

    def create(self, transport: int, room: str) -> None:
        """Make a transport of a room, on the room's thread. Raises code `transport-exists`."""

    def accept_offer(self, transport: int, sdp: str) -> str:
        """Take a publisher's offer; returns the answer.

        Raises codes `description-too-large` (more than 256 KiB), `malformed-offer`, `offer-refused`,
        `unknown-transport`, `transport-failed` (it is then closed, and its `closed` event follows).
        """

    def make_offer(
        self,
        transport: int,
        add: list[tuple[bool, str, str, str]],
        stop: list[str],
        channels: bool = False,
        restart: bool = False,
    ) -> tuple[str, list[str]]:
        """Make an offer to a subscriber; returns it and the sections (mids) of the added tracks, in order.

        add: (is video, stream id, track id). stop: sections that cease. channels: open LiveKit's two data
        channels. restart: restart ICE. What an unanswered earlier offer wanted is part of it.
        Raises codes `nothing-to-offer`, `unknown-transport`, `transport-failed`.
        """

    def accept_answer(self, transport: int, sdp: str) -> None:
        """Take a subscriber's answer to the last offer.

        Raises codes `description-too-large`, `malformed-answer`, `answer-refused`, `no-offer-pending`,
        `unknown-transport`, `transport-failed`.
        """

    def close(self, transport: int) -> None:
        """End a transport, with all that comes from it and goes to it. The client is not told."""

    def route(
        self, source: int, source_mid: str, target: int, target_mid: str, max_layer: int, rank: int
    ) -> None:
        """Send a track to a subscriber, in layers up to `max_layer` (0 to 2).

        rank: 0 is served first where the path does not bear everything.
        """

    def wake(self, target: int, target_mid: str) -> None:
        """Send packets of nothing in a subscriber's section until media comes, or for five seconds."""

    def unroute(self, target: int, target_mid: str) -> None:
        """Stop sending in a subscriber's section."""

    def set_layer(self, target: int, target_mid: str, max_layer: int, paused: bool, rank: int) -> None:
        """Change the highest layer of a subscriber's section, or pause it; and how early it is served."""

    def member(
        self,
        room: int,
        identity: str,
        sid: str,
        up: int,
        down: int,
        can_publish_data: bool,
        hidden: bool,
    ) -> None:
        """Enter a participant in a room: it sends on `up` and receives on `down`.

        Its data packets go to the others in the room, stamped with `identity` and `sid`; of
        a hidden one with `sid` alone.
        """

    def send(self, targets: list[int], reliable: bool, packet: bytes) -> None:
        """Send a data packet (LiveKit's `DataPacket`) of the server's own to these transports, as it is."""

    def last_sequence(self, transport: int) -> int:
        """The highest number of a reliable data packet that came in on a transport; 0: none came."""

    def stats(self) -> dict[str, int]:
        """Counters since the start, by name; times in microseconds.

        packets_in, bytes_in, packets_out, bytes_out, rtp_in, rtp_out, data_in, data_out, data_refused, data_repeated,
        keyframes_wanted, keyframes_asked, strays, polls, timer_runs, failures, panics, transports,
        send_calls, send_dropped (datagrams), tcp_connections (now), tcp_accepted, tcp_refused (connections),
        tcp_dropped (packets), cpu_user_us, cpu_sys_us (of the media thread).
        """

    def shutdown(self) -> None:
        """End the media thread and wait for its end."""

class EngineError(Exception):
    """The engine did not do what it was told: `code` is stable, the message is for people."""

    code: str

    def __init__(self, code: str, message: str) -> None: ...
