"""Who may be in the room: the devices whose certificates hold, one for each delegate. Pure.

Lives here: `roster`, `roster_hash`.
Not here: who has been heard (`exchange`).
Spec: docs/spec/keys.md §2.5.
"""

from __future__ import annotations

from collections.abc import Iterable

from visavis.e2ee.device import Certificate, DeviceBody, check
from visavis.e2ee.logs import Logs
from visavis.errors import Malformed, Untrusted
from visavis.record.digest import digest, to_text

MAX_DEVICES = 64


def roster(certificates: Iterable[Certificate], logs: Logs, now_ms: int) -> dict[str, DeviceBody]:
    """Device id → body of every device that may be in. Certificates that fail are passed over.

    Of several devices of one delegate the greatest (`made`, id) counts, in whatever order they came. At
    most 64 devices: more is `Malformed`.
    """
    best: dict[tuple[str, str], tuple[int, str, DeviceBody]] = {}
    for certificate in certificates:
        try:
            device = check(certificate, logs, now_ms)
        except Untrusted:
            continue
        body = certificate.body
        seat = (body.side, body.delegate)
        if seat not in best or (body.made, device) > best[seat][:2]:
            best[seat] = (body.made, device, body)
    if len(best) > MAX_DEVICES:
        raise Malformed(f"a roster of {len(best)} devices where {MAX_DEVICES} are allowed")
    return {device: body for _, device, body in best.values()}


def roster_hash(devices: Iterable[str]) -> str:
    """43 characters: base64url of H("call/roster", sorted device ids), the reader's own among them."""
    return to_text(digest("call/roster", *[device.encode() for device in sorted(devices)]))
