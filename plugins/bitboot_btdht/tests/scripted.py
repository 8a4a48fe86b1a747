"""A network that says nothing by itself: a test answers each query of an operation as it likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitboot_btdht.asking.transaction import Transaction
from bitboot_btdht.lookup.density import Density
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import compact, krpc
from bitboot_btdht.wire.compact import Address

OWN = b"\xff" * 20
TURN = 7


def id_of(number: int) -> bytes:
    return number.to_bytes(20, "big")


def at(number: int) -> Address:
    """Where node `number` is: on a local network, where any id fits."""
    return compact.pack(f"10.0.{number >> 8}.{number & 255}", 6881)


def nodes(*numbers: int) -> bytes:
    """Compact node info of these."""
    return compact.pack_nodes((id_of(number), at(number)) for number in numbers)


@dataclass(frozen=True)
class Asked:
    """A query, and how to say what came of it."""

    transaction: Transaction
    arguments: dict[bytes, Any]

    @property
    def address(self) -> Address:
        return self.transaction.address

    @property
    def method(self) -> bytes:
        return self.transaction.method

    @property
    def turn(self) -> int:
        return self.transaction.turn

    def is_wanted(self) -> bool:
        return self.transaction.is_wanted()

    def answer(self, number: int, *, sees_us: Address | None = None, **values: Any) -> None:
        """Node `number` answers, and may say where it sees us."""
        named = {name.encode(): value for name, value in values.items()}
        response = krpc.Response(b"aa", id_of(number), named, sees_us)
        self.transaction.hear(response)
        self.transaction.settle(response)

    def refuse(self) -> None:
        self.transaction.settle(krpc.ErrorReply(b"aa", 203, b"no"))

    def lose(self) -> None:
        self.transaction.settle(None)

    def is_overdue(self) -> None:
        assert self.transaction.is_watched
        self.transaction.overdue()

    def is_slow(self) -> None:
        assert self.transaction.is_counted
        self.transaction.slow()


class Scripted:
    """What an operation asks, in order. `known`: the nodes where a lookup begins; `elsewhere`: others, by
    chance.
    """

    def __init__(self, *known: int, families: tuple[int, ...] = (4,), **settings: int) -> None:
        self.known = known
        self.elsewhere: tuple[int, ...] = ()
        self.families = families
        self.ids = dict.fromkeys(families, OWN)
        self.settings = Settings(**settings)
        self.densities = {family: Density() for family in families}
        self.asked: list[Asked] = []
        self.later: list[Address] = []
        self.dead: set[Address] = set()
        self.busy: set[Address] = set()
        self.is_full = False
        self.hurries = True
        self.few: set[int] = set()
        self.quick: tuple[int, ...] = ()

    def ask(self, transaction: Transaction) -> bool:
        if not self.is_full:
            self.asked.append(Asked(transaction, dict(transaction.arguments)))
        return not self.is_full

    def knows_few(self, family: int) -> bool:
        return family in self.few

    def quickest(self, family: int) -> list[tuple[bytes, Address]]:
        return [(id_of(number), at(number)) for number in self.quick]

    def take_turn(self) -> int:
        return TURN

    def is_waiting(self, address: Address) -> bool:
        return address in self.busy

    def closest(self, target: bytes, family: int) -> list[tuple[bytes, Address]]:
        return [(id_of(number), at(number)) for number in self.known]

    def by_chance(self, target: bytes, family: int, count: int) -> list[tuple[bytes, Address]]:
        return [(id_of(number), at(number)) for number in self.elsewhere[:count]]

    def is_dead(self, address: Address) -> bool:
        return address in self.dead

    def try_later(self, address: Address) -> None:
        self.later.append(address)

    def last(self, number: int) -> Asked:
        """The query that node `number` was sent last."""
        return [asked for asked in self.asked if asked.address == at(number)][-1]

    def to(self, number: int, method: bytes) -> int:
        """How many queries of this method node `number` was sent."""
        return sum(asked.address == at(number) and asked.method == method for asked in self.asked)
