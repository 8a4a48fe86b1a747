"""Looking on, and answering more than BEP 5 asks for, without touching the node's insides.

    node.extensions.on_query(lambda query, address: ...)             every query that we are sent
    node.extensions.on_response(lambda exchange: ...)                every answer to one of ours
    node.extensions.answer(b"vote", lambda query, address: {...})    a new method, or one replaced

They run inside `Node.receive`, so they must be quick. What they raise is logged, at most so often,
and never stops the node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from bitboot_core.aio.limits import Allowance
from bitboot_core.aio.logs import logger

from ..wire import krpc
from ..wire.compact import Address

_log = logger(__name__)

LOGGED_PER_SECOND = 1.0
LOGGED_BURST = 10.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A query of ours and its answer."""

    method: bytes
    arguments: dict[bytes, Any]
    response: krpc.Response
    address: Address


QueryObserver: TypeAlias = Callable[[krpc.Query, Address], object]
ResponseObserver: TypeAlias = Callable[[Exchange], object]
Handler: TypeAlias = Callable[[krpc.Query, Address], dict[bytes, Any]]
"""Returns what goes into the reply's `r` (the id is added), or raises `refused.Refused`."""


class Extensions:
    """The observers and handlers of one node."""

    def __init__(self) -> None:
        self._on_query: list[QueryObserver] = []
        self._on_response: list[ResponseObserver] = []
        self._handlers: dict[bytes, Handler] = {}
        self._may_log = Allowance(LOGGED_PER_SECOND, LOGGED_BURST, max_keys=1)

    def on_query(self, observer: QueryObserver) -> Callable[[], None]:
        """Call `observer(query, address)` for every well-formed query. Returns what ends that."""
        self._on_query.append(observer)
        return lambda: self._on_query.remove(observer)

    def on_response(self, observer: ResponseObserver) -> Callable[[], None]:
        """Call `observer(exchange)` for every answer to a query of ours. Returns what ends that."""
        self._on_response.append(observer)
        return lambda: self._on_response.remove(observer)

    def answer(self, method: bytes, handler: Handler) -> None:
        """Answer queries of `method` by `handler(query, address)`, whether BEP 5 has it or not."""
        self._handlers[method] = handler

    def handler(self, method: bytes) -> Handler | None:
        """Who answers `method`, if anybody here."""
        return self._handlers.get(method)

    @property
    def has_response_observers(self) -> bool:
        """Whether anybody is to be told of answers."""
        return bool(self._on_response)

    def queried(self, query: krpc.Query, address: Address, now: float) -> None:
        """Tell the observers of a query."""
        for observer in tuple(self._on_query) if self._on_query else ():
            try:
                observer(query, address)
            except Exception:  # noqa: BLE001 - somebody else's code, reported here
                self.report(now)

    def answered(self, exchange: Exchange, now: float) -> None:
        """Tell the observers of an answer."""
        for observer in tuple(self._on_response):
            try:
                observer(exchange)
            except Exception:  # noqa: BLE001 - somebody else's code, reported here
                self.report(now)

    def report(self, now: float) -> None:
        """Log the exception being handled, if not too many were logged lately."""
        if self._may_log.take(b"", now):
            _log.exception("an observer or handler of the node failed")
