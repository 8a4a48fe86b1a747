"""A hundred thousand datagrams that nobody should send, and a friend served in the middle of them."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from typing import Any

import psutil
import pytest
import umsgpack
from bitboot_kademlia.messages import read_peers_answer
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import commit
from bitboot_kademlia.wire import Address, split_endpoints

from .hostile import KEY, MAKERS
from .strangers import Talk, Time

DATAGRAMS = 100_000
MEMORY = 16 * 2**20
SPAMMER = "66.6.6.6"
STOCK = 200


@pytest.mark.slow
async def test_a_hundred_thousand_hostile_datagrams(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    """Memory grows by less than 16 MiB from the first of them on, and nothing is logged as an exception."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    caplog.set_level(logging.WARNING)
    rng = random.Random(1)
    # A stock of each kind: making them takes longer than refusing them.
    stock = [[make(rng) for _ in range(STOCK)] for make in MAKERS]
    senders = [(f"20.{number % 256}.0.{number // 256}", rng.randrange(1, 65536)) for number in range(20_000)]
    senders += [(SPAMMER, port) for port in range(1, 2_000)]
    gc.collect()
    before = psutil.Process().memory_info().rss
    await _flood(talk, rng, stock, senders, DATAGRAMS // 2)
    _is_served(talk, 1)
    await _flood(talk, rng, stock, senders, DATAGRAMS // 2)
    _is_served(talk, 2)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    counters = talk.protocol.counters
    assert counters["received"] >= DATAGRAMS
    assert counters["errors"] == 0
    assert caplog.records == []
    assert complaints == []
    assert len([contact for contact in talk.protocol.router if contact.ip == SPAMMER]) < 33
    assert grown < MEMORY
    print(f"\n{counters['received']:,} datagrams: {grown / 2**20:.1f} MiB more")


@pytest.mark.slow
async def test_announcements_without_end(talk: Talk, time: Time) -> None:
    """From real addresses, with sound tokens, of the longest names: that is as much as strangers may fill."""
    gc.collect()
    before = psutil.Process().memory_info().rss
    kept = 0
    for number in range(DATAGRAMS):
        sender = f"66.6.{number % 16}.1", 7000
        key = (number % 4_000).to_bytes(20, "big")
        host = f"{number:06}." + ".".join(["x" * 59] * 4)
        args = (
            b"",
            key,
            host,
            1,
            7_200,
            talk.protocol.tokens.issue(sender[0]),
            commit(number.to_bytes(16, "big")),
        )
        kept += talk.call("announce", *args, sender=sender) > 0
        talk.sent.datagrams.clear()
        time.now += 0.001
    gc.collect()
    assert kept >= len(talk.protocol.peers) == Settings().max_peers
    assert talk.protocol.peers.keys <= Settings().max_keys
    grown = psutil.Process().memory_info().rss - before
    assert grown < MEMORY
    print(f"\n{kept:,} peers kept of {DATAGRAMS:,}: {grown / 2**20:.1f} MiB more")


async def _flood(
    talk: Talk, rng: random.Random, stock: list[list[bytes]], senders: list[Address], count: int
) -> None:
    for number in range(count):
        for datagram, address in talk.send(rng.choice(rng.choice(stock)), rng.choice(senders)):
            # Half of those who are greeted answer, each time as somebody else: that is the way in.
            if datagram[0] == 0 and rng.random() < 0.5:
                talk.answer(datagram, rng.randbytes(20), address)
        talk.sent.datagrams.clear()
        if number % 100 == 0:
            await asyncio.sleep(0)  # let what is under way go on


def _is_served(talk: Talk, number: int) -> None:
    friend = f"20.200.0.{number}", 7000
    token = read_peers_answer(talk.call("find_peers", b"", KEY, 0, sender=friend)).token
    secret = number.to_bytes(16, "big")
    assert talk.call("announce", b"", KEY, "", number, 100, token, commit(secret), sender=friend) == 100
    answer = read_peers_answer(talk.call("find_peers", b"", KEY, 0, sender=friend))
    assert len(split_endpoints(answer.peers)) == number
    assert umsgpack.unpackb(umsgpack.packb(talk.call("stun", sender=friend))) == list(friend)
