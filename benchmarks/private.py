"""What private swarms cost, and whether outsiders get anything out of a member.

    python -m benchmarks.private probes [--count N]
    python -m benchmarks.private flood [--seconds S]
    python -m benchmarks.private members [--count N] [--at middle|beginning|end]

probes: a member is asked N things (1,000,000 unless told otherwise) by whoever does not know the secret.
Prints how many were answered; 1 where any was.

flood: 10,000 first messages a second that open under no key, from everywhere. Prints the CPU time of a second
of them; 1 where it is a third of a core or more.

members: N programs (200), half of them in each of two processes, are on a mainline network on loopback,
together with 16 nodes that were there before. Once all are in touch with it, and have been for a minute and
a quarter (by then upkeep has filled their routing tables; `--settle S` says otherwise), all join one swarm at
the same moment. Prints how long it takes from that moment until the last program has been told of the last
member, who has proved itself to it (of each pair both), the CPU time of that, and how long the programs
took to get in touch before; 1 where it is more than 20 s. The figures are those of Python with its garbage
collector off. What the benchmark does itself meanwhile is to read these events, and to run the contacts.
The secret says when an epoch begins: at its beginning and its end, an eighth of the time each, lookups read
two keys, at its end members announce under both. Which it was is printed; `--at` chooses.
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
from contextlib import suppress

from bitboot_btdht.testnet import contacts
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bitboot_core import BitBoot, Identity, KnownHost, PeerJoined, Swarm, SwarmSecret
from bitboot_core._swarms.private.epochs import Epochs
from bitboot_core._swarms.private.introduction import Introduction
from bitboot_core._swarms.private.prepared import Prepared
from bitboot_core._swarms.private.record import write_record
from bitboot_core._swarms.private.responder import Responder
from bitboot_core._swarms.private.roster import Roster

NAME = "unique_network"
TIME = 1_800_000_000.0
PROBES, FLOOD, MEMBERS = 1_000_000, 10_000, 200
WITHIN = 20.0
PATIENCE = 120.0
SETTLE = 75.0
START_EVERY = 0.06
"""Seconds between the starts of two programs in one process."""


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
    prepared = Prepared(X25519PrivateKey.generate(), initiates=True)
    begun = Introduction(outside.keys(outside.at(TIME)), prepared).first
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


def tell(*words: object) -> None:
    """Say something to the process that began this one."""
    print(*words, flush=True)


async def is_told() -> None:
    """Wait until it tells us to go on."""
    await asyncio.to_thread(sys.stdin.readline)


async def join(
    bootstrap: list[str], secret: SwarmSecret, count: int, everybody: int, first: int, *, settle: float
) -> float:
    """Have so many programs join at the same moment; the seconds until each knows everybody."""
    gc.disable()  # with so many programs in one process it has far more to look through than in each of them

    async def start(number: int) -> BitBoot:
        await asyncio.sleep(number * START_EVERY)
        bitboot = BitBoot(
            network="mainline",
            bootstrap=bootstrap,
            listen="127.0.0.1:0",
            state_dir=False,
            identity=Identity.generate(),
        )
        started.append(bitboot)
        await bitboot.__aenter__()
        await bitboot.ready()
        return bitboot

    started: list[BitBoot] = []
    try:
        began = time.monotonic()
        bitboots = await asyncio.gather(*map(start, range(count)))
        tell(time.monotonic() - began)
        await asyncio.sleep(settle)
        await is_told()
        began, used = time.monotonic(), time.process_time()
        swarms = [
            bitboot.join(NAME, port=10000 + first + number, secret=secret)
            for number, bitboot in enumerate(bitboots)
        ]
        await asyncio.gather(*(swarm.__aenter__() for swarm in swarms))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
                for swarm in swarms:
                    group.create_task(until_there(swarm, everybody))
        took = time.monotonic() - began
        tell(took, time.process_time() - used, min(len(swarm.peers) for swarm in swarms))
        await is_told()
        return took
    finally:  # side by side: one after the other, those that are left would be busy with those that are gone
        await asyncio.gather(*(bitboot.aclose() for bitboot in started))


def place(secret: SwarmSecret, when: float) -> str:
    """Where in an epoch a time is, in seconds since 1970."""
    epochs = Epochs(NAME, secret.for_name(NAME))
    if len(epochs.announced(when)) > 1:
        return "end"
    return "middle" if len(epochs.read(when)) == 1 else "beginning"


def secret_for(at: str | None, when: float) -> SwarmSecret:
    """A secret with an epoch that has come to there by then, and stays there; any, where that is not said."""
    while True:
        secret = SwarmSecret.generate()
        if at is None or place(secret, when) == place(secret, when + PATIENCE) == at:
            return secret


async def members(count: int, settle: float, at: str | None) -> float:
    """Seconds until each of so many members, in two processes, knows all."""
    secret = secret_for(at, time.time() + settle)
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
                    "--settle",
                    str(settle),
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
        try:
            ready = await asyncio.gather(*map(said_by, halves))
            own, where = time.process_time(), place(secret, time.time())
            for half in halves:
                go_on(half)
            ended = await asyncio.gather(*map(said_by, halves))
            own = time.process_time() - own
        finally:
            for half in halves:
                assert half.stdin is not None
                half.stdin.close()
            await asyncio.gather(*map(ended_in_time, halves))
    print(f"{count} programs were in touch after {max(seconds for (seconds,) in ready):.1f} s")
    print(f"CPU time of the two processes since they joined: {sum(used for _, used, _ in ended):.1f} s")
    print(f"of this one, with the contacts: {own:.1f} s")
    print(f"it was the {where} of an epoch")
    known = min(known for _, _, known in ended)
    if known < count:
        print(f"only {known:.0f} of {count} are known to all")
        return float("inf")
    return max(took for took, _, _ in ended)


async def said_by(half: subprocess.Popen[str]) -> list[float]:
    """The next figures that a process tells."""
    assert half.stdout is not None
    return [float(word) for word in (await asyncio.to_thread(half.stdout.readline)).split()]


async def ended_in_time(half: subprocess.Popen[str]) -> None:
    """Wait for the end of a process, and end it where it does not come."""
    try:
        await asyncio.to_thread(half.wait, 60)
    except subprocess.TimeoutExpired:
        half.kill()
        await asyncio.to_thread(half.wait)
        print("a process did not end within 60 s")


def go_on(half: subprocess.Popen[str]) -> None:
    """Tell a process to go on."""
    assert half.stdin is not None
    half.stdin.write("\n")
    half.stdin.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description="What private swarms cost, and what outsiders get.")
    parser.add_argument("what", choices=["probes", "flood", "members", "join"])
    parser.add_argument("--count", type=int)
    parser.add_argument("--at", choices=["middle", "beginning", "end"])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--everybody", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--settle", type=float, default=SETTLE)
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
        bootstrap = given.bootstrap.split()
        asyncio.run(join(bootstrap, secret, given.count, given.everybody, given.first, settle=given.settle))
        return 0
    count = given.count or MEMBERS
    took = asyncio.run(members(count, given.settle, given.at))
    print(f"{count} members: all proved to all in {took:.1f} s")
    return int(took > WITHIN)


if __name__ == "__main__":
    sys.exit(main())
