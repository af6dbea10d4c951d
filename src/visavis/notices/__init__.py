"""Notices: a mail to a delegate when the other side has done something that waits for them.

Lives here: which acts are told and when (`model`), gathering and sending (`service`), what it needs (`ports`), errors.
Not here: a mail's words (`web.letters`), SMTP and the outbox (`visavis.post`), tables (`store.notices`).

A mail says that something waits, and where; nothing of what it is. A delegate's address is known to them and to the
node: no log line, no page of another and no record has it.
"""
