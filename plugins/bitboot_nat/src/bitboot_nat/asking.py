"""Asking a router over UDP: one question, sent again until it is answered, from a socket of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from bitboot_core import NoRouterAnswered

from .gateway import FAMILIES, Gateway

T = TypeVar("T")

PAUSES = (0.25, 0.5, 0.75, 1.0)
"""Seconds to wait for an answer each time. RFC 6886, section 3.1, starts with 250 ms and doubles for a
minute; as all methods are asked at once, nobody waits that long for one that is not there."""

MAX_DATAGRAM = 2048


class _Answers(asyncio.DatagramProtocol, Generic[T]):
    """Takes the first answer that `read` makes sense of. Others are ignored, however many come."""

    def __init__(self, read: Callable[[bytes], T | None]) -> None:
        self._read = read
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: object) -> None:
        if not self.answer.done() and len(data) <= MAX_DATAGRAM:
            answer = self._read(data)
            if answer is not None:
                self.answer.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def ask(
    gateway: Gateway,
    port: int,
    question: bytes,
    read: Callable[[bytes], T | None],
    *,
    pauses: Sequence[float] = PAUSES,
    own: str | None = None,
) -> T:
    """Send `question` to a gateway until `read` makes something of a datagram that comes back from there.

    `own`: the address of this machine to ask from.

    The socket is connected: the system gives it nothing that comes from elsewhere. Raises NoRouterAnswered.
    """
    sock = socket.socket(FAMILIES[gateway.family], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if own is not None:
            sock.bind((own, 0))
        sock.connect(gateway.at(port))
        transport, answers = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Answers(read), sock=sock
        )
    except OSError as error:
        sock.close()
        raise NoRouterAnswered(
            f"{gateway.host} cannot be asked: {error.strerror or error}",
            hint="check that this machine is online",
        ) from error
    try:
        for pause in pauses:
            transport.sendto(question)
            await asyncio.wait({answers.answer}, timeout=pause)
            if answers.answer.done():
                return answers.answer.result()
    except OSError as error:
        raise NoRouterAnswered(
            f"{gateway.host} does not listen there: {error.strerror or error}",
            hint="the method may be switched off in the router's settings",
        ) from error
    finally:
        transport.close()
        if answers.answer.done():
            answers.answer.exception()  # which nobody needs where the caller was cancelled
        answers.answer.cancel()
    raise NoRouterAnswered(
        f"{gateway.host} did not answer within {sum(pauses):g} s",
        hint="the method may be switched off in the router's settings",
    )
