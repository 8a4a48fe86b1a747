"""The private DHT's node: what it is called with, and what it is answered amid a lookup and a comparison."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import umsgpack
from bitboot_kademlia.acquaintance import NodeSetup
from bitboot_kademlia.healing import Healing
from bitboot_kademlia.messages import HEAD_BYTES, encode_answer, encode_call
from bitboot_kademlia.peer_crawl import PeerCrawl
from bitboot_kademlia.protocol import PeerProtocol
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import commit
from bitboot_kademlia.wire import (
    Address,
    HandedRecord,
    pack_endpoint,
    pack_node,
    pack_record,
    unpack_endpoint,
)

from bitboot_core import KnownHost

KEY = b"k" * 20
ID = b"i" * 20
OWN = b"n" * 20
MESSAGE = b"m" * 20
TOKEN = b"T" * 8
CONTACT, STRANGER = ("20.0.0.1", 7000), ("30.0.0.1", 7000)
SETTINGS = Settings()

NEXT = b"\xff\x00|"
"""Between two datagrams of one input. Each begins with a byte: 0 a whole datagram of a stranger, 1 of the
contact, 2 a call that shows a good token, 3 an answer to what the contact was asked last, 4 to what it was
asked before that, and so on."""


class _Errors(logging.Handler):
    """What the node's last lines of defence have caught, each a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[BaseException | str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.seen.append(error or record.getMessage())


ERRORS = _Errors()
for _name in ("bitboot_core", "bitboot_kademlia", "asyncio", ""):
    logging.getLogger(_name).addHandler(ERRORS)


class _Sent(asyncio.DatagramTransport):
    """A socket that goes nowhere. `asked`: the calls made to the contact."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self.datagrams = 0

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.datagrams += 1
        assert len(data) <= 9000, f"{len(data)} bytes sent"
        assert isinstance(addr[0], str)
        assert 0 < addr[1] < 1 << 16, f"sent to {addr!r}"
        if data[0] == 0 and addr == CONTACT:
            self.asked.append(data[1:HEAD_BYTES])

    def close(self) -> None:
        pass


LOOP = asyncio.new_event_loop()


def seeds() -> list[bytes]:
    endpoint = pack_endpoint(KnownHost("50.0.0.1", 6881))
    name = pack_endpoint(KnownHost("peer.example.org", 6881))
    node = pack_node(b"j" * 20, ("40.0.0.1", 4000), 4)
    record = pack_record(HandedRecord(commit(b"s" * 16), 600, None, endpoint))
    withdrawn = pack_record(HandedRecord(commit(b"s" * 16), 600, b"s" * 16, name))
    calls: list[tuple[str, list[Any]]] = [
        ("stun", []),
        ("ping", [ID]),
        ("find_node", [ID, KEY]),
        ("find_value", [ID, KEY]),
        ("store", [ID, KEY, "value"]),
        ("store", [ID, KEY, -1.5]),
        ("hello", [ID]),
        ("find_peers", [ID, KEY, 0]),
        ("announce", [ID, KEY, "50.0.0.2", 6881, 600, TOKEN, commit(b"s" * 16)]),
        ("announce", [b"", KEY, "", 0, 600, TOKEN, commit(b"s" * 16)]),
        ("announce", [ID, KEY, "name.example.org", 1, 600, TOKEN, commit(b"t" * 16)]),
        ("withdraw", [ID, KEY, b"s" * 16]),
        ("keys", [ID, b""]),
        ("records", [ID, KEY, 0]),
        ("bitboot", [b"x" * 300]),
        ("bitboot", [b""]),
    ]
    answers: list[Any] = [
        ID,
        [ID, TOKEN, 0, 0, b"", b"", b""],
        [ID, TOKEN, 7, 1, endpoint + name, node, node],
        [ID, TOKEN, 7, 0, b"\x00\x00\x1a\xe1" + endpoint, node * 3, b""],
        [[b"j" * 20, "40.0.0.1", 4000], [b"h" * 20, "127.0.0.1", 1]],
        {"value": "x"},
        [KEY, 7, OWN, 9],
        [record + withdrawn, 0],
        ["20.0.0.2", 4000],
        True,
        600,
        b"x" * 300,
    ]
    whole = [encode_call(MESSAGE, called, args, TOKEN) for called, args in calls]
    strange = [bytes([number % 2]) + one for number, one in enumerate(whole)]
    proven = [b"\x02" + umsgpack.packb([called, args]) for called, args in calls]
    packed = [umsgpack.packb(one) for one in answers]
    replies = [bytes([3 + back]) + one for back in (0, 1) for one in packed]
    talks = [NEXT.join([b"\x03" + one, b"\x03" + two]) for one in packed for two in packed]
    first = b"\x02" + umsgpack.packb(list(calls[8]))
    talks += [NEXT.join([first, one]) for one in proven]
    stray = b"\x00" + encode_answer(MESSAGE, ID)
    return [*strange, *proven, *replies, *talks, stray]


def one_input(data: bytes) -> None:
    ERRORS.seen.clear()
    LOOP.run_until_complete(_talk(data))
    for error in ERRORS.seen:
        raise error if isinstance(error, BaseException) else AssertionError(error)


async def _talk(data: bytes) -> None:
    protocol = PeerProtocol(NodeSetup(OWN, 4, SETTINGS, lambda: 1000.0))
    sent = _Sent()
    protocol.connection_made(sent)
    found: list[bytes] = []
    crawl = PeerCrawl(protocol, KEY, on_peers=found.extend)
    healing = Healing(protocol)
    healing.start()
    protocol.exchange.answering.use(lambda sender, payload: payload)
    await _befriend(protocol, sent)
    crawl.start()
    asking = asyncio.ensure_future(protocol.exchange.ask(CONTACT, b"x" * 300, 60.0))
    for contact in protocol.router:
        healing.compare_with(contact)
    await _turns()
    for datagram in data.split(NEXT)[:8]:
        if datagram:
            before = sent.datagrams
            _receive(protocol, sent, datagram)
            assert sent.datagrams - before < 50
            await _turns()
    crawl.close()
    tasks = healing.close()
    protocol.close()
    await asyncio.gather(*tasks, asking, return_exceptions=True)
    assert protocol.counters["errors"] == 0
    for endpoint in found:
        _check(endpoint)


async def _turns() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def _befriend(protocol: PeerProtocol, sent: _Sent) -> None:
    protocol.datagram_received(encode_call(MESSAGE, "hello", [ID]), CONTACT)
    protocol.datagram_received(encode_answer(sent.asked[-1], ID), CONTACT)
    await _turns()


def _receive(protocol: PeerProtocol, sent: _Sent, datagram: bytes) -> None:
    kind, rest = datagram[0], datagram[1:]
    sender: Address = STRANGER if kind == 0 else CONTACT
    if kind == 2:
        proof = protocol.tokens.issue(CONTACT[0])
        rest = b"\x00" + MESSAGE + rest.replace(TOKEN, proof) + proof
    elif kind > 2:
        back = min(kind - 2, len(sent.asked))
        rest = b"\x01" + (sent.asked[-back] if back else MESSAGE) + rest
    protocol.datagram_received(rest, sender)


def _check(packed: bytes) -> None:
    """What a lookup finds is read by the backend, which leaves out what is no host."""
    try:
        endpoint = unpack_endpoint(packed)
    except ValueError:
        return
    assert str(endpoint).isprintable()
