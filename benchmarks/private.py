"""What private swarms cost, and whether outsiders get anything out of a member.

    python -m benchmarks.private probes [--count N]
    python -m benchmarks.private flood [--seconds S]
    python -m benchmarks.private members [--count N]

probes: a member is asked N things (1,000,000 unless told otherwise) by whoever does not know the secret.
Prints how many were answered; 1 where any was.

flood: 10,000 first messages a second that open under no key, from everywhere. Prints the CPU time of a second
of them; 1 where it is a third of a core or more.

members: N members (200) join one swarm on a mainline network of 16 nodes on loopback, half of them in each of
two processes, one every 0.06 s in each. Prints how long it takes from the first of them until all are proved
to all; 1 where that is more than 20 s.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import subprocess
import sys
import time
from contextlib import AsyncExitStack, suppress

from bitboot_btdht.testnet import contacts
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bitboot_core import BitBoot, Identity, KnownHost, PeerJoined, Swarm, SwarmSecret
from bitboot_core._swarms.private.epochs import Epochs
from bitboot_core._swarms.private.introduction import Introduction
from bitboot_core._swarms.private.record import write_record
from bitboot_core._swarms.private.responder import Responder
from bitboot_core._swarms.private.roster import Roster

NAME = "unique_network"
TIME = 1_800_000_000.0
PROBES, FLOOD, MEMBERS = 1_000_000, 10_000, 200
WITHIN = 20.0
PATIENCE = 120.0
EVERY = 0.06


def member() -> Responder:
    """Somebody who answers members."""
    epochs = Epochs(NAME, bytes(range(32)))
    static = X25519PrivateKey.generate()
    record = write_record(
        Identity.generate(), static.public_key().public_bytes_raw(), [KnownHost("", 1)], b""
    )
    return Responder(
        epochs,
        Roster(epochs),
        static,
        record=lambda: record,
        admits=lambda member: True,
        expects=lambda source: False,
        proved=lambda session: None,
        deliver=lambda session, data: True,
    )


def anybody(number: int) -> KnownHost:
    """An address that is far from the last ones."""
    return KnownHost(f"{11 + number % 80}.{number // 7 % 256}.{number // 80 % 256}.1", 1 + number % 60000)


def probes(count: int) -> int:
    """How many of so many probes are answered."""
    chance = random.Random(1)
    asked = member()
    outside = Epochs(NAME, bytes(32))
    begun = Introduction(outside.keys(outside.at(TIME)), X25519PrivateKey.generate()).first
    answered = 0
    for number in range(count):
        kind = number % 4
        if kind == 0:  # as a member of another swarm begins
            probe = chance.randbytes(32) + begun[32:]
        elif kind == 1:
            probe = chance.randbytes(chance.randint(0, 1000))
        elif kind == 2:
            probe = bytes(chance.randint(0, 1000))
        else:
            probe = chance.randbytes(1000)
        # Slowly enough that each is tried on the keys.
        answered += asked.answer(anybody(number), probe, number / 1000, TIME) is not None
    return answered


def flood(seconds: float) -> float:
    """CPU seconds that one second of first messages costs."""
    asked = member()
    junk = [random.Random(number).randbytes(1000) for number in range(100)]
    count = int(FLOOD * seconds)
    sources = [anybody(number) for number in range(count)]
    began = time.process_time()
    for number, source in enumerate(sources):
        asked.answer(source, junk[number % 100], number / FLOOD, TIME)
    return (time.process_time() - began) / seconds


async def until_there(swarm: Swarm, count: int) -> None:
    """Read what a swarm tells until so many peers are there."""
    there = 0
    async for event in swarm:
        there += 1 if isinstance(event, PeerJoined) else -1
        if there >= count:
            return


async def join(bootstrap: list[str], secret: SwarmSecret, count: int, everybody: int, first: int) -> float:
    """Join so many members; the seconds until each knows everybody."""
    gc.disable()  # with so many programs in one process it has far more to look through than in each of them

    async def start(number: int) -> Swarm:
        await asyncio.sleep(number * EVERY)
        bitboot = BitBoot(
            network="mainline",
            bootstrap=bootstrap,
            listen="127.0.0.1:0",
            state_dir=False,
            identity=Identity.generate(),
        )
        await stack.enter_async_context(bitboot)
        swarm = bitboot.join(NAME, port=10000 + first + number, secret=secret)
        return await stack.enter_async_context(swarm)

    async with AsyncExitStack() as stack:
        began = time.monotonic()
        swarms = await asyncio.gather(*map(start, range(count)))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
                for swarm in swarms:
                    group.create_task(until_there(swarm, everybody))
        took = time.monotonic() - began
        print("done", f"{took:.1f}", min(len(swarm.peers) for swarm in swarms), flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # until the others are done too
        return took


async def members(count: int) -> float:
    """Seconds until each of so many members, in two processes, knows all."""
    secret = SwarmSecret.generate()
    async with contacts(16) as bootstrap:
        halves = [
            subprocess.Popen(  # noqa: ASYNC220
                [
                    sys.executable,
                    "-m",
                    "benchmarks.private",
                    "join",
                    "--count",
                    str(share),
                    "--everybody",
                    str(count),
                    "--first",
                    str(first),
                    "--bootstrap",
                    " ".join(map(str, bootstrap)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "SECRET": secret.reveal()},
            )
            for first, share in ((0, count // 2), (count // 2, count - count // 2))
        ]
        took = 0.0
        try:
            for half in halves:
                assert half.stdout is not None
                _, seconds, known = (await asyncio.to_thread(half.stdout.readline)).split()
                if int(known) < count:
                    print(f"only {known} of {count} are known to all")
                    took = float("inf")
                took = max(took, float(seconds))
        finally:
            for half in halves:
                half.communicate("\n", timeout=60)
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description="What private swarms cost, and what outsiders get.")
    parser.add_argument("what", choices=["probes", "flood", "members", "join"])
    parser.add_argument("--count", type=int)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--everybody", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--bootstrap", default="")
    given = parser.parse_args()
    if given.what == "probes":
        count = given.count or PROBES
        answered = probes(count)
        print(f"{count} probes without the secret: {answered} answered")
        return int(answered > 0)
    if given.what == "flood":
        cost = flood(given.seconds)
        print(f"a second of {FLOOD} first messages that open under no key: {cost:.3f} s of CPU")
        return int(cost >= 1 / 3)
    if given.what == "join":
        secret = SwarmSecret(os.environ["SECRET"])
        asyncio.run(join(given.bootstrap.split(), secret, given.count, given.everybody, given.first))
        return 0
    count = given.count or MEMBERS
    took = asyncio.run(members(count))
    print(f"{count} members: all proved to all in {took:.1f} s")
    return int(took > WITHIN)


if __name__ == "__main__":
    sys.exit(main())
