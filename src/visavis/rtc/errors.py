"""The errors of the call's server side.

Lives here: what a client, a token, an offer or the engine can do wrong, under the project's four families.
Not here: how a client is told (`requests`, `membership`: LiveKit's `RequestResponse` and `LeaveRequest`; `routes`: HTTP
status).
"""

from __future__ import annotations

from visavis.errors import Malformed, Refused, Unavailable, Untrusted


class TokenInvalid(Untrusted):
    """An access token is not ours, not in time, not for a room, or asks to be unseen."""

    code = "call-token-invalid"


class SdpMalformed(Malformed):
    """A session description is beyond its budget or says what no client says."""

    code = "call-sdp-malformed"


class SignalMalformed(Malformed):
    """A message on the signal socket is no `SignalRequest`, or a field of it is out of bounds."""

    code = "call-signal-malformed"


class SignalText(SignalMalformed):
    """A text frame on the signal socket: LiveKit's JSON signalling is not spoken here."""

    code = "call-signal-text"


class SignalTooLarge(Malformed):
    """A message on the signal socket is larger than any client's."""

    code = "call-signal-too-large"


class SignalFlood(Refused):
    """A signal socket sent more messages or bytes than its budget."""

    code = "call-signal-flood"


class PlainTrackRefused(Refused):
    """An encrypted room takes no track that says it is not encrypted."""

    code = "call-plain-track"


class EncryptedTrackRefused(Refused):
    """A room for everybody to hear takes no encrypted track."""

    code = "call-encrypted-track"


class PublishRefused(Refused):
    """The token gives no right to publish this."""

    code = "call-publish-refused"


class Unsupported(Refused):
    """LiveKit has this, this server not."""

    code = "call-unsupported"


class NotFound(Refused):
    """What a request is about is not there."""

    code = "call-not-found"


class TooLong(Refused):
    """A name, metadata or attributes are longer than anybody may have them."""

    code = "call-too-long"


class TooMany(Refused):
    """A participant, a room or the node has as many of these as it may."""

    code = "call-too-many"


class SessionUnknown(Refused):
    """A client asks to resume a session that is over."""

    code = "call-session-unknown"


class EngineFailed(Unavailable):
    """The engine could not do what was asked; `details["engine"]` is its own code."""

    code = "call-engine-failed"


class CallStopped(Unavailable):
    """The call service is not running."""

    code = "call-stopped"
