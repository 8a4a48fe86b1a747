"""Engines without sockets: what one sends, and several that hear each other, on a time that tests set."""

from __future__ import annotations

import random

from bitboot_lan.engine import Engine, Sender
from bitboot_lan.message import Kind, Message, encode
from bitboot_lan.settings import Settings

from bitboot_core import BackendError, BitBootError, KnownHost

GROUP = KnownHost("239.192.152.143", 6771)


def key(number: int) -> bytes:
    return number.to_bytes(20, "big")


class Talk:
    """One engine: what it has sent, and when."""

    def __init__(self, settings: Settings | None = None, seed: int = 1) -> None:
        self.settings = settings or Settings()
        self.now = 1_000.0
        self.sent: list[tuple[float, Message, KnownHost]] = []
        self.reaches = 1
        """From how many addresses what it sends leaves."""
        self.hears_itself = True
        self.engine = Engine(self.settings, self._send, self._unsent, random.Random(seed))

    def _send(self, message: Message, endpoint: KnownHost) -> int:
        if self.reaches:
            self.sent.append((self.now, message, endpoint))
            if self.hears_itself:
                self.engine.receive(encode(message, GROUP), Sender("192.168.1.2", True), self.now)
        return self.reaches

    def _unsent(self) -> BitBootError:
        return BackendError("unreachable")

    def hear(self, message: Message, host: str = "192.168.1.3", *, is_neighbour: bool = True) -> None:
        """Somebody sends it."""
        self.receive(encode(message, GROUP), host, is_neighbour=is_neighbour)

    def receive(self, datagram: bytes, host: str, *, is_neighbour: bool = True) -> None:
        """It comes from there."""
        self.engine.receive(datagram, Sender(host, is_neighbour), self.now)

    def announce(self, number: int, port: int = 7001, host: str = "", lifetime: float = 1800.0) -> None:
        """Announce a swarm."""
        self.engine.announce(key(number), KnownHost(host, port), lifetime, self.now)

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while (due := self.engine.deadline()) <= end:
            self.now = max(self.now, due)
            self.engine.poll(self.now)
        self.now = end

    def told(self, kind: Kind = Kind.MEMBER) -> list[tuple[float, Message]]:
        """Its messages of one kind, and when it sent them."""
        return [(when, message) for when, message, _ in self.sent if message.kind is kind]

    def knows(self, number: int) -> list[KnownHost]:
        """Whom it knows in a swarm."""
        return self.engine.peers.of(key(number), self.now)
