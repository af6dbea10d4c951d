"""The web: routes, forms, pages. A route parses, calls one use case, renders.

Lives here: the application (`app`), the JSON interface (`api`), errors as HTTP (`errors`), headers and
same-origin checks (`security`), pages and newsroom. Not here: any rule of the talks.
Spec: docs/spec/http.md.
"""
