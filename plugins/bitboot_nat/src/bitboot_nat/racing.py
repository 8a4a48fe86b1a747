"""Several gateways asked at the same time: the first that answers is the one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bitboot_core import NoRouterAnswered, PortMappingFailed

from .gateway import Gateway

T = TypeVar("T")


async def first(gateways: Sequence[Gateway], ask: Callable[[Gateway], Awaitable[T]]) -> T:
    """What the first gateway answers that answers at all.

    Raises a refusal where one refused and none answered, else NoRouterAnswered.
    """
    if not gateways:
        raise NoRouterAnswered(
            "this machine has no default gateway that it knows of", hint="check that it is online"
        )

    async def one(gateway: Gateway) -> T:
        return await ask(gateway)

    tasks = {asyncio.create_task(one(gateway)) for gateway in gateways}
    failures: list[PortMappingFailed] = []
    try:
        waiting = set(tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    return task.result()
                except PortMappingFailed as error:
                    failures.append(error)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    refusals = [error for error in failures if not isinstance(error, NoRouterAnswered)]
    raise (refusals or failures)[0].with_traceback(None)
