"""WebRTC's offers and answers, as messages between the members of a private swarm.

A message has 900 bytes, an offer more, compressed too: it goes in parts, which come in any order.

    part = id (4 bytes) ‖ its number (1) ‖ how many there are (1) ‖ its share of the compressed text
"""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Protocol

from bitboot_core import Message

HEAD = 6
PART = 900 - HEAD
MAX_PARTS = 16
MAX_TEXT = 65_536
"""Bytes of a text: a member may be out to harm us, and a few bytes may unpack to millions."""

MAX_UNFINISHED = 64
"""Texts of which parts are missing, of all members together; the oldest makes room."""


class Sends(Protocol):
    """What is needed of a swarm: a `bitboot_core.Swarm` has it."""

    async def send(self, member: bytes, data: bytes, *, timeout: float = 10.0) -> None: ...
    def messages(self) -> AsyncIterator[Message]: ...


class Signalling:
    """Sends texts to members, and puts those together that come."""

    def __init__(self, swarm: Sends) -> None:
        self._swarm = swarm
        self._unfinished: OrderedDict[tuple[bytes, bytes, int], dict[int, bytes]] = OrderedDict()

    async def send(self, member: bytes, text: str) -> None:
        """Send a text, all its parts at once.

        Raises ValueError for one that is too long, and an ExceptionGroup of what `Swarm.send` raised.
        """
        packed = zlib.compress(text.encode())
        parts = [packed[start : start + PART] for start in range(0, len(packed), PART)]
        if len(parts) > MAX_PARTS:
            raise ValueError(f"a text of {len(text)} characters is too long to be sent")
        id_ = secrets.token_bytes(4)
        async with asyncio.TaskGroup() as sending:
            for number, part in enumerate(parts):
                head = id_ + bytes([number, len(parts)])
                sending.create_task(self._swarm.send(member, head + part))

    async def texts(self) -> AsyncIterator[tuple[bytes, str]]:
        """The texts that come, with the member of each."""
        async for message in self._swarm.messages():
            text = self._put(message.member, message.data)
            if text is not None:
                yield message.member, text

    def _put(self, member: bytes, data: bytes) -> str | None:
        """Take a part. The text, where it was the last that was missing."""
        if len(data) < HEAD or not data[4] < data[5] <= MAX_PARTS:
            return None
        key, count = (member, data[:4], data[5]), data[5]
        parts = self._unfinished.setdefault(key, {})
        parts[data[4]] = data[HEAD:]
        if len(parts) < count:
            if len(self._unfinished) > MAX_UNFINISHED:
                self._unfinished.popitem(last=False)
            return None
        del self._unfinished[key]
        return _unpacked(b"".join(parts[number] for number in range(count)))


def _unpacked(packed: bytes) -> str | None:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, MAX_TEXT).decode()
    except (zlib.error, UnicodeDecodeError):
        return None
    return text if unpacking.eof else None
