"""Paper: understandings as a printed instrument, each side its own copy (*alternat*).

Lives here: what stands on a copy (`model`), its fixed words (`words`), the figure of a seal (`figure`), the PDF
(`printing`), the PAdES seal on the file (`sealing`).
Not here: whether the record holds (`verification`), where a node keeps its seals (`bootstrap`), the route (`web`).
"""
