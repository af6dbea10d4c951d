"""The record: entries, trees, checkpoints, proofs, bundles. It knows no act and imports no sibling.

Lives here: bytes and their checks (`canonical`, `digest`, `entry`, `merkle`, `note`, `checkpoint`, `policy`,
`inclusion`, `content`, `bundle`).
Not here: which acts count (`dialogue`), what they mean (the slices), where they are kept (`store`).
Spec: docs/spec/record.md; RFC 8785, RFC 9162, C2SP tlog-checkpoint, -cosignature, -tiles, -policy and -proof.
"""
