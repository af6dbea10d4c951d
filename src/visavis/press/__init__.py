"""The press: what each side tells the public after a talk, and whether it is quoted rightly.

Lives here: the acts `readout.*`, `statement.*`, `press-call.*` and what pages show of them (`model`), the
newsroom's feed (`feed`), the quotation check (`quotes`), comments and drafts beside the record (`service`).
Not here: pages (`web`), storage (`store`, behind `ports`).
"""
