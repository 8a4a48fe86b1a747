"""What a node can be asked to do with items (BEP 44): get them from others, and put them to others.

    node.items.resolve(public_key, b"", on_done, now=clock())

Each returns what is under way; when it is done, its `found` or `put` has what came of it. As with all that a
node is asked to do: what is to be sent is in `Node.outgoing` then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bitboot_core.items import Item, immutable_target, mutable_target

from .client import Client
from .lookup.item_found import ImmutableFound, MutableFound, Verify
from .lookup.items import ItemSearches, Put, Puts
from .server.item_store import ItemStore


class Items:
    """Items on other nodes. `stored`: those on this one. `verify`: checks signatures.

    `on_done(stored_on)` is called once; for lookups its number means nothing.
    """

    def __init__(self, client: Client, families: Iterable[int], stored: ItemStore, verify: Verify) -> None:
        self.stored: ItemStore = stored
        self._client = client
        self._families = tuple(families)
        self._verify = verify

    def get(self, target: bytes, on_done: Callable[[int], None], *, now: float) -> ItemSearches:
        """Look an immutable item up, until somebody has it. `found.encoded`: its value."""
        self._client.now = now
        stored = self.stored.get(target, now)
        known = None if stored is None or stored.is_mutable else stored.encoded
        return ItemSearches(self._client, self._families, ImmutableFound(target, known), on_done).start()

    def resolve(
        self, public_key: bytes, salt: bytes, on_done: Callable[[int], None], *, now: float
    ) -> ItemSearches:
        """Look a mutable item up, on all of the closest nodes. `found.newest`: the newest version.

        Raises LibraryMissing where signatures cannot be checked.
        """
        found = self._mutable(public_key, salt, now)
        return ItemSearches(self._client, self._families, found, on_done).start()

    def put(self, encoded: bytes, on_done: Callable[[int], None], *, now: float) -> Puts:
        """Store an immutable item. Raises ValueError where `encoded` is not bencoded as it should be."""
        self._client.now = now
        put = Put.immutable(ImmutableFound(immutable_target(encoded)), encoded)
        return Puts(self._client, self._families, put, on_done).start()

    def publish(
        self, item: Item, on_done: Callable[[int], None], *, now: float, cas: int | None = None
    ) -> Puts:
        """Store a version of a mutable item. `cas`: the number of the one that it is to replace; None: any.

        Raises ValueError where its value is not bencoded as it should be, LibraryMissing where signatures
        cannot be checked.
        """
        put = Put.mutable(self._mutable(item.public_key, item.salt, now), item, cas)
        return Puts(self._client, self._families, put, on_done).start()

    def _mutable(self, public_key: bytes, salt: bytes, now: float) -> MutableFound:
        self._client.now = now
        self._verify(b"", b"", b"")  # so that whoever lacks the library learns it here
        stored = self.stored.get(mutable_target(public_key, salt), now)
        newest = None
        if stored is not None:
            newest = Item(
                public_key=public_key,
                seq=stored.seq,
                encoded=stored.encoded,
                signature=stored.signature,
                salt=salt,
            )
        return MutableFound(public_key, salt, self._verify, newest)
