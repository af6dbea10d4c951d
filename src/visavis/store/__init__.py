"""The store: SQLite (WAL) behind the slices' ports.

Lives here: the schema (`schema`), the transactions (`sqlite`). Not here: any rule.
"""
