"""The events of the commands that publish items and resolve them."""

from __future__ import annotations

import dataclasses

from ...items import Item
from .durations import span
from .events import Event
from .plain import count


def as_text(data: bytes) -> str | None:
    """Bytes as text, where they are UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Published(Event):
    """A network stored an item, for the first time or again.

    `public_key`: 64 hexadecimal digits. `salt`: as it was given, "" for none. `seq`: which version it is.
    """

    name = "published"
    public_key: str
    salt: str
    seq: int
    network: str
    stored_on: int
    expires_in: float

    def text(self) -> str:
        key = f"{self.public_key} {self.salt}".rstrip()
        stored = f"stored on {count(self.stored_on, 'node')}, kept for {span(self.expires_in)}"
        return f"{key} on {self.network}, version {self.seq}, {stored}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ItemFound(Event):
    """The newest version of what is published under a key; where there is none, without what follows `salt`.

    `value`: as text, where it is UTF-8. `hex`: its bytes. `is_bytes`: whether it is a byte string; else these
    are the bencoding of something else.
    """

    name = "item"
    public_key: str
    salt: str
    seq: int | None = None
    value: str | None = None
    hex: str | None = None
    is_bytes: bool | None = None

    @classmethod
    def of(cls, public_key: str, salt: str, item: Item | None) -> ItemFound:
        """The event that tells of what was found."""
        if item is None:
            return cls(public_key=public_key, salt=salt)
        return cls(
            public_key=public_key,
            salt=salt,
            seq=item.seq,
            value=as_text(item.value),
            hex=item.value.hex(),
            is_bytes=item.is_bytes,
        )

    @property
    def shown(self) -> str:
        """The value for people: text, or hexadecimal digits."""
        return (self.value if self.value is not None else self.hex) or ""

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        if self.seq is None:
            return "nothing is published there"
        kind = "" if self.value is not None else "in hexadecimal digits, "
        return f"version {self.seq}, {kind}{count(len(self.hex or '') // 2, 'byte')}: {self.shown}"
