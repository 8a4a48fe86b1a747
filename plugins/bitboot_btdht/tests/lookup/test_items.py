"""Getting and putting items, query by query (BEP 44): what is believed, what is sent, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from bitboot_btdht.lookup.item_found import Found, ImmutableFound, MutableFound, verify
from bitboot_btdht.lookup.items import ItemSearches, Put, Puts
from bitboot_btdht.wire import bencode, krpc

from bitboot_core import Item
from bitboot_core.items import MAX_SEQ, byte_string, immutable_target, mutable_target

from ..publishers import ALICE, BOB, version
from ..scripted import TURN, Scripted, nodes


def close_to_one(target: bytes) -> bool:
    """Whether the nodes 1, 10 and 20 are close to a target in this order."""
    return target[-1] % 32 == 0


VALUE = next(
    value
    for value in map(str.encode, map(str, range(1000)))
    if close_to_one(immutable_target(byte_string(value)))
)
HELLO = byte_string(VALUE)
TARGET = immutable_target(HELLO)
SALT = next(bytes([n]) for n in range(256) if close_to_one(mutable_target(ALICE.public_key, bytes([n]))))


def reply(item: Item, **changes: Any) -> dict[str, Any]:
    """What a node that stores `item` replies."""
    values = {
        "k": item.public_key,
        "seq": item.seq,
        "sig": item.signature,
        "v": bencode.decode(item.encoded),
        "token": b"t",
    }
    return {**values, **changes}


def mutable(newest: Item | None = None, salt: bytes = b"") -> MutableFound:
    return MutableFound(ALICE.public_key, salt, verify, newest)


class Looking:
    """A lookup that begins at three nodes."""

    def __init__(self, found: Found, *known: int, families: tuple[int, ...] = (4,)) -> None:
        self.network = Scripted(*(known or (1, 2, 3)), families=families)
        self.ended: list[int] = []
        self.searches = ItemSearches(self.network, families, found, self.ended.append).start()

    def answer(self, number: int, **values: Any) -> None:
        self.network.last(number).answer(number, **values)


# Immutable


def test_an_immutable_item_is_asked_for_until_somebody_has_it() -> None:
    found = ImmutableFound(TARGET)
    looking = Looking(found)
    assert looking.network.last(1).method == b"get"
    assert looking.network.last(1).arguments == {b"target": TARGET}
    looking.answer(1, token=b"t")
    assert not looking.ended
    looking.answer(2, v=VALUE)
    assert looking.ended == [0]
    looking.answer(3, v=VALUE)
    assert looking.ended == [0]
    assert (found.encoded, found.invalid) == (HELLO, 0)


def test_what_has_another_hash_is_not_believed_and_is_counted() -> None:
    found = ImmutableFound(TARGET)
    looking = Looking(found)
    looking.answer(1, v=b"hullo")
    looking.answer(2, v=[VALUE])
    looking.answer(3)
    assert looking.ended == [0]
    assert (found.encoded, found.invalid) == (None, 2)
    assert not looking.searches.unanswered


def test_nobody_answered_is_known() -> None:
    looking = Looking(ImmutableFound(TARGET))
    for _ in range(2):
        for number in (1, 2, 3):
            looking.network.last(number).lose()
    assert looking.ended == [0]
    assert looking.searches.unanswered
    assert looking.searches.asked == 3


def test_what_we_store_ourselves_is_not_asked_for() -> None:
    looking = Looking(ImmutableFound(TARGET, HELLO))
    assert looking.ended == [0]
    assert not looking.network.asked


def test_what_one_family_has_found_ends_the_other_too() -> None:
    looking = Looking(ImmutableFound(TARGET), families=(4, 6))
    first, second = looking.network.asked[0], looking.network.asked[3]
    first.answer(1, v=VALUE)
    assert looking.ended == [0]
    second.answer(1, nodes=nodes(9))
    assert len(looking.network.asked) == 6
    assert looking.ended == [0]


# Mutable


def test_of_all_versions_the_newest_counts_whoever_answers_first() -> None:
    found = mutable()
    looking = Looking(found)
    looking.answer(1, **reply(version(b"two", 2)))
    looking.answer(2, **reply(version(b"three", 3)))
    assert not looking.ended
    looking.answer(3, **reply(version(b"one", 1)))
    assert looking.ended == [0]
    assert (found.newest, found.invalid) == (version(b"three", 3), 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"sig": b"s" * 64},
        {"sig": b"short"},
        {"v": b"another"},
        {"v": b"x" * 1000},
        {"seq": 10},
        {"seq": -1},
        {"seq": MAX_SEQ + 1},
        {"seq": b"9"},
        {"k": BOB.public_key},
        {"k": None},
    ],
)
def test_a_version_whose_signature_does_not_hold_is_not_believed_and_is_counted(
    changes: dict[str, Any],
) -> None:
    found = mutable()
    looking = Looking(found)
    honest, forged = version(b"honest", 5), {**reply(version(b"forged", 9)), **changes}
    looking.answer(1, **{name: value for name, value in forged.items() if value is not None})
    looking.answer(2, **reply(honest))
    looking.answer(3, token=b"t")
    assert (found.newest, found.invalid) == (honest, 1)


def test_another_publishers_or_salts_version_is_not_believed() -> None:
    found = mutable(salt=b"salt")
    looking = Looking(found)
    looking.answer(1, **reply(version(b"by bob", 9, by=BOB, salt=b"salt")))
    looking.answer(2, **reply(version(b"other salt", 9, salt=b"other")))
    looking.answer(3, **reply(version(b"right", 1, salt=b"salt")))
    assert (found.newest, found.invalid) == (version(b"right", 1, salt=b"salt"), 2)


def test_of_two_versions_with_one_number_all_take_the_same() -> None:
    one, two = version(b"one", 5), version(b"two", 5)
    assert (one.version, two.version) == ((5, b"3:one"), (5, b"3:two"))
    for first, second in ((one, two), (two, one)):
        found = mutable()
        looking = Looking(found, 1, 2)
        looking.answer(1, **reply(first))
        looking.answer(2, **reply(second))
        assert found.newest == two


def test_signatures_of_what_would_not_count_are_not_checked() -> None:
    checked = []

    def check(public_key: bytes, message: bytes, signature: bytes) -> bool:
        checked.append(message)
        return True

    found = MutableFound(ALICE.public_key, b"", check)
    for seq in (3, 1, 2, 3, 3):
        found.heard({name.encode(): value for name, value in reply(version(b"x", seq)).items()})
    assert len(checked) == 1


def test_values_of_any_kind_are_believed() -> None:
    """Not everybody stores byte strings (BEP 46: dictionaries)."""
    item = version(b"", 4, encoded=b"d2:ih20:%be" % (b"h" * 20))
    found = mutable()
    Looking(found, 1).answer(1, **reply(item))
    assert found.newest == item
    assert not item.is_bytes
    assert item.value == item.encoded


# Putting


class Putting:
    """A put whose lookup has come to its end: 1 and 10 are to store it, 20 is a spare."""

    def __init__(self, put: Put, **told: dict[str, Any]) -> None:
        self.network = Scripted(10, 20, k=2)
        self.ended: list[int] = []
        self.puts = Puts(self.network, (4,), put, self.ended.append).start()
        values = {"one": {}, "ten": {}, "twenty": {}, **told}
        self.network.last(10).answer(10, **{**values["ten"], "token": b"ten", "nodes": nodes(1)})
        self.network.last(20).answer(20, **{**values["twenty"], "token": b"twenty"})
        self.network.last(1).answer(1, **{**values["one"], "token": b"one"})

    def stores(self) -> list[int]:
        """How often 1, 10 and 20 were asked to store it."""
        return [self.network.to(number, b"put") for number in (1, 10, 20)]


def test_an_immutable_item_is_put_to_the_closest_each_with_its_own_token() -> None:
    putting = Putting(Put.immutable(ImmutableFound(TARGET), HELLO))
    assert putting.stores() == [1, 1, 0]
    for number, token in ((1, b"one"), (10, b"ten")):
        asked = putting.network.last(number)
        assert asked.arguments == {b"v": VALUE, b"token": token}
        assert asked.turn == TURN
    putting.network.last(1).answer(1)
    putting.network.last(10).answer(10)
    assert putting.ended == [2]


def test_that_somebody_has_it_already_ends_no_put() -> None:
    putting = Putting(Put.immutable(ImmutableFound(TARGET), HELLO), ten={"v": VALUE})
    assert putting.stores() == [1, 1, 0]


@pytest.mark.parametrize("salt", [b"", SALT])
def test_a_mutable_item_is_put_with_what_proves_it(salt: bytes) -> None:
    item = version(b"new", 7, salt=salt)
    putting = Putting(Put.mutable(mutable(salt=salt), item, None))
    arguments = putting.network.last(1).arguments
    expected = {b"k": item.public_key, b"seq": 7, b"sig": item.signature, b"v": b"new", b"token": b"one"}
    assert arguments == ({**expected, b"salt": salt} if salt else expected)


def test_cas_goes_to_those_alone_that_have_another_version() -> None:
    """BEP 44, "CAS": not to a node that returned no data. Those that are behind catch up."""
    older, old, new = version(b"older", 4), version(b"old", 5), version(b"new", 7)
    for one, sent in ((old, 5), (older, 4), (new, None)):
        putting = Putting(Put.mutable(mutable(), new, 5), one=reply(one), twenty=reply(old))
        assert putting.network.last(1).arguments.get(b"cas") == sent
        putting.network.last(1).answer(1)
        assert b"cas" not in putting.network.last(10).arguments


def test_with_cas_those_that_have_the_version_to_be_replaced_decide() -> None:
    """They are asked first; where one refuses, nobody else is asked."""
    old, new = version(b"old", 5), version(b"new", 7)
    for code, others in ((None, 1), (301, 0), (302, 0)):
        putting = Putting(Put.mutable(mutable(), new, 5), one=reply(old))
        assert putting.stores() == [1, 0, 0]
        if code is None:
            putting.network.last(1).answer(1)
        else:
            putting.network.last(1).transaction.settle(krpc.ErrorReply(b"aa", code, b"no"))
        assert putting.stores()[1] == others


def test_with_cas_those_that_have_the_version_to_be_replaced_are_waited_for_when_they_are_late() -> None:
    old, new = version(b"old", 5), version(b"new", 7)
    putting = Putting(Put.mutable(mutable(), new, 5), one=reply(old))
    first = putting.network.last(1)
    first.is_slow()
    putting.network.last(1).is_slow()
    putting.network.last(20).answer(20)
    assert putting.stores() == [2, 0, 1]
    first.transaction.settle(krpc.ErrorReply(b"aa", 301, b"no"))
    assert putting.stores() == [2, 0, 1]
    assert putting.ended == [1]


@pytest.mark.parametrize(
    ("there", "cas", "outdated"),
    [
        (version(b"newer", 8), None, True),
        (version(b"other", 7), None, True),
        (version(b"new", 7), None, False),
        (version(b"older", 6), None, False),
        (version(b"older", 6), 6, False),
        (version(b"older", 6), 5, True),
        (version(b"newer", 8), 8, True),
        (version(b"new", 7), 5, False),
    ],
)
def test_nothing_is_put_where_it_could_not_replace_what_is_there(
    there: Item, cas: int | None, outdated: bool
) -> None:
    putting = Putting(Put.mutable(mutable(), version(b"new", 7), cas), twenty=reply(there))
    assert putting.puts.put.is_outdated == outdated
    assert putting.stores() == ([0, 0, 0] if outdated else [1, 1, 0])
    assert putting.ended == ([0] if outdated else [])


def test_a_newer_version_that_nobody_has_signed_stops_nothing() -> None:
    forged = {**reply(version(b"forged", 9)), "sig": b"s" * 64}
    putting = Putting(Put.mutable(mutable(), version(b"new", 7), None), one=forged)
    assert putting.stores() == [1, 1, 0]


@pytest.mark.parametrize(("code", "spare"), [(301, 0), (302, 0), (205, 1), (203, 1)])
def test_for_one_that_refuses_another_is_asked_unless_it_has_a_newer_version(code: int, spare: int) -> None:
    putting = Putting(Put.mutable(mutable(), version(b"new", 7), None))
    putting.network.last(1).transaction.settle(krpc.ErrorReply(b"aa", code, b"no"))
    assert putting.stores() == [1, 1, spare]
    assert putting.puts.put.refusals == {code: 1}


@pytest.mark.parametrize("encoded", [b"05:hello", b"d1:bi1e1:ai1ee", b"i01e", b"5:hello!", b"x"])
def test_a_value_that_is_not_bencoded_as_it_should_be_is_not_put(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=r"bencoded|cut short"):
        Put.immutable(ImmutableFound(immutable_target(encoded)), encoded)
