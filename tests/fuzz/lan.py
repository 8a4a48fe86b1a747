"""The local network's group: a member amid an announcement and a lookup, and what strangers send."""

from __future__ import annotations

from random import Random

from bitboot_lan.engine import Engine, Sender
from bitboot_lan.exchange import Exchange
from bitboot_lan.message import MAX_BYTES, Kind, Message, encode
from bitboot_lan.settings import Settings

from bitboot_core import BackendError, BitBootError, KnownHost

GROUP = KnownHost("239.192.152.143", 6771)
KEY, OTHER = b"k" * 20, b"o" * 20
SETTINGS = Settings(max_peers=50, max_peers_per_key=20, max_ports=5)

NEXT = b"\xff\x00|"
"""Between two datagrams of one input. Each begins with a byte: its sender, in its lowest bit a neighbour."""


class _Member:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.sent: list[Message] = []
        self.engine = Engine(SETTINGS, self._send, self._unsent, Random(1))
        self.engine.announce(KEY, KnownHost("", 7001), 600, self.now)
        self.search = self.engine.look(KEY, self.now, lambda: None)
        self.answers: list[bytes] = []
        self.exchange = Exchange(SETTINGS, lambda datagram, endpoint: self.answers.append(datagram))
        self.exchange.answering.use(lambda sender, payload: payload)

    def _send(self, message: Message, endpoint: KnownHost) -> int:
        assert len(encode(message, GROUP)) <= MAX_BYTES
        self.sent.append(message)
        return 1

    def _unsent(self) -> BitBootError:
        return BackendError("nothing can be sent")


def seeds() -> list[bytes]:
    messages = [
        Message(Kind.MEMBER, (KEY, OTHER), 7002, "1234abcd", 600),
        Message(Kind.MEMBER, (KEY,), 7003, "", None),
        Message(Kind.ASK, (KEY, OTHER), 0, "1234abcd"),
        Message(Kind.LEAVE, (KEY,), 7002, "1234abcd"),
    ]
    datagrams = [b"\x01" + encode(message, GROUP) for message in messages]
    datagrams += [b"\x01BBQ\1" + kind + b"i" * 8 + b"payload" for kind in (b"\0", b"\1")]
    return [*datagrams, NEXT.join(datagrams), b"\x00" + datagrams[0]]


def one_input(data: bytes) -> None:
    member = _Member()
    parts = data.split(NEXT)[:64]
    for part in parts:
        sender = part[0] if part else 0
        host = f"fe80::{sender:x}%eth0" if sender & 2 else f"192.168.1.{sender}"
        member.engine.receive(part[1:], Sender(host, bool(sender & 1)), member.now)
        assert len(member.engine.peers) <= SETTINGS.max_peers
        member.answers.clear()
        host_and_port = KnownHost(host, 7000)
        member.exchange.receive(part[1:], host_and_port, member.now, is_neighbour=bool(sender & 1))
        assert sum(map(len, member.answers)) < len(part) or not member.answers
        member.engine.poll(member.now)
        member.now += 0.3
    member.now += 1
    member.engine.poll(member.now)
    member.engine.poll(member.now)
    told = [message for message in member.sent if message.kind is Kind.MEMBER]
    assert len(told) <= len(parts) + 2, "it answers more than it is asked"
    assert member.search.is_over
    assert len(member.engine.announced) == 1
