"""Files as announcements: atomic, bounded, and not upset by whatever else lies in the folder."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bitboot_folder import store as rooms
from bitboot_folder.store import ABANDONED, CLOCK_SKEW, MAX_LIFETIME, Store

from bitboot_core import AnnounceFailed, KnownHost

KEY, OTHER = b"k" * 20, b"o" * 20
NOW = 1_000_000.0


def host(port: int) -> KnownHost:
    return KnownHost("192.0.2.7", port)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "made" / "here")
    store.open(NOW)
    return store


def found(store: Store, now: float = NOW, key: bytes = KEY) -> set[KnownHost]:
    return set(store.read(key, store.names(key, now))[0])


def files(store: Store) -> list[str]:
    return sorted(path.name for path in store.root.rglob("*") if path.is_file())


def test_an_announcement_is_there_until_it_expires(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    assert found(store, NOW + 9.9) == {host(1)}
    assert found(store, NOW + 10) == set()
    assert found(store, key=OTHER) == set()


def test_a_renewal_replaces_the_former_file(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    store.add(KEY, host(2), NOW + 10, NOW)
    store.add(KEY, host(1), NOW + 20, NOW + 5)
    assert found(store, NOW + 15) == {host(1)}
    assert len(files(store)) == 2


def test_of_two_that_announce_the_same_neither_deletes_what_ends_later(store: Store) -> None:
    store.add(KEY, host(1), NOW + 100, NOW)
    store.add(KEY, host(1), NOW + 10, NOW)
    assert found(store, NOW + 11) == {host(1)}


def test_what_is_removed_is_gone(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    store.add(KEY, host(2), NOW + 10, NOW)
    store.remove(KEY, host(1))
    store.remove(KEY, host(1))
    store.remove(OTHER, host(1))
    assert found(store) == {host(2)}
    store.remove(KEY, host(2))
    assert list(store.root.iterdir()) == []


def test_a_file_that_is_renewed_while_it_is_read_is_told_of(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    store.add(KEY, host(2), NOW + 10, NOW)
    names = store.names(KEY, NOW)
    store.add(KEY, host(1), NOW + 20, NOW)
    assert store.read(KEY, names) == ([host(2)], True)
    assert found(store) == {host(1), host(2)}


def test_what_expired_long_ago_is_deleted_by_whoever_comes(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    late = NOW + 10 + CLOCK_SKEW
    store.add(KEY, host(2), late + 10, late)
    assert len(files(store)) == 2
    store.add(KEY, host(2), late + 20, late + 1)
    assert len(files(store)) == 1


def test_opening_tidies_up_what_nobody_comes_back_to(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    store.add(OTHER, host(1), NOW + 1000, NOW)
    (store.root / "README.txt").write_text("ours", encoding="utf-8")
    store.open(NOW + 500)
    assert sorted(path.name for path in store.root.iterdir()) == sorted([OTHER.hex(), "README.txt"])


def test_what_a_writer_left_unfinished_is_never_read_and_deleted_in_the_end(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10 * ABANDONED, NOW)
    unfinished = store.root / KEY.hex() / "unfinished-0123"
    unfinished.write_text('{"host": "192.0', encoding="utf-8")
    os.utime(unfinished, (NOW, NOW))
    assert found(store) == {host(1)}
    store.open(NOW + ABANDONED)
    assert unfinished.exists()
    store.open(NOW + ABANDONED + 1)
    assert not unfinished.exists()


def test_a_full_folder_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MAX_FILES", 2)
    store.add(KEY, host(1), NOW + 10, NOW)
    store.add(KEY, host(2), NOW + 20, NOW)
    with pytest.raises(AnnounceFailed, match="full: it holds 2"):
        store.add(KEY, host(3), NOW + 10, NOW)
    store.add(KEY, host(2), NOW + 20, NOW)  # a renewal needs no room
    store.add(KEY, host(3), NOW + 30, NOW + 11)  # what has expired makes room
    assert found(store, NOW + 11) == {host(2), host(3)}


DIGEST = "0123456789abcdef" * 2
GOOD = json.dumps({"host": "192.0.2.9", "port": 9}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff\xfe",
        b"[" * 500,
        b"{}",
        b"[1, 2]",
        b'"text"',
        b'{"host": "192.0.2.9"}',
        b'{"host": 5, "port": 9}',
        b'{"host": "192.0.2.9", "port": "9"}',
        b'{"host": "192.0.2.9", "port": 70000}',
        b'{"host": "0.0.0.0", "port": 9}',
        b'{"host": "192.0.2.9", "port": 0}',
        GOOD + b" " * 1000,
        GOOD,
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_file_that_is_no_announcement_is_ignored(store: Store, content: bytes) -> None:
    """Not even a good one, where the name is not that of its endpoint."""
    store.add(KEY, host(1), NOW + 10, NOW)
    (store.root / KEY.hex() / f"{DIGEST}-{int(NOW + 10) * 1000}.json").write_bytes(content)
    assert len(store.names(KEY, NOW)) == 2
    assert found(store) == {host(1)}
    store.add(KEY, host(2), NOW + 10, NOW)
    assert found(store) == {host(1), host(2)}


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        f"{DIGEST}.json",
        f"{DIGEST}-.json",
        f"{DIGEST}-{'9' * 16}.json",
        f"{DIGEST}-{int(NOW + 2 * MAX_LIFETIME) * 1000}.json",
        f"{DIGEST}-{'9' * 40}.json",
        f"{DIGEST}-\u0661.json",
    ],
)
def test_a_file_of_another_name_is_not_even_opened(store: Store, name: str) -> None:
    (store.root / KEY.hex()).mkdir()
    (store.root / KEY.hex() / name).write_bytes(GOOD)
    assert store.names(KEY, NOW) == []


def test_a_folder_in_the_place_of_a_file_and_a_file_in_the_place_of_a_folder(store: Store) -> None:
    store.add(KEY, host(1), NOW + 10, NOW)
    (store.root / KEY.hex() / f"{DIGEST}-{int(NOW + 10) * 1000}.json").mkdir()
    assert found(store) == {host(1)}
    (store.root / OTHER.hex()).write_text("in the way", encoding="utf-8")
    assert found(store, key=OTHER) == set()
    with pytest.raises(OSError, match="exists"):
        store.add(OTHER, host(1), NOW + 10, NOW)


def test_many_writers_and_tidiers_at_once(store: Store) -> None:
    def write(writer: int) -> None:
        for turn in range(20):
            store.add(KEY, host(writer % 5 + 1), NOW + 100 + turn, NOW)
            store.add(OTHER, host(writer + 1), NOW + 100, NOW)
            store.remove(OTHER, host(writer + 1))
            store.open(NOW)

    with ThreadPoolExecutor(10) as pool:
        for done in [pool.submit(write, writer) for writer in range(10)]:
            done.result()
    assert found(store) == {host(port) for port in range(1, 6)}
    assert len(files(store)) == 5
