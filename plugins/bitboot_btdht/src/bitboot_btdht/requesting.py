"""A request, from the caller's coroutine to the node and back."""

from __future__ import annotations

import asyncio

from bitboot_core import BackendError, BackendTimeout, KnownHost, RequestRefused
from bitboot_core.aio.requests import check_request

from .asking.requests import MAX_PAYLOAD
from .asking.transaction import Outcome
from .udp import UdpDriver
from .wire import compact, krpc


async def request(
    driver: UdpDriver,
    waiters: set[asyncio.Future[Outcome]],
    endpoint: KnownHost,
    payload: bytes,
    timeout: float,
) -> bytes:
    """See `Backend.request`. While it waits its future is among the `waiters`."""
    check_request(endpoint, payload, max_request=MAX_PAYLOAD, families=driver.node.tables)
    driver.remember(endpoint)
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[Outcome] = loop.create_future()
    give_up = driver.node.request(
        compact.pack(endpoint.host, endpoint.port),
        payload,
        lambda outcome: None if waiter.done() else waiter.set_result(outcome),
        timeout=timeout,
        now=loop.time(),
    )
    if give_up is None:
        raise BackendError("too many requests are under way", hint="wait until some have been answered")
    waiters.add(waiter)
    driver.flush()
    try:
        outcome = await waiter
    finally:
        give_up()
        waiters.discard(waiter)
    return _read(outcome, endpoint, timeout)


def _read(outcome: Outcome, endpoint: KnownHost, timeout: float) -> bytes:
    if outcome is None:
        raise BackendTimeout(
            f"{endpoint} did not answer within {timeout:g} s",
            hint="it may be gone, or behind a NAT that does not let this machine in",
        )
    answer = outcome.values.get(b"payload") if isinstance(outcome, krpc.Response) else None
    if not isinstance(answer, bytes) or len(answer) > MAX_PAYLOAD:
        raise RequestRefused(
            f"the node at {endpoint} answers no such request",
            hint="a node answers where its program has asked for requests, and wants to answer this one",
        )
    return answer
