"""Errors of the call's keys.

Lives here: `DeviceUntrusted`, `MessageUntrusted`, `Liar`.
Not here: `Malformed`, which all of the product shares.
"""

from __future__ import annotations

from visavis.errors import Untrusted


class DeviceUntrusted(Untrusted):
    """A device's certificate does not chain to its side's log, or not now."""

    code = "device-untrusted"


class MessageUntrusted(Untrusted):
    """A message between devices is not what it claims to be; it is dropped."""

    code = "message-untrusted"


class Liar(MessageUntrusted):
    """A device signed two key messages for one epoch: both signatures are the proof; its keys are dropped."""

    code = "two-messages-for-one-epoch"
