"""How a handler refuses a query."""

from __future__ import annotations


class Refused(Exception):
    """The query gets an error reply with this code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
