"""Getting and putting items (BEP 44, "get message", "put message")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Self

from bitboot_core.items import Item

from ..wire import bencode, krpc
from .candidates import Candidate
from .item_found import Found, ImmutableFound, MutableFound
from .network import Network
from .per_family import InFamilies
from .searches import NodeSearch, Searches
from .storing import Storing


class ItemSearch(NodeSearch):
    """`get` in one family. What it finds goes to `found`; `on_final` is called where that is all there is."""

    method = b"get"
    teaches_density = False

    def __init__(
        self,
        network: Network,
        found: Found,
        family: int,
        on_done: Callable[[], None],
        on_final: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(network, found.target, family, on_done, patient=True)
        self._found = found
        self._on_final = on_final
        self.seqs: dict[Candidate, int] = {}
        """The number of the version that each node says it has."""

    def heard(self, candidate: Candidate, response: krpc.Response) -> None:
        """Look at what the reply has of the item."""
        seq = response.values.get(b"seq")
        if isinstance(seq, int):
            self.seqs[candidate] = seq
        self._found.heard(response.values)
        if self._found.is_final:
            self._on_final()


class ItemSearches(Searches[ItemSearch]):
    """A lookup of one item: a search in each family, until they have ended or one has found all there is."""

    def __init__(
        self, network: Network, families: Iterable[int], found: Found, on_done: Callable[[int], None]
    ) -> None:
        super().__init__(
            families,
            lambda family, done: ItemSearch(network, found, family, lambda: done(0), self._final),
            on_done,
        )
        self._on_end = on_done
        self.found = found

    def start(self) -> Self:
        """Start it in all families, unless we store the item ourselves."""
        if self.found.is_final:
            self._on_end(0)
            return self
        return super().start()

    def _final(self) -> None:
        self.cancel()
        self._on_end(0)


class PutItem(Storing):
    """`get` for the tokens, then `put` to the closest nodes, in one family.

    `encoded`: the value, bencoded; `item`: its signed version, where it is mutable. Nothing is put where a
    newer version is found, or (with `cas`) another than that number: `Put.is_outdated`.
    """

    method = b"put"

    def __init__(self, network: Network, put: Put, family: int, on_done: Callable[[int], None]) -> None:
        self._items = ItemSearch(network, put.found, family, self._arrived)
        super().__init__(self._items, on_done)
        self._put = put

    def _arrived(self) -> None:
        if self._put.is_outdated:
            self.check()
        else:
            self.store()

    def arguments(self, candidate: Candidate) -> dict[bytes, Any]:
        """The value, and what proves whose it is."""
        return self._put.arguments(self._items.seqs.get(candidate))

    def in_turns(self, chosen: list[Candidate]) -> list[list[Candidate]]:
        """With `cas`, first those that have the version to be replaced: of several who replace it at the same
        moment some are refused there, and then write nowhere else."""
        if self._put.cas is None:
            return [chosen]
        holders = [candidate for candidate in chosen if candidate in self._items.seqs]
        return [holders, [candidate for candidate in chosen if candidate not in holders]]

    def goes_on(self) -> bool:
        """Whether nobody has another version than the one to be replaced."""
        return not self._put.was_outrun

    def is_in_vain(self, refusal: krpc.ErrorReply) -> bool:
        """Others have the newer version too."""
        self._put.refusals[refusal.code] += 1
        return refusal.code in (krpc.CAS_MISMATCH, krpc.SEQ_TOO_LOW)


class Put:
    """What is to be put, and what became of it, all families together."""

    def __init__(self, found: Found, value: Any, item: Item | None = None, cas: int | None = None) -> None:
        self.found = found
        self.refusals: Counter[int] = Counter()
        """How many nodes refused, by the code that they gave."""
        self._value = value
        self._item = item
        self.cas = cas
        """The number of the version that it is to replace; None for any."""

    @classmethod
    def immutable(cls, found: ImmutableFound, encoded: bytes) -> Put:
        """Of an immutable item. Raises ValueError where `encoded` is not bencoded as it should be."""
        return cls(found, _canonical(encoded))

    @classmethod
    def mutable(cls, found: MutableFound, item: Item, cas: int | None) -> Put:
        """Of a mutable item. `cas`: the number of the version that it is to replace; None for any.

        Raises ValueError where the value is not bencoded as it should be.
        """
        return cls(found, _canonical(item.encoded), item, cas)

    @property
    def is_outdated(self) -> bool:
        """Whether a version has been found that this one cannot replace."""
        newest = self.found.newest if isinstance(self.found, MutableFound) else None
        if newest is None or self._item is None or newest.version == self._item.version:
            return False
        return newest.seq >= self._item.seq or (self.cas is not None and newest.seq != self.cas)

    @property
    def was_outrun(self) -> bool:
        """Whether a node says that it has another version than the one to be replaced, or a newer one."""
        return bool(self.refusals[krpc.CAS_MISMATCH] or self.refusals[krpc.SEQ_TOO_LOW])

    def arguments(self, seq: int | None) -> dict[bytes, Any]:
        """What a node is asked to store that says it has version `seq`."""
        item = self._item
        if item is None:
            return {b"v": self._value}
        arguments = {b"k": item.public_key, b"seq": item.seq, b"sig": item.signature, b"v": self._value}
        if item.salt:
            arguments[b"salt"] = item.salt
        if self.cas is not None and seq is not None and seq != item.seq:
            arguments[b"cas"] = seq  # nothing newer than `cas` was found: nodes that are behind catch up
        return arguments


class Puts(InFamilies[PutItem]):
    """Putting one item, in each family. `put`: what became of it."""

    def __init__(
        self, network: Network, families: Iterable[int], put: Put, on_done: Callable[[int], None]
    ) -> None:
        super().__init__(families, lambda family, done: PutItem(network, put, family, done), on_done)
        self.put = put


def _canonical(encoded: bytes) -> Any:
    value = bencode.decode(encoded)
    if bencode.encode(value) != encoded:
        raise ValueError("not bencoded as it should be")
    return value
