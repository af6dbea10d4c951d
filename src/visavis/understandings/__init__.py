"""Understandings: the register of texts that both sides signed, and how far each is carried out.

Lives here: the acts `understanding.*`, the rule on guarantees and what pages show (`model`), what a delegate
may ask for (`service`).
Not here: the machine that makes a text binding (`dialogue.accord`), talks and their agendas (`talks`).
"""
