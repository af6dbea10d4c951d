"""Keys of the call: who is in the room, proven by the logs, and how their keys reach one another. Pure.

Lives here: `device` (a device and its certificate) → `roster` (who may be in) → `messages` (what devices say to
one another, signed and sealed) → `exchange` (when keys are made, used and retired) → `party` (all of it for
one device). `logs` says what both logs must give. `client/src/call/` is the twin in the browser;
`tests/vectors/keys/` holds what both must do alike.

Not here: sound and picture (LiveKit's clients encrypt frames), the transport (`rtc`), storage of keys.
Spec: docs/spec/keys.md.
"""
