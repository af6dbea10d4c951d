"""The rehearsal: a scenario played end to end through a node's public interfaces, and a report of it.

Lives here: the scenario (`scenario`), delegates over HTTP (`delegate`), their seats in the call (`seat`,
`voice`), the play (`play`), what was observed (`facts`) and its report (`report`).
Not here: anything a node needs to run. The node knows nothing of rehearsals.
"""
