"""Short requests from node to node on one network: theirs are handed round, answers to ours are checked."""

from __future__ import annotations

from collections.abc import Callable

from ..aio.clock import Clock
from ..aio.requests import Answering
from ..aio.tasks import GRACE
from ..backend import RequestHandler
from ..model import KnownHost
from .guard import GuardedBackend


class Requests:
    """The requests of one network. `check()` raises why the network is of no use, where it is not."""

    def __init__(self, backend: GuardedBackend, check: Callable[[], object], clock: Clock) -> None:
        self._backend, self._check, self._clock = backend, check, clock
        self._answering = Answering()

    def begin(self) -> None:
        """The backend has started: it is told who answers."""
        if self._answering.handlers:
            self._tell(self._answer)

    @property
    def max_payload(self) -> int:
        """The longest payload, in bytes; 0: this network carries none. Raises where it is not running."""
        self._check()
        return self._backend.capabilities.max_request

    async def ask(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Ask the node at `endpoint`. Raises as `Backend.request`, within `timeout` seconds."""
        self._check()
        backend = self._backend.backend
        until = self._clock.now() + timeout + GRACE  # the backend itself says it better
        answer = await self._backend.call(
            "ask another node", lambda: backend.request(endpoint, payload, timeout=timeout), until
        )
        if not isinstance(answer, bytes) or len(answer) > self._backend.capabilities.max_request:
            raise self._backend.nonsense("ask another node", answer)
        return answer

    def answer(self, handler: RequestHandler) -> Callable[[], None]:
        """Have `handler` asked what to answer, until what is returned is called. It must be quick.

        Of several the first that gives an answer has the say: at most as many bytes as the payload. May be
        called before the network has started; nothing comes where it carries no requests.
        """
        handlers = self._answering.handlers
        handlers.append(handler)
        if len(handlers) == 1:
            self._tell(self._answer)

        def end() -> None:
            if handler in handlers:
                handlers.remove(handler)
                if not handlers:
                    self._tell(None)

        return end

    def _tell(self, handler: RequestHandler | None) -> None:
        """Tell the backend who answers, where it runs and carries requests."""
        self._backend.ask(
            "on_request", lambda one: one.on_request(handler) if one.capabilities.max_request else None, None
        )

    def _answer(self, sender: KnownHost, payload: bytes) -> bytes | None:
        return self._answering.answer(sender, payload, self._clock.now())
