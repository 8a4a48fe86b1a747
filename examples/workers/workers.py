"""A pool of workers that finds its coordinators.

    python workers.py coordinator 1000003 1000033 1000035     hands out numbers to be factored
    python workers.py worker                                  takes whatever there is, until Ctrl-C

Coordinators announce themselves in a swarm, workers look it up: start as many of either as you like,
anywhere and in any order. A number whose worker goes away is handed to another; a worker whose
coordinator goes away looks for the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import socket
import sys
from collections.abc import Sequence
from typing import Any, TypeGuard

from bitboot_core import BitBoot, BitBootError, KnownHost

SWARM = "bitboot-example/factors"
MAX_NUMBER = 2**40
"""Exclusive. What a worker factors in about a second."""

MAX_LINE = 10_000
"""Bytes of one message: a JSON object on a line."""

PATIENCE = 5.0
"""Seconds to connect."""

TOO_LONG = 600.0
"""Seconds after which a worker that says nothing is given up, and its number handed to another."""

IDLE = 30.0
"""Seconds without work after which a worker looks elsewhere."""

MAX_WORKERS = 1000
"""Connections to one coordinator. Whoever comes then is hung up on, and may come again."""

REST = 1.0
"""Seconds between two looks for a coordinator, where none had work."""


async def receive(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next message of a stranger. Raises ValueError or OSError where there is none."""
    try:
        message = json.loads(await reader.readline() or b"null")
    except RecursionError:  # "[[[[..."
        raise ValueError("no message") from None
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message


def send(writer: asyncio.StreamWriter, **message: object) -> None:
    """Send a message."""
    writer.write(json.dumps(message).encode() + b"\n")


NO_MORE = 0


class Coordinator:
    """Hands out numbers, and keeps their factors."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.factors: dict[int, list[int]] = {}
        self.done = asyncio.Event()
        self._wanted = set(numbers)
        self._workers = 0
        self._waiting = asyncio.Queue[int]()
        for number in self._wanted:
            self._waiting.put_nowait(number)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand numbers to one worker for as long as it returns factors."""
        self._workers += 1
        with contextlib.suppress(OSError, ValueError):  # it went away, or talks nonsense
            while self._workers <= MAX_WORKERS and (number := await self._waiting.get()) != NO_MORE:
                await self._hand_out(number, reader, writer)
        self._workers -= 1
        writer.close()
        if self.done.is_set():
            self._waiting.put_nowait(NO_MORE)  # for the next one who waits

    async def _hand_out(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            send(writer, number=number)
            async with asyncio.timeout(TOO_LONG):
                factors = (await receive(reader)).get("factors")
            if not is_factors(factors, number):
                raise ValueError("wrong")
        except BaseException:
            self._waiting.put_nowait(number)  # for somebody else
            raise
        self.factors[number] = factors
        print(number, "=", " x ".join(map(str, factors)), flush=True)
        if self._wanted <= set(self.factors):
            self.done.set()
            self._waiting.put_nowait(NO_MORE)


def is_factors(factors: object, number: int) -> TypeGuard[list[int]]:
    """Whether a stranger's answer is right: it costs next to nothing to check."""
    if not isinstance(factors, list) or len(factors) > number.bit_length():
        return False
    if not all(type(one) is int and 1 < one <= number for one in factors):
        return False
    return math.prod(factors) == number and all(map(is_prime, factors))


def is_prime(number: int) -> bool:
    """The test of Miller and Rabin, with bases that leave no doubt for any `number` below 3.4 * 10**12."""
    bases = 2, 3, 5, 7, 11, 13
    if number in bases:
        return True
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    return all(
        pow(base, odd, number) == 1 or any(pow(base, odd << i, number) == number - 1 for i in range(twos))
        for base in bases
    )


def factors_of(number: int) -> list[int]:
    """The prime factors, by trial division: work for a moment."""
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return found + [number] * (number > 1)


def anywhere() -> socket.socket:
    """A socket that listens on every address of this machine, IPv6 where it has any, at a free port."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", 0))


async def coordinate(numbers: Sequence[int], bitboot: BitBoot) -> dict[int, list[int]]:
    """Announce ourselves until all numbers are factored."""
    coordinator = Coordinator(numbers)
    server = await asyncio.start_server(coordinator.serve, sock=anywhere(), limit=MAX_LINE)
    port = server.sockets[0].getsockname()[1]
    try:
        async with bitboot.announce(SWARM, port=port) as announcement:
            await announcement.announced()
            print("waiting for workers", flush=True)
            await coordinator.done.wait()
    finally:
        server.close()
    return coordinator.factors


async def work(bitboot: BitBoot) -> None:
    """Work for one coordinator after the other, until cancelled."""
    print("looking for coordinators", flush=True)
    while True:
        async with bitboot.find(SWARM) as found:
            async for peer in found:
                await work_for(peer.endpoint)
        await asyncio.sleep(REST)


async def work_for(coordinator: KnownHost) -> None:
    """Work for one coordinator until it hangs up. Whoever is none is left at once."""
    with contextlib.suppress(OSError, ValueError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(coordinator.host, coordinator.port, limit=MAX_LINE)
        try:
            while True:
                async with asyncio.timeout(IDLE):
                    number = (await receive(reader)).get("number")
                if not isinstance(number, int) or not 1 < number < MAX_NUMBER:
                    raise ValueError("no work for us")
                send(writer, factors=await asyncio.to_thread(factors_of, number))
                print("worked on", number, "for", coordinator, flush=True)
        finally:
            writer.close()


def number(typed: str) -> int:
    """What workers will factor. Raises ValueError otherwise."""
    if not 1 < int(typed) < MAX_NUMBER:
        raise ValueError(typed)
    return int(typed)


async def main(arguments: argparse.Namespace) -> None:
    """Be what was asked for, on the network that was asked for."""
    settings = {name: value for name in ("bootstrap", "listen") if (value := getattr(arguments, name))}
    async with BitBoot(network=arguments.network, **settings) as bitboot:
        if arguments.role == "worker":
            await work(bitboot)
        else:
            await coordinate(arguments.numbers, bitboot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="mainline", help="as for bitboot")
    parser.add_argument("--bootstrap", action="append", metavar="HOST:PORT", help="as for bitboot")
    parser.add_argument("--listen", metavar="HOST:PORT", help="as for bitboot")
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("worker", help="work until Ctrl-C")
    hand_out = roles.add_parser("coordinator", help="hand out work until all is done")
    hand_out.add_argument("numbers", nargs="+", type=number, help="to be factored; from 2 up, below 2**40")
    try:
        asyncio.run(main(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    except BitBootError as error:
        sys.exit(f"workers: {error} ({error.hint})")
