"""Members who join at the same moment: how long until all have proved themselves to all."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict

from bitboot_btdht.testnet import contacts

from bitboot_core import SwarmSecret
from bitboot_core._swarms.private.epochs import Epochs

from .joining import NAME, PATIENCE, Settings


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


def start(settings: Settings, secret: SwarmSecret) -> subprocess.Popen[str]:
    """Start one of the two processes."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.private.joining", json.dumps(asdict(settings))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SECRET": secret.reveal()},
    )


async def members(count: int, settle: float, at: str | None) -> float:
    """Seconds until each of so many members, in two processes, knows all."""
    secret = secret_for(at, time.time() + settle)
    async with contacts(16) as bootstrap:
        halves = [
            start(Settings(list(map(str, bootstrap)), share, first, count, settle), secret)
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
