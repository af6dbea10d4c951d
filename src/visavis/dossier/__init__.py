"""The papers of a talk: what each side lays under its agenda items, for itself or before the other.

Lives here: what a paper may be (`files`), who sees which (`model`), laying, giving and withdrawing (`service`), what
they need (`ports`).
Not here: understandings on paper (`visavis.paper`), the act by which a paper is given (`talks`), pages (`web`), tables
(`store.papers`).
Spec: docs/spec/record.md §11.2; docs/spec/http.md §8.

A paper is *private* to its side until that side gives it: *shared*, by an act in its log that commits to the file's
hash; or as a *non-paper*, without signature and without attribution, of which no log says anything.
"""
