"""Checking a record offline: a bundle's bytes in, an account out.

Lives here: `verify` (all checks of a bundle), `account` (what it says, as values and as JSON).
Not here: the bundle's form (`record.bundle`), the rules (`dialogue`, the slices' acts by way of `rulebook`),
the command line (`cli.record`).
Spec: docs/spec/record.md §14.
"""
