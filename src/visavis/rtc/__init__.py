"""The call: LiveKit signalling, tokens, rooms, and the seam to the engine that forwards media.

Lives here: what the server does of a call (`service`, `routes`), its rooms (`rooms`, and behind it `membership`,
`publishing`, `subscribing`, `permissions`, `meters`, `messages`, `requests` on one `roomstate`; `participant`,
`policy`, `effects`), its tokens (`tokens`), LiveKit's server API for the engine alone (`roomservice`), the little of
SDP that signalling reads (`sdp`) and the engines behind one port (`ports`, `engines`).
Not here: packets (`crates/`), keys of the call (`visavis.e2ee`), who may come (`visavis.access`), the
room's page (`web`). Imports nothing of the project but `visavis.errors`.
"""
