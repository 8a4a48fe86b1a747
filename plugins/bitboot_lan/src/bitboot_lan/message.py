"""The messages on the wire: BEP 14's announcement, and with a header of our own a question and a goodbye.

    BT-SEARCH * HTTP/1.1
    Host: 239.192.152.143:6771
    Port: 7001                      0: no announcement, others drop it
    Infohash: <40 hexadecimal digits>        several
    cookie: <ours, to know our own messages by>
    Bitboot: member 600             we are gone in 600 s, unless we are heard again
             ask                    who is in these swarms?
             leave 7001             port 7001 has left these swarms

Whoever does not know a header ignores it (BEP 14), and BitTorrent clients drop what has no port.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bitboot_core import KnownHost

MAX_BYTES = 1_400
"""The longest message that is sent (BEP 14)."""

MAX_READ = 2_048
"""The longest that is read: others may be less strict."""

MAX_KEYS = 24
"""The most swarms that fit into one message, with some room."""

KEY_DIGITS = 40
MAX_LINES = 64
MAX_COOKIE = 64


class Kind(enum.Enum):
    """What a message is."""

    MEMBER = "member"
    ASK = "ask"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `port`: the peer's, 0 in a question. `keys`: 20 bytes each. `lifetime`: in seconds."""

    kind: Kind
    keys: tuple[bytes, ...]
    port: int = 0
    cookie: str = ""
    lifetime: int | None = None


def encode(message: Message, group: KnownHost) -> bytes:
    """As it is sent to `group`."""
    told = message.kind.value
    if message.kind is Kind.MEMBER and message.lifetime is not None:
        told += f" {message.lifetime}"
    elif message.kind is Kind.LEAVE:
        told += f" {message.port}"
    lines = [
        "BT-SEARCH * HTTP/1.1",
        f"Host: {group}",
        f"Port: {message.port if message.kind is Kind.MEMBER else 0}",
        *(f"Infohash: {key.hex()}" for key in message.keys),
        f"cookie: {message.cookie}",
        f"Bitboot: {told}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n\r\n").encode()


def decode(datagram: bytes) -> Message | None:
    """What a stranger sent, None where it is no message. Raises nothing."""
    if len(datagram) > MAX_READ or not datagram.isascii():
        return None
    first, *lines = datagram.decode("ascii").split("\n", MAX_LINES)
    if not _FIRST.fullmatch(first):
        return None
    headers: dict[str, str] = {}
    keys: dict[bytes, None] = {}
    for line in lines[:MAX_LINES]:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name != "infohash":
            headers.setdefault(name, value)
        elif _KEY.fullmatch(value):
            keys[bytes.fromhex(value)] = None
    return _read(headers, tuple(keys)) if keys else None


def _read(headers: Mapping[str, str], keys: tuple[bytes, ...]) -> Message | None:
    cookie = headers.get("cookie", "")[:MAX_COOKIE]
    port = _number(headers.get("port", ""), 65_535)
    told = headers.get("bitboot", "").split()
    if port:
        lifetime = _number(told[1], 10**6) if len(told) == 2 and told[0] == Kind.MEMBER.value else None
        return Message(Kind.MEMBER, keys, port, cookie, lifetime)
    if port is None or not told:
        return None
    if told == [Kind.ASK.value]:
        return Message(Kind.ASK, keys, 0, cookie)
    if told[0] == Kind.LEAVE.value and len(told) == 2 and (left := _number(told[1], 65_535)):
        return Message(Kind.LEAVE, keys, left, cookie)
    return None


def _number(text: str, largest: int) -> int | None:
    """A whole number up to `largest`, None where it is none."""
    return int(text) if _DIGITS.fullmatch(text) and int(text) <= largest else None


_FIRST = re.compile(r"BT-SEARCH \* HTTP/1\.[0-9]\r?", re.IGNORECASE)
_KEY = re.compile(r"[0-9a-fA-F]{40}")
_DIGITS = re.compile(r"[0-9]{1,7}")
