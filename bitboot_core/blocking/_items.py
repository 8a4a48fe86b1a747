"""The part of `bitboot_core.blocking` that has to do with items."""

from __future__ import annotations

from .. import bitboot
from .._swarms.items import publication
from ..identity import Identity
from ..items import Item
from ..model import Peer
from ._loop import LoopThread
from ._publication import Publication


class Offering:
    """Items, without asyncio."""

    _bitboot: bitboot.BitBoot
    _loop: LoopThread

    def publishing(
        self,
        identity: Identity,
        value: bytes,
        *,
        salt: bytes = b"",
        cas: int | None = None,
        timeout: float | None = None,
    ) -> Publication:
        """A Publication of a value under the identity's public key: begin it with `with`."""

        def make() -> publication.Publication:
            return self._bitboot.publishing(identity, value, salt=salt, cas=cas, timeout=timeout)

        return Publication(self._loop.ask(make), self._loop)

    def publish(
        self,
        identity: Identity,
        value: bytes,
        *,
        salt: bytes = b"",
        cas: int | None = None,
        timeout: float | None = None,
    ) -> Publication:
        """Publish a value, and return once at least one node has stored it. It is put again until closed."""
        inner = self._loop.call(
            lambda: self._bitboot.publish(identity, value, salt=salt, cas=cas, timeout=timeout)
        )
        return Publication(inner, self._loop)

    def resolve(self, public_key: bytes, salt: bytes = b"", *, timeout: float | None = None) -> Item | None:
        """The newest version of what is published under a public key, and a salt."""
        return self._loop.call(lambda: self._bitboot.resolve(public_key, salt, timeout=timeout))

    def find_member(self, public_key: bytes, *, timeout: float | None = None) -> list[Peer]:
        """Where somebody is: the endpoints that `join(..., publish=identity)` keeps."""
        return self._loop.call(lambda: self._bitboot.find_member(public_key, timeout=timeout))

    def put_item(self, value: bytes, *, timeout: float | None = None) -> bytes:
        """Store a value under its own hash, once; that hash, 20 bytes."""
        return self._loop.call(lambda: self._bitboot.put_item(value, timeout=timeout))

    def get_item(self, target: bytes, *, timeout: float | None = None) -> bytes | None:
        """The value whose hash is `target`, from whoever has it."""
        return self._loop.call(lambda: self._bitboot.get_item(target, timeout=timeout))
