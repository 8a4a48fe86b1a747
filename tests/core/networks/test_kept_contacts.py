"""Contacts that are kept for the next start: written whole, read with suspicion, never fatal."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from bitboot_core import BitBoot, BootstrapFailed, ConfigFile, KnownHost, NetworkDefinition, Registry
from bitboot_core._networks.in_touch import MAX_TRIED, SAVE_EVERY
from bitboot_core._networks.kept_contacts import (
    MAX_BYTES,
    MAX_CONTACTS,
    MAX_FILES,
    OLDEST,
    ContactFile,
    _warn_of_no_folder,
    contact_file,
    default_folder,
)
from bitboot_core._plugins.config_file import default_file
from bitboot_core.testing import FakeBackend, ManualClock, fails, hangs, spec_of

SEED = KnownHost("192.0.2.1", 6881)
GOOD = [KnownHost("192.0.2.9", port) for port in range(1, 4)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kept(folder: Path) -> list[str]:
    """The files that stay. A write that closing cut short may still be at its temporary one, in a thread."""
    return [name for name in files(folder) if not name.endswith(".tmp")]


def tried(backend: FakeBackend) -> tuple[KnownHost, ...]:
    """The contacts that the first bootstrap was given."""
    return next(call[1] for call in backend.calls if call[0] == "bootstrap")


@pytest.fixture
def file(tmp_path: Path) -> ContactFile:
    return ContactFile(tmp_path / "folder" / "contacts-fake.json", "fake")


# The file


def test_what_is_written_is_read(file: ContactFile) -> None:
    assert file.read() == []
    contacts = [*GOOD, KnownHost("2001:db8::1", 6881)]
    file.write(contacts)
    assert file.read() == contacts
    assert files(file.path.parent) == ["contacts-fake.json"]


def test_only_the_best_are_kept(file: ContactFile) -> None:
    many = [KnownHost(f"2001:db8:{'1234:' * 5}{number:x}", 65000) for number in range(1, 10 * MAX_CONTACTS)]
    file.write(many)
    assert file.read() == many[:MAX_CONTACTS]
    assert file.path.stat().st_size < MAX_BYTES


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be replaced: it stays")
def test_a_reader_never_meets_half_a_file(file: ContactFile) -> None:
    file.write(GOOD)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            file.write(GOOD)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        assert all(file.read() == GOOD for _ in range(200))
    finally:
        ended.set()
        for writer in writers:
            writer.join()
    assert files(file.path.parent) == ["contacts-fake.json"]


def content(**fields: object) -> bytes:
    good = {"format": "bitboot-contacts-1", "network": "fake", "saved": 0, "contacts": ["192.0.2.1:1"]}
    return json.dumps(good | fields).encode()


DAMAGED = {
    "empty": b"",
    "half": content()[:40],
    "binary": bytes(range(256)),
    "not UTF-8": b'"\xff\xfe"',
    "a list": b"[]",
    "deep": b"[" * 60_000,
    "another format": content(format="bitboot-contacts-9"),
    "another network's": content(network="mainline"),
    "no contacts": json.dumps({"format": "bitboot-contacts-1", "network": "fake"}).encode(),
    "contacts that are none": content(contacts=["nonsense"]),
    "contacts that are no text": content(contacts=[5]),
    "contacts that are no list": content(contacts=7),
    "a name, which would have to be resolved": content(contacts=["example.org:6881"]),
    "nobody's address": content(contacts=["0.0.0.0:6881"]),
    "nobody's port": content(contacts=["192.0.2.1:0"]),
    "huge": content(contacts=["192.0.2.1:1"] * MAX_BYTES),
    "a pickle": b"\x80\x04\x8c\x05posix\x94.",
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_is_none_is_set_aside_with_a_warning(
    file: ContactFile, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(damage)
    assert file.read() == []
    assert not file.path.exists()
    assert file.path.with_suffix(".damaged").read_bytes() == damage
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "set aside" in caplog.text
    file.write(GOOD)
    assert file.read() == GOOD


def test_that_it_is_there_twice_is_no_matter(file: ContactFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(content(contacts=["192.0.2.1:1", "[::ffff:192.0.2.1]:1"]))
    assert file.read() == [KnownHost("192.0.2.1", 1)]


def test_a_file_that_cannot_be_read_or_set_aside_is_only_a_warning(
    file: ContactFile, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.path.mkdir(parents=True)  # a folder of that name
    assert file.read() == []
    assert "cannot be read" in caplog.text
    file.path.rmdir()
    file.path.write_bytes(b"damaged")

    def refuse(*_: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(os, "replace", refuse)
    assert file.read() == []
    assert "cannot be set aside" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    file = ContactFile(tmp_path / "file" / "contacts-fake.json", "fake")
    file.write(GOOD)
    file.write(GOOD)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_write_that_fails_half_way_leaves_nothing(
    file: ContactFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file.write(GOOD)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    file.write(GOOD[:1])
    assert "no space left" in caplog.text
    assert files(file.path.parent) == ["contacts-fake.json"]
    assert file.read() == GOOD


# Where it lies


def test_the_environment_names_the_folder(state_folder: Path) -> None:
    assert default_folder() == state_folder
    assert default_folder({"BITBOOT_STATE_DIR": "/elsewhere"}) == Path("/elsewhere")


def test_the_platforms_folder_is_what_platformdirs_says() -> None:
    assert default_folder({}) == platformdirs.user_state_path("bitboot", appauthor=False)


@pytest.mark.skipif(sys.platform == "win32", reason="there every user has a profile")
async def test_without_a_home_nothing_is_kept_with_one_warning(
    serve: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    clock: ManualClock,
) -> None:
    """As in a container that runs as a user whom its image does not know."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "BITBOOT_STATE_DIR", "BITBOOT_CONFIG", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", fails_to_find)
    _warn_of_no_folder.cache_clear()
    assert default_folder() is None
    assert default_file() is None
    assert ConfigFile.read() == ConfigFile()
    for _ in range(2):
        serve.forget()
        bitboot = await serve(FakeBackend(known=GOOD), bootstrap=[SEED], state_dir=None)
        await clock.settle()
        await bitboot.aclose()
    (warning,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "no home folder" in warning.getMessage()
    assert files(tmp_path) == []
    _warn_of_no_folder.cache_clear()


def fails_to_find(number: int) -> None:
    raise KeyError(f"getpwuid(): uid not found: {number}")


def aged(path: Path, seconds: float) -> Path:
    """A file that was written so long ago."""
    path.write_text("x", encoding="utf-8")
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_what_a_crash_left_half_written_is_swept(file: ContactFile) -> None:
    folder = file.path.parent
    folder.mkdir()
    aged(folder / "contacts-fake-abc.tmp", 2 * 3600)
    aged(folder / "contacts-fake-def.tmp", 60)  # another program is about to write it
    aged(folder / "mine.tmp", 2 * 3600)
    aged(folder / "contacts-other.json", 10 * OLDEST)  # in a folder of the program's own
    file.write(GOOD)
    assert files(folder) == [
        "contacts-fake-def.tmp",
        "contacts-fake.json",
        "contacts-other.json",
        "mine.tmp",
    ]


def test_the_shared_folder_does_not_grow_for_ever(state_folder: Path) -> None:
    aged(state_folder / "contacts-a-000000000000.json", OLDEST + 60)
    aged(state_folder / "contacts-b-000000000000.damaged", OLDEST + 60)
    aged(state_folder / "other.json", 10 * OLDEST)
    for number in range(2 * MAX_FILES):
        aged(state_folder / f"contacts-n{number}-000000000000.json", 60.0 * number)
    file = contact_file(None, "mainline", "mainline", [SEED])
    assert file is not None
    file.write(GOOD)
    left = files(state_folder)
    assert len(left) == MAX_FILES + 1
    assert {file.path.name, "other.json", "contacts-n0-000000000000.json"} <= set(left)
    assert "contacts-a-000000000000.json" not in left
    assert "contacts-b-000000000000.damaged" not in left
    assert f"contacts-n{MAX_FILES}-000000000000.json" not in left
    assert file.read() == GOOD


def test_in_the_shared_folder_networks_that_start_elsewhere_are_kept_apart(state_folder: Path) -> None:
    def path(protocol: str, *bootstrap: KnownHost) -> Path:
        file = contact_file(None, "mainline", protocol, bootstrap)
        assert file is not None
        assert file.path.parent == state_folder
        return file.path

    public, mine = path("mainline", SEED), path("mainline", KnownHost("127.0.0.1", 6881))
    assert public != mine
    assert path("mainline", SEED) == public
    assert path("mainline", *GOOD) == path("mainline", *reversed(GOOD))
    assert path("other", SEED) != public
    assert contact_file(None, "mainline", "mainline", []) is None  # nobody could say which one it is


def test_in_a_folder_of_ones_own_the_networks_name_is_enough(tmp_path: Path) -> None:
    for bootstrap in ([], [SEED]):
        file = contact_file(tmp_path, "mainline", "mainline", bootstrap)
        assert file is not None
        assert file.path == tmp_path / "contacts-mainline.json"
    assert contact_file(False, "mainline", "mainline", [SEED]) is None


# A BitBoot that uses it


async def test_contacts_are_kept_at_the_end_and_tried_beside_the_others_at_the_next_start(
    registry: Registry, tmp_path: Path
) -> None:
    first, second = FakeBackend(known=GOOD), FakeBackend()
    registry.register_backend(spec_of(first, "fake", ["fake"]))
    network = NetworkDefinition("fake", "fake", [SEED])
    async with BitBoot(network=network, registry=registry, state_dir=tmp_path) as bitboot:
        await bitboot.ready()
    registry.unregister_backend("fake")
    registry.register_backend(spec_of(second, "fake", ["fake"]))
    async with BitBoot(network=network, registry=registry, state_dir=tmp_path) as bitboot:
        await bitboot.ready()
        assert bitboot.networks()["fake"].bootstrap == (SEED,)
    assert tried(first) == (SEED,)
    assert tried(second) == (SEED, *GOOD)


async def test_with_the_networks_own_contacts_dead_the_kept_ones_are_enough(
    serve: Any, tmp_path: Path
) -> None:
    ContactFile(tmp_path / "contacts-fake.json", "fake").write(GOOD)
    backend = FakeBackend()

    async def only_the_good_answer() -> int:
        return len(set(backend.calls[-1][1]) & set(GOOD))

    backend.acts["bootstrap"] = only_the_good_answer
    bitboot = await serve(backend, bootstrap=[SEED], state_dir=tmp_path)
    await bitboot.ready()


async def test_a_first_node_that_starts_again_is_ready_at_once_and_finds_its_network(
    serve: Any, clock: ManualClock, tmp_path: Path
) -> None:
    ContactFile(tmp_path / "contacts-fake.json", "fake").write(GOOD)
    backend = FakeBackend(bootstrap=fails(BootstrapFailed("all gone")))
    bitboot = await serve(backend, state_dir=tmp_path)
    await bitboot.ready(timeout=0.1)
    await clock.settle()
    assert tried(backend) == tuple(GOOD)


async def test_no_more_are_tried_than_makes_sense(serve: Any, clock: ManualClock, tmp_path: Path) -> None:
    ContactFile(tmp_path / "contacts-fake.json", "fake").write(
        [KnownHost("192.0.2.9", port) for port in range(1, 500)]
    )
    backend = FakeBackend()
    await serve(backend, bootstrap=[SEED], state_dir=tmp_path)
    await clock.settle()
    assert len(tried(backend)) == 1 + MAX_TRIED


async def test_they_are_kept_from_time_to_time(
    serve: Any, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[list[KnownHost]] = []
    monkeypatch.setattr(ContactFile, "write", lambda self, contacts, _: written.append(list(contacts)))
    monkeypatch.setattr("bitboot_core._networks.in_touch.in_thread", at_once)
    backend = FakeBackend(known=GOOD)
    bitboot = await serve(backend, bootstrap=[SEED], state_dir=tmp_path)
    await clock.settle()
    assert written == [GOOD]  # as soon as there are any: who knows how it ends
    backend.known = GOOD[:1]
    await clock.advance(SAVE_EVERY)
    assert written == [GOOD, GOOD[:1]]
    backend.known = []
    await clock.advance(10 * SAVE_EVERY)
    assert len(written) == 2  # nobody is worse than somebody of old
    backend.known = GOOD[:2]
    await bitboot.aclose()
    assert written[-1] == GOOD[:2]


async def at_once(work: Callable[[], Any], name: str) -> Any:
    """`in_thread`, without one."""
    return work()


async def test_contact_that_is_lost_is_sought_with_those_of_old(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(known=GOOD)
    await serve(backend, bootstrap=[SEED])
    await clock.settle()
    backend.known = []
    await clock.advance(120)
    assert [call[1] for call in backend.calls if call[0] == "bootstrap"][-1] == (SEED, *GOOD)


async def test_nothing_is_kept_where_nothing_shall_be(serve: Any, state_folder: Path) -> None:
    bitboot = await serve(FakeBackend(known=GOOD), bootstrap=[SEED], state_dir=False)
    await bitboot.ready()
    await bitboot.aclose()
    assert files(state_folder) == []


async def test_a_testnets_contacts_do_not_get_among_the_public_networks(
    serve: Any, state_folder: Path, registry: Registry
) -> None:
    bitboot = await serve(FakeBackend(known=GOOD), bootstrap=[KnownHost("127.0.0.1", 1)], state_dir=None)
    await bitboot.ready()
    await bitboot.aclose()
    (own,) = kept(state_folder)
    backend = FakeBackend()
    registry.register_backend(spec_of(backend, "public", ["public"]))
    public = NetworkDefinition("fake", "public", [SEED])
    async with BitBoot(network=public, registry=registry) as bitboot:
        await bitboot.ready()
    assert tried(backend) == (SEED,)
    assert kept(state_folder) == [own]


async def test_a_disk_that_hangs_holds_up_nobody(
    serve: Any, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(work: object, name: str) -> None:
        await hangs()()

    monkeypatch.setattr("bitboot_core._networks.in_touch.in_thread", hang)
    starting = asyncio.ensure_future(serve(FakeBackend(known=GOOD), bootstrap=[SEED], state_dir=tmp_path))
    await clock.advance(1)
    bitboot = await starting
    await bitboot.ready()
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.advance(2)
    assert closing.done()


async def test_a_damaged_file_does_not_stop_the_start(
    serve: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "contacts-fake.json").write_bytes(b"\x00" * 100)
    backend = FakeBackend(known=GOOD)
    bitboot = await serve(backend, bootstrap=[SEED], state_dir=tmp_path)
    await bitboot.ready()
    assert tried(backend) == (SEED,)
    assert "set aside" in caplog.text
    await bitboot.aclose()
    assert ContactFile(tmp_path / "contacts-fake.json", "fake").read() == GOOD
