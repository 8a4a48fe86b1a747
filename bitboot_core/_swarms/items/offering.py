"""The part of BitBoot that has to do with items."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..networking import Networking

if TYPE_CHECKING:  # imported where they are used: most programs use no items
    from ...identity import Identity
    from ...items import Item
    from ...model import Peer
    from ..announcement import Announcement
    from .endpoints import PublishedEndpoints
    from .publication import Publication


class Offering(Networking):
    """Items on all networks that keep them: see `bitboot_core.items` for what they are."""

    def publishing(
        self,
        identity: Identity,
        value: bytes,
        *,
        salt: bytes = b"",
        cas: int | None = None,
        timeout: float | None = None,
    ) -> Publication:
        """A Publication of a value under the identity's public key: begin it with `async with`.

        `value`: at most 996 bytes. `salt`: which of the identity's items, at most 64 bytes. `cas`: the number
        of the version that it is to replace (compare and swap); None for whatever is there. It is put again
        every hour until it is closed, and forgotten by the networks within two hours after that.
        `timeout`: seconds that one attempt may take, None for the config's.

        Raises InvalidItem, InvalidConfig, NotRunning, and UnsupportedOperation where no network keeps items.
        What goes wrong with publishing shows in `Publication.status`, and is raised by
        `Publication.published`.
        """
        from ...items import byte_string, check_salt, check_seq  # noqa: PLC0415
        from .publication import Publication  # noqa: PLC0415

        self._check_publisher(identity)
        encoded, limit = byte_string(value), self._seconds(timeout)
        check_salt(salt)
        if cas is not None:
            check_seq(cas)
        return Publication(self._context, identity, encoded, salt=salt, cas=cas, timeout=limit)

    def _check_publisher(self, identity: Identity) -> None:
        """Raise UnsupportedOperation where no network keeps items, InvalidItem for what is no identity."""
        from ...errors import InvalidItem  # noqa: PLC0415
        from ...identity import Identity  # noqa: PLC0415
        from .finding import with_items  # noqa: PLC0415

        with_items(self._usable())
        if not isinstance(identity, Identity):
            raise InvalidItem(f"{identity!r:.60} is no identity", hint="make one: Identity.load(path)")

    def _keeping(
        self, identity: Identity | None, timeout: float | None
    ) -> Callable[[Announcement], PublishedEndpoints | None]:
        """Makes what keeps an announcement's endpoints under an identity's key. Raises as `publishing`."""
        if identity is None:
            return lambda announcement: None
        from .endpoints import PublishedEndpoints  # noqa: PLC0415

        self._check_publisher(identity)
        limit = self._seconds(timeout)
        return lambda announcement: PublishedEndpoints(self._context, identity, announcement, limit)

    async def publish(
        self,
        identity: Identity,
        value: bytes,
        *,
        salt: bytes = b"",
        cas: int | None = None,
        timeout: float | None = None,
    ) -> Publication:
        """Publish a value under the identity's public key, and return once at least one node has stored it.

        The Publication that is returned puts it again until it is closed, at the latest with this BitBoot.
        Arguments and errors as for `publishing`; where no node stored it the network's error is raised
        (PublishFailed; ItemOutdated where `cas` is not what is there; ItemLocked), or AllBackendsFailed for
        several networks.
        """
        publication = self.publishing(identity, value, salt=salt, cas=cas, timeout=timeout)
        try:
            publication.open()
            await publication.published()
        except BaseException:
            await publication.aclose()
            raise
        return publication

    async def resolve(
        self, public_key: bytes, salt: bytes = b"", *, timeout: float | None = None
    ) -> Item | None:
        """The newest version of what is published under a public key, and a salt.

        All the nodes that should have it are asked, on every network that keeps items; of the versions whose
        signature holds the one with the highest number counts. None where nodes answered, and none has any.
        `Item.value` has its bytes. `timeout`: seconds that it may take, None for the config's.

        Raises InvalidItem, NotRunning, UnsupportedOperation where no network keeps items, LibraryMissing
        where signatures cannot be checked, and where every network failed its error (BackendTimeout where
        nobody answered), or AllBackendsFailed for several.
        """
        item, _ = await self._resolved(public_key, salt, timeout)
        return item

    async def _resolved(
        self, public_key: bytes, salt: bytes, timeout: float | None
    ) -> tuple[Item | None, tuple[str, ...]]:
        """The newest version, and which networks have it."""
        from ...identity import verify  # noqa: PLC0415
        from ...items import check_public_key, check_salt  # noqa: PLC0415
        from .finding import newest  # noqa: PLC0415

        check_public_key(public_key)
        check_salt(salt)
        networks, limit = self._usable(), self._seconds(timeout)
        verify(b"", b"", b"")  # so that a library that is missing is no network's failure
        return await newest(networks, public_key, salt, limit)

    async def find_member(self, public_key: bytes, *, timeout: float | None = None) -> list[Peer]:
        """Where somebody is, wherever that is now: the endpoints that `join(..., publish=identity)` keeps.

        `public_key`: theirs, 32 bytes. They have signed it; whether they answer there is another matter.
        Empty where nodes answered, and none has anything of theirs. Raises as `resolve`.
        """
        from ...model import Peer  # noqa: PLC0415
        from .endpoints import SALT, read  # noqa: PLC0415

        item, sources = await self._resolved(public_key, SALT, timeout)
        endpoints = [] if item is None else read(item.value)
        return [Peer(one.host, one.port, sources, one.peer_id) for one in endpoints]

    async def put_item(self, value: bytes, *, timeout: float | None = None) -> bytes:
        """Store a value, at most 996 bytes, under its own hash; that hash, 20 bytes, for `get_item`.

        It is stored once, on at least one node, and forgotten after two hours: call it again to keep it.
        `timeout`: seconds that it may take, None for the config's. Raises InvalidItem, NotRunning,
        UnsupportedOperation where no network keeps items, and where none stored it the network's error
        (PublishFailed, ...), or AllBackendsFailed for several.
        """
        from ...items import byte_string  # noqa: PLC0415
        from .finding import put  # noqa: PLC0415

        encoded = byte_string(value)
        return await put(self._usable(), encoded, self._seconds(timeout))

    async def get_item(self, target: bytes, *, timeout: float | None = None) -> bytes | None:
        """The value whose hash is `target`, from whoever has it; None where nodes answered, and none has.

        Where somebody stored something else than a byte string there, the bencoding of that, as it is.
        `timeout`: seconds that it may take, None for the config's. Raises as `resolve`.
        """
        from ...items import check_target, string_content  # noqa: PLC0415
        from .finding import get  # noqa: PLC0415

        check_target(target)
        encoded = await get(self._usable(), target, self._seconds(timeout))
        content = None if encoded is None else string_content(encoded)
        return encoded if content is None else content
