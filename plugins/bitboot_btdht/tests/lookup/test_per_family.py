"""One operation in several families: it ends when all have, with the sum."""

from __future__ import annotations

from collections.abc import Callable

from bitboot_btdht.lookup.per_family import InFamilies


class Part:
    def __init__(self, family: int, done: Callable[[int], None]) -> None:
        self.family, self.done, self.did = family, done, list[str]()

    def start(self) -> None:
        self.did.append("start")

    def cancel(self) -> None:
        self.did.append("cancel")


def test_it_ends_when_all_have_with_the_sum() -> None:
    ended: list[int] = []
    operation = InFamilies((4, 6), Part, ended.append)
    assert operation.start() is operation
    assert [(part.family, part.did) for part in operation.parts] == [(4, ["start"]), (6, ["start"])]
    operation.parts[1].done(3)
    assert not ended
    operation.parts[0].done(2)
    assert ended == [5]


def test_cancel_stops_all() -> None:
    operation = InFamilies((4, 6), Part, lambda total: None)
    operation.cancel()
    assert [part.did for part in operation.parts] == [["cancel"], ["cancel"]]
