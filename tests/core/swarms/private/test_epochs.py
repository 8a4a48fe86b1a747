"""Keys, epoch by epoch: the vectors of the protocol's page, and clocks that are half an hour apart."""

from __future__ import annotations

import random

import pytest

from bitboot_core._swarms.private.epochs import EDGE, EPOCH, Epochs
from bitboot_core._swarms.private.secret import SwarmSecret

NOW = 1_800_000_000
VECTORS = [
    (
        "unique_network",
        SwarmSecret("bbs1aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"),
        8325,
        "a992410ef81e8475646376319b38755768df4e8f",
        "daff756d5bffb7e396d6e8a08701c0ee7c5e3eac",
        "bb63e19ea92c0513d871fb33d85844b05efb221df1df516be5b5bbe6628ef1f9",
    ),
    (
        "unique_network",
        SwarmSecret.from_passphrase("correct horse battery staple"),
        18814,
        "2b99fc3f8784ecc076c877b9ce2e7c8bb28d0a3d",
        "35582c42b338aea53079465029551b4e5a5e3837",
        "3a5b0690bd7570b1e70d37131295809ff94c122255d60b00ff1f2ffa9f648287",
    ),
    (
        "büro/drucker",
        SwarmSecret("bbs1" + "7" * 51 + "q"),
        17543,
        "ce9145bfc7bbc34799d4442af27feb113eee497a",
        "4ab4c6aedc878221301802add480022590c33c95",
        "ed4b925ea429852f96f65afa8bc5e1b78baf71aa3d0d92203db321e48754a980",
    ),
]


@pytest.mark.parametrize(("name", "secret", "phase", "key", "next_key", "psk"), VECTORS)
def test_the_vectors(  # noqa: PLR0917
    name: str, secret: SwarmSecret, phase: int, key: str, next_key: str, psk: str
) -> None:
    epochs = Epochs(name, secret.for_name(name))
    assert epochs.phase == phase
    assert epochs.at(NOW) == 83332
    assert epochs.keys(83332).key.hex() == key
    assert epochs.keys(83333).key.hex() == next_key
    assert epochs.keys(83332).psk.hex() == psk


@pytest.fixture
def epochs() -> Epochs:
    return Epochs("unique_network", bytes(range(32)))


def numbers(keys: object) -> list[int]:
    return [one.epoch for one in keys]  # type: ignore[attr-defined]


def test_which_keys_count_when(epochs: Epochs) -> None:
    begin = epochs.phase + 100 * EPOCH
    assert epochs.at(begin) == 100
    assert epochs.at(begin - 0.1) == 99
    for age, announced, read in [
        (0, [100], [100, 99]),
        (EDGE - 1, [100], [100, 99]),
        (EDGE, [100], [100]),
        (EPOCH - EDGE - 1, [100], [100]),
        (EPOCH - EDGE, [100, 101], [100, 101]),
        (EPOCH - 1, [100, 101], [100, 101]),
    ]:
        assert numbers(epochs.announced(begin + age)) == announced
        assert numbers(epochs.read(begin + age)) == read
        assert set(numbers(epochs.opening(begin + age))) == {99, 100, 101}
        assert numbers(epochs.opening(begin + age))[0] == 100


def test_the_next_change_is_when_others_are_announced(epochs: Epochs) -> None:
    time = float(NOW)
    for _ in range(20):
        then = epochs.next_change(time)
        assert time < then <= time + EPOCH
        before = numbers(epochs.announced(time))
        assert numbers(epochs.announced((time + then) / 2)) == before
        assert numbers(epochs.announced(then - 0.01)) == before
        assert numbers(epochs.announced(then + 0.01)) != before
        time = then + 0.01


def test_over_days_members_half_an_hour_apart_always_meet(epochs: Epochs) -> None:
    """Each reads a key that the other announces under, opens it, and takes what it proved."""
    for minute in range(0, 4 * 24 * 60, 5):
        time = NOW + minute * 60.0
        for apart in (0, 600, 1799):
            ahead = time + apart
            for mine, theirs in ((time, ahead), (ahead, time)):
                shared = set(numbers(epochs.announced(theirs))) & set(numbers(epochs.read(mine)))
                assert shared
                assert shared <= set(numbers(epochs.opening(theirs)))
                assert all(epochs.counts(one, theirs) and epochs.counts(one, mine) for one in shared)


def test_what_was_proved_long_ago_counts_no_more(epochs: Epochs) -> None:
    epoch = epochs.at(NOW)
    assert not epochs.counts(epoch - 2, NOW)
    assert not epochs.counts(epoch, NOW + EPOCH + EDGE)


def test_few_keys_are_kept(epochs: Epochs) -> None:
    first = epochs.keys(5)
    for number in random.Random(1).sample(range(1000), 100):
        epochs.keys(number)
    assert len(epochs._keys) <= 9
    assert epochs.keys(5) == first


def test_no_two_are_alike(epochs: Epochs) -> None:
    other = Epochs("unique_network2", bytes(range(32)))
    keys = [one.keys(number) for one in (epochs, other) for number in range(50)]
    assert len({one.key for one in keys} | {one.psk[:20] for one in keys}) == 200
    assert "psk" not in repr(keys[0])
