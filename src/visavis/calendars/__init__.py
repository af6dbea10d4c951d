"""Talks in a delegate's own calendar.

Lives here: talks as iCalendar (`model`), secret addresses of feeds (`service`), what they need (`ports`).
Not here: the words of an entry and the routes (`web.pages.calendars`), tables (`store.calendars`).
Spec: docs/spec/http.md §7; RFC 5545, RFC 7986.
"""
