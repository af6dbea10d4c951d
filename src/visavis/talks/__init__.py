"""Talks: when they are, what stands on their agenda, what each side says under it, how they sit and end.

Lives here: the acts `talk.*`, `agenda.*`, `item.*`, `relation.*`, `sitting.*` and what pages show of them
(`model`), the fair merging of two rankings (`ranking`), what a delegate may ask for (`service`).
Not here: texts that bind (`understandings`), what the public is told (`press`), sound and picture (`rtc`).
"""
