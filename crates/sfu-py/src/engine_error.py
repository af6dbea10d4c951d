"""The binding's one exception, compiled into it. Not here: its codes (`error.rs` of each crate)."""


class EngineError(Exception):
    """The engine did not do what it was told: `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
