"""Requests between nodes, for authors of backends that carry them: what is checked in each of them.

check_request(endpoint, payload, max_request=1000)              # before one is sent
answer = self._answering.answer(sender, payload, now)           # when one has come; None: none
"""

from __future__ import annotations

from collections.abc import Collection

from ..backend import RequestHandler
from ..errors import UnsupportedOperation
from ..model import KnownHost
from .limits import Allowance
from .logs import logger

__all__ = ["Answering", "check_request"]

LOGGED_PER_SECOND, LOGGED_BURST = 0.1, 10.0
"""Faults of handlers that are logged: strangers choose how often they happen."""

_log = logger(__name__)


def check_request(
    endpoint: KnownHost, payload: bytes, *, max_request: int, families: Collection[int] = (4, 6)
) -> None:
    """Raise UnsupportedOperation where this payload, or this endpoint, cannot be sent at all.

    `families`: the IP versions that the node speaks.
    """
    if len(payload) > max_request:
        raise UnsupportedOperation(
            f"a request of {len(payload)} bytes is too long: {max_request} bytes are carried",
            hint="send less at once; capabilities.max_request says how much",
        )
    if endpoint.is_any or not endpoint.port or endpoint.family not in families:
        raise UnsupportedOperation(
            f"no request can be sent to {endpoint} from here",
            hint="give the IP address and port of a node, in an IP version that this one speaks",
        )


class Answering:
    """A node's handlers of requests, at arm's length: the first that gives an answer has the say.

    One that raises, or gives what is no answer, is logged, and gives none.
    """

    def __init__(self) -> None:
        self.handlers: list[RequestHandler] = []
        self.faults: int = 0
        """How often one of them raised, or gave what is no answer."""
        self._may_log = Allowance(LOGGED_PER_SECOND, LOGGED_BURST, max_keys=1)

    def use(self, handler: RequestHandler | None) -> None:
        """Have this one answer, and no other; None: nobody."""
        self.handlers = [] if handler is None else [handler]

    def answer(self, sender: KnownHost, payload: bytes, now: float) -> bytes | None:
        """What to send back, None for nothing. `now`: seconds of any clock. Raises nothing."""
        for handler in tuple(self.handlers):
            try:
                answer = handler(sender, payload)
            except Exception as error:  # noqa: BLE001 - somebody else's code, reported here
                self._report(f"{handler!r} raised {type(error).__name__}", now, error)
                continue
            if answer is None:
                continue
            if isinstance(answer, bytes) and len(answer) <= len(payload):
                return answer
            told = f"{len(answer)} bytes" if isinstance(answer, bytes) else f"{answer!r:.200}"
            self._report(f"{handler!r} gave {told} for a request of {len(payload)} bytes", now, None)
        return None

    def _report(self, what: str, now: float, error: Exception | None) -> None:
        self.faults += 1
        if self._may_log.take(b"", now):
            _log.error("a request is not answered: %s", what, exc_info=error)
