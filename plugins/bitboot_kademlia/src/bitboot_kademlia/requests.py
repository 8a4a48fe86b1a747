"""Requests on their way: sent, sent once more, answered or given up."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bitboot_core.aio.round_trips import RoundTrips

from .messages import MESSAGE_ID_BYTES, decode, encode_call
from .settings import Settings
from .wire import Address

TURNS = 3
"""Turns of the loop that a request gets after its time is up: one for a node in this same process to
read it, one to read the answer, and one in reserve. However long the loop was held up, nobody is
blamed for it."""

FIRST_GUESS = 1 / 12
"""What a round trip is taken to be before any has been measured, in seconds: a time-out of 1 second."""


class Answer(NamedTuple):
    """What came back, and the name of the call that it answers."""

    name: str
    value: Any


@dataclass(slots=True, eq=False)
class _Request:
    future: asyncio.Future[Answer | None]
    address: Address
    fallback: tuple[str, Sequence[Any]] | None
    on_slow: Callable[[], None] | None
    is_repeated: bool
    sent: float = 0.0
    messages: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)
    timer: asyncio.Handle | None = None
    turns: int = TURNS
    is_in_window: bool = False


class Requests:
    """All requests that wait for an answer.

    An answer counts only from the address that was asked. `on_answer` and `on_silence` are told of
    every address that did, or did not, answer. `token_for` gives what to show there. A
    future that is cancelled is simply dropped.
    """

    def __init__(
        self,
        send: Callable[[bytes, Address], None],
        settings: Settings,
        *,
        on_answer: Callable[[Address], None],
        on_silence: Callable[[Address], None],
        token_for: Callable[[Address], bytes] = lambda _: b"",
    ) -> None:
        self._send = send
        self._token_for = token_for
        self._settings = settings
        self._on_answer, self._on_silence = on_answer, on_silence
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[bytes, _Request] = {}
        self._line: deque[tuple[_Request, str, Sequence[Any]]] = deque()
        self._in_window = 0
        self._closed = False
        self.round_trips: RoundTrips = RoundTrips(
            guess=FIRST_GUESS,
            slow=(settings.slow_floor, settings.slow_ceiling),
            timeout=(settings.timeout_floor, settings.timeout_ceiling),
        )

    def __len__(self) -> int:
        """How many requests are under way or wait in line."""
        return len(set(self._waiting.values())) + len(self._line)

    def call(
        self,
        address: Address,
        name: str,
        args: Sequence[Any],
        *,
        fallback: tuple[str, Sequence[Any]] | None = None,
        on_slow: Callable[[], None] | None = None,
        is_repeated: bool = True,
    ) -> asyncio.Future[Answer | None]:
        """Ask `address`; the future's result is None where it does not answer, and never an exception.

        `fallback`: another call to make beside this one where it is slow to answer, since nodes with
        the bare library are silent on calls they do not know. `on_slow` is called at that time.
        `is_repeated`: whether to send it once more if there is no answer.
        """
        future: asyncio.Future[Answer | None] = self._loop.create_future()
        if self._closed or len(self._waiting) + len(self._line) >= self._settings.max_outstanding:
            future.set_result(None)
            return future
        self._line.append((_Request(future, address, fallback, on_slow, is_repeated), name, args))
        self._start_next()
        return future

    def receive(self, message_id: bytes, packed: bytes, address: Address) -> bool:
        """An answer has come; whether anybody had asked for it. Raises ValueError for a malformed one."""
        request = self._waiting.get(message_id)
        if request is None or request.address != address:
            return False
        answer = Answer(request.messages[message_id][0], decode(packed))
        self._forget(request)
        # From when it was sent first, even if it was lost then: those who are slow need patience.
        self.round_trips.add(self._loop.time() - request.sent)
        try:
            self._on_answer(address)
        finally:  # whatever goes wrong there, nobody is left waiting
            if not request.future.done():
                request.future.set_result(answer)
        return True

    def close(self) -> None:
        """Nobody will answer any more."""
        self._closed = True
        while self._line:
            request, *_ = self._line.popleft()
            if not request.future.done():
                request.future.set_result(None)
        for request in list(self._waiting.values()):
            self._forget(request)
            if not request.future.done():
                request.future.set_result(None)

    def _start_next(self) -> None:
        while self._line and self._in_window < self._settings.window:
            request, name, args = self._line.popleft()
            if not request.future.done():  # else cancelled
                request.is_in_window = True
                self._in_window += 1
                request.sent = self._loop.time()
                self._make(request, name, args)
                request.timer = self._loop.call_later(self.round_trips.slow, self._slow, request)

    def _make(self, request: _Request, name: str, args: Sequence[Any]) -> None:
        message_id = os.urandom(MESSAGE_ID_BYTES)
        datagram = encode_call(message_id, name, args, self._token_for(request.address))
        request.messages[message_id] = name, datagram
        self._waiting[message_id] = request
        self._send(datagram, request.address)

    def _forget(self, request: _Request) -> None:
        for message_id in request.messages:
            self._waiting.pop(message_id, None)
        if request.timer is not None:
            request.timer.cancel()
        self._leave_window(request)

    def _leave_window(self, request: _Request) -> None:
        if request.is_in_window:
            request.is_in_window = False
            self._in_window -= 1
            self._start_next()

    def _slow(self, request: _Request) -> None:
        if request.future.done():  # cancelled
            self._forget(request)
        elif not self._waits_for_turns(request, self._slow):
            # First of all, so that it ends whatever goes wrong below.
            wait = request.sent + self.round_trips.timeout - self._loop.time()
            request.timer = self._loop.call_later(max(wait, self.round_trips.slow), self._expire, request)
            request.turns = TURNS
            if request.is_repeated:
                for _, datagram in list(request.messages.values()):
                    self._send(datagram, request.address)  # it may have been lost on the way
            if request.fallback is not None:
                self._make(request, *request.fallback)
            self._leave_window(request)  # the dead must not hold up the living
            if request.on_slow is not None:
                request.on_slow()

    def _expire(self, request: _Request) -> None:
        if not self._waits_for_turns(request, self._expire):
            self._forget(request)
            if not request.future.done():
                try:
                    self._on_silence(request.address)
                finally:
                    request.future.set_result(None)

    def _waits_for_turns(self, request: _Request, then: Callable[[_Request], None]) -> bool:
        """Whether to look again in the next turn of the loop, since this one may have taken long."""
        request.turns -= 1
        if request.turns < 0:
            return False
        request.timer = self._loop.call_soon(then, request)
        return True
