"""One node and strangers who talk to it: the hazards of the library, each closed."""

from __future__ import annotations

import ast
import asyncio
import logging
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import bitboot_kademlia
import pytest
import umsgpack
from bitboot_kademlia import wire
from bitboot_kademlia.gate import Sender
from bitboot_kademlia.messages import PeersAnswer, read_peers_answer
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import commit
from bitboot_kademlia.testnet import Testnet
from bitboot_kademlia.wire import pack_endpoint, split_endpoints, unpack_endpoint

from bitboot_core import KnownHost

from .conftest import found, running
from .strangers import MESSAGE, STRANGER, Talk, Time

KEY = b"k" * 20
ID = b"i" * 20
SECRET = b"s" * 16
HOSTS_OF_MALICE = [
    "fe80::1%eth0\x1b[2J\r\npeer 1.2.3.4:5",
    "fe80::1%" + "x" * 33,
    "-oProxyCommand=x",
    "127.1",
    "2130706433",
    "0x7f.1",
]
"""What a terminal, a shell or another program's parser would take for something else."""

SOURCE = Path(bitboot_kademlia.__file__ or "").parent


def token(talk: Talk, sender: tuple[str, int] = STRANGER) -> bytes:
    return read_peers_answer(talk.call("find_peers", ID, KEY, 0, sender=sender)).token


def announce(talk: Talk, host: str = "30.0.0.1", port: int = 6881, **more: Any) -> Any:
    sender = more.get("sender", STRANGER)
    secret, proof = more.get("secret", SECRET), more.get("token") or token(talk, sender)
    return talk.call("announce", ID, KEY, host, port, 100, proof, commit(secret), sender=sender)


def stored(talk: Talk) -> list[KnownHost]:
    found: list[KnownHost] = []
    after = 0
    while True:
        answer = read_peers_answer(talk.call("find_peers", b"", KEY, after))
        found += map(unpack_endpoint, split_endpoints(answer.peers))
        after = answer.more
        if not after:
            return found


async def test_announced_found_and_withdrawn(talk: Talk, time: Time) -> None:
    assert announce(talk) == 100
    assert announce(talk, "peer.example.org", 1, secret=b"t" * 16) == 100
    assert stored(talk) == [KnownHost("30.0.0.1", 6881), KnownHost("peer.example.org", 1)]
    assert talk.call("withdraw", ID, KEY, SECRET) is True
    assert talk.call("withdraw", ID, KEY, b"x" * 16) is False
    assert stored(talk) == [KnownHost("peer.example.org", 1)]
    time.now += 101
    assert stored(talk) == []


async def test_no_host_is_the_address_that_we_see(talk: Talk) -> None:
    assert announce(talk, "", 6881) == 100
    assert announce(talk, "", 0, secret=b"t" * 16) == 100
    assert stored(talk) == [KnownHost(STRANGER[0], 6881), KnownHost(*STRANGER)]


@pytest.mark.parametrize(
    ("host", "port"),
    [
        *[
            ("0.0.0.0", 1),
            ("::", 1),
            ("a b", 1),
            ("x" * 254, 1),
            ("1.2.3.4", 70_000),
            ("[::1]", 1),
            ("a/b", 1),
        ],
        *[(host, 1) for host in HOSTS_OF_MALICE],
    ],
)
async def test_what_nobody_could_reach_is_not_kept(talk: Talk, host: str, port: int) -> None:
    with pytest.raises(LookupError):
        announce(talk, host, port)
    assert len(talk.protocol.peers) == 0


@pytest.mark.parametrize("host", HOSTS_OF_MALICE)
async def test_a_host_of_malice_is_not_yielded_whoever_answers_with_it(host: str) -> None:
    """A liar answers with it; what is sound beside it is found."""
    sound = pack_endpoint(KnownHost("30.0.0.1", 1))
    malice = bytes((0, len(host))) + host.encode() + b"\x00\x01"
    async with Testnet(1) as testnet, running() as backend:
        liar = testnet.backends[0].nodes[4].protocol

        def lie(sender: Sender, caller: bytes, key: bytes, after: int) -> PeersAnswer:
            return PeersAnswer(liar.node_id, b"t" * 8, 5, 0, malice + sound, b"", b"")

        liar.rpc_find_peers = lie  # type: ignore[method-assign]
        await backend.bootstrap([testnet.backends[0].address])
        assert await found(backend, KEY) == [KnownHost("30.0.0.1", 1)]
        node = backend.nodes[4]
        assert len(node.protocol.peers) == 0


async def test_nobody_announces_without_a_token_of_its_own(talk: Talk, time: Time) -> None:
    """So that the address that an announcement is counted for is not made up."""
    others = token(talk, ("20.0.0.9", 7000))
    assert announce(talk, token=others) == 0
    assert announce(talk, token=b"x" * 8) == 0
    own = token(talk)
    time.now += 600
    assert announce(talk, token=own) == 0
    assert stored(talk) == []


async def test_answers_are_no_longer_than_a_packet_may_be(talk: Talk) -> None:
    for number in range(300):
        announce(talk, f"30.0.{number // 250}.{number % 250}", secret=number.to_bytes(16, "big"))
    for number in range(100):
        talk.protocol.learn(random.Random(number).randbytes(20), (f"20.1.0.{number}", 7000), plain=False)
    assert len(stored(talk)) == 300
    talk.call("records", ID, KEY, 0)
    assert max(len(datagram) for datagram, _ in talk.sent.datagrams) <= Settings().reply_bytes + 21


async def test_the_librarys_own_calls_are_answered(talk: Talk) -> None:
    talk.protocol.learn(b"a" * 20, ("20.0.0.2", 7001), plain=False)
    talk.protocol.learn(b"b" * 20, ("20.0.0.3", 7002), plain=True)
    await talk.befriend(ID)
    assert talk.call("stun") == list(STRANGER)
    assert talk.call("ping", ID) == talk.protocol.node_id
    assert talk.call("find_node", ID, b"a" * 20) == [
        [b"a" * 20, "20.0.0.2", 7001],
        [b"b" * 20, "20.0.0.3", 7002],
    ]
    assert talk.call("store", ID, KEY, "a value") is True
    assert talk.call("find_value", ID, KEY) == {"value": "a value"}
    assert {node[2] for node in talk.call("find_value", ID, b"o" * 20)} == {7001, 7002}
    assert talk.call("ping", ID, has_token=False) == talk.protocol.node_id


async def test_what_plain_nodes_store_is_capped(talk: Talk) -> None:
    """The library holds 4,000 values of 60 KB each, if one only sends them."""
    await talk.befriend(ID)
    kept = sum(
        talk.call("store", ID, number.to_bytes(20, "big"), b"x" * 8_000) is True for number in range(600)
    )
    assert kept == len(talk.protocol.storage) == Settings().max_value_slots // 4


@pytest.mark.parametrize("value", [[1, 2], {"value": 1}, None, ["x"] * 50])
async def test_a_value_that_would_break_others_is_not_kept(talk: Talk, value: object) -> None:
    with pytest.raises(LookupError):
        talk.call("store", ID, KEY, value)
    assert len(talk.protocol.storage) == 0


MALFORMED = [
    b"",
    b"\x00",
    b"\x00" + MESSAGE,
    b"\x02" + MESSAGE + umsgpack.packb(["ping", [ID]]),
    b"\x00" + MESSAGE + b"\xc1",
    b"\x00" + MESSAGE + b"\x92\xa5store" + b"\x91" * 8_000,
    b"\x00" + MESSAGE + umsgpack.packb("ping"),
    b"\x00" + MESSAGE + umsgpack.packb(["ping"]),
    b"\x00" + MESSAGE + umsgpack.packb(["ping", [ID], 3]),
    b"\x00" + MESSAGE + umsgpack.packb(["ping", ID]),
    b"\x00" + MESSAGE + umsgpack.packb(["ping", ["not bytes"]]),
    b"\x00" + MESSAGE + umsgpack.packb(["ping", [b"short"]]),
    b"\x00" + MESSAGE + umsgpack.packb(["find_node", [ID, b"x" * 21]]),
    b"\x00" + MESSAGE + umsgpack.packb(["shutdown", []]),
    b"\x00" + MESSAGE + umsgpack.packb(["find_peers", [ID, KEY, -1]]),
    b"\x00" + MESSAGE + umsgpack.packb(["find_peers", [ID, KEY, True]]),
    b"\x00" + MESSAGE + umsgpack.packb(["keys", [b"", b""]]),
    b"\x00" + MESSAGE + b"x" * 65_000,
]


@pytest.mark.parametrize("datagram", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_datagrams_are_counted_and_that_is_all(
    talk: Talk, datagram: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The library leaves a task with an exception that was never retrieved."""
    tasks = asyncio.all_tasks()
    assert talk.send(datagram) == []
    assert talk.protocol.counters["malformed"] + talk.protocol.counters["unanswered"] == 1
    assert talk.protocol.counters["errors"] == 0
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
    assert asyncio.all_tasks() == tasks


async def test_a_mistake_of_our_own_is_reported_and_stops_nothing(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(talk.protocol.peers, "fingerprint", lambda key: 1 / 0)
    with pytest.raises(LookupError):
        talk.call("find_peers", ID, KEY, 0)
    assert talk.protocol.counters["errors"] == 1
    assert "could not be handled" in caplog.text
    assert talk.call("ping", ID) == talk.protocol.node_id


async def test_answers_from_strangers_are_ignored(talk: Talk) -> None:
    future = talk.protocol.requests.call(STRANGER, "hello", [ID])
    (call, _) = talk.sent.datagrams[-1]
    talk.answer(call, b"liar" * 5, ("20.0.0.1", 7001))
    talk.answer(call, b"liar" * 5, ("20.0.0.2", 7000))
    assert talk.protocol.counters["strays"] == 2
    talk.answer(call, ID)
    answer = await future
    assert answer is not None
    assert answer.value == ID


async def test_who_writes_is_taken_in_only_when_it_answers(talk: Talk) -> None:
    talk.call("find_peers", ID, KEY, 0)
    assert len(talk.protocol.router) == 0
    await talk.befriend(ID, ("20.0.0.5", 7000))
    assert [contact.address for contact in talk.protocol.router] == [("20.0.0.5", 7000)]
    assert [contact.address for contact in talk.contacts] == [("20.0.0.5", 7000)]


async def test_who_answers_as_somebody_else_is_not_taken_in(talk: Talk) -> None:
    ((call, _), *_) = [one for one in talk.send(_call("hello", ID)) if one[0][0] == 0]
    talk.answer(call, b"x" * 20)
    assert len(talk.protocol.router) == 0


async def test_random_ids_from_one_socket_fill_nothing(talk: Talk) -> None:
    """In the library 2,000 pings make 675 contacts, and thousands of messages to hand them values."""
    for number in range(50):
        announce(talk, secret=number.to_bytes(16, "big"))
    before = len(talk.sent.datagrams)
    rng = random.Random(1)
    for _ in range(2_000):
        talk.send(_call("ping", rng.randbytes(20)))
    calls = [datagram for datagram, _ in talk.sent.datagrams[before:] if datagram[0] == 0]
    assert len(calls) <= 1, "one greeting at a time for one address"
    assert len(talk.protocol.router) == 0
    for _ in range(2_000):
        await talk.befriend(rng.randbytes(20))
    assert len(talk.protocol.router) <= 1, "one id for one address"


async def test_random_ids_from_everywhere_are_greeted_a_few_at_a_time(talk: Talk) -> None:
    rng = random.Random(1)
    for number in range(2_000):
        talk.send(_call("ping", rng.randbytes(20)), (f"66.6.{number >> 8}.{number & 255}", 7000))
    greetings = {address for datagram, address in talk.sent.datagrams if datagram[0] == 0}
    assert len(greetings) <= Settings().max_verifications
    assert len(talk.protocol.requests) <= Settings().max_verifications


async def test_a_newcomer_is_pushed_nothing(talk: Talk) -> None:
    """Whoever ought to hold something comes and asks: see healing.py."""
    announce(talk)
    before = len(talk.sent.datagrams)
    await talk.befriend(ID, ("20.0.0.5", 7000))
    names = [
        umsgpack.unpackb(datagram[21:])[0] for datagram, _ in talk.sent.datagrams[before:] if datagram[0] == 0
    ]
    assert names == ["hello"]


async def test_who_has_no_id_is_not_called_back(talk: Talk) -> None:
    (answer,) = talk.send(_call("find_peers", b"", KEY, 0))
    assert answer[0][0] == 1


async def test_whoever_is_silent_and_then_shows_up_is_greeted_again(talk: Talk) -> None:
    await talk.befriend(ID)
    talk.protocol.suspects.failed(STRANGER)
    await talk.befriend(ID)
    assert STRANGER not in talk.protocol.suspects


async def test_records_are_for_whoever_asks(talk: Talk) -> None:
    announce(talk)
    assert talk.call("keys", ID, b"") == [KEY, talk.protocol.peers.fingerprint(KEY)]
    page, more = talk.call("records", ID, KEY, 0)
    assert more == 0
    (record,) = wire.split_records(page)
    assert (record.commitment, record.secret, record.lifetime) == (commit(SECRET), None, 100)
    assert talk.call("keys", ID, KEY) == []
    assert talk.call("records", ID, b"o" * 20, 0) == [b"", 0]


async def test_a_name_that_is_misspelt_is_no_call(talk: Talk) -> None:
    """The library would make a remote call of it."""
    with pytest.raises(AttributeError, match="find_pears"):
        talk.protocol.find_pears  # noqa: B018 - that is what is tested


async def test_after_the_end_nothing_is_received_or_sent(talk: Talk) -> None:
    talk.protocol.close()
    assert talk.send(_call("ping", ID)) == []
    assert await talk.protocol.greet(STRANGER) is False
    assert talk.protocol.counters["received"] == 0


async def test_a_congested_socket_loses_what_does_not_fit(talk: Talk) -> None:
    talk.protocol.pause_writing()
    assert talk.send(_call("ping", ID)) == []
    talk.protocol.resume_writing()
    assert talk.send(_call("ping", ID)) != []


async def test_a_datagram_that_was_refused_is_counted(talk: Talk) -> None:
    talk.protocol.error_received(ConnectionResetError())
    assert talk.protocol.counters["refused"] == 1


async def test_closing_leaves_no_task_and_no_timer() -> None:
    tasks = asyncio.all_tasks()
    async with running() as backend, running(read_only=True) as silent:
        waiting = [
            asyncio.create_task(backend.nodes[4].protocol.greet((silent.address.host, silent.address.port)))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        requests = backend.nodes[4].protocol.requests
        assert len(requests) > 0
    assert [await task for task in waiting] == [False] * 5
    assert len(requests) == 0
    assert asyncio.all_tasks() == tasks


def test_there_is_no_pickle_anywhere() -> None:
    """The library saves its state as one; whoever loads such a file runs what is in it."""
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "kademlia.network", "shelve", "marshal"} & set(names), file
    code = (
        "import sys, bitboot_kademlia.backend, bitboot_kademlia.testnet;"
        " assert 'kademlia.network' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _call(name: str, *args: Any) -> bytes:
    return b"\x00" + MESSAGE + bytes(umsgpack.packb([name, list(args)]))
