"""Which kept contacts come first, what is kept of them beside their addresses, and who stays."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import BitBoot, KnownHost, NetworkDefinition, Registry, RoutingContact
from bitboot_core._networks.kept_contacts import MAX_BYTES, MAX_CONTACTS, OLDEST, ContactFile
from bitboot_core._networks.kept_order import PER_SUBNET, RECENT, Kept, best_first
from bitboot_core.testing import FakeBackend, spec_of

SEED = KnownHost("192.0.2.1", 6881)


def at(number: int) -> KnownHost:
    """A contact in a public subnet of its own."""
    return KnownHost(f"81.2.{number}.7", 6881)


@pytest.fixture
def file(tmp_path: Path) -> ContactFile:
    return ContactFile(tmp_path / "contacts-fake.json", "fake")


def content(file: ContactFile) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.path.read_bytes())
    return read


def test_the_most_recent_and_the_quickest_take_turns() -> None:
    kept = [
        Kept(at(1), 100, 0.3),
        Kept(at(2), 90, 0.2),
        Kept(at(3), 80, None),
        Kept(at(4), 70, 0.01),
        Kept(at(5), 60, 0.02),
    ]
    assert best_first(reversed(kept)) == [at(1), at(4), at(2), at(5), at(3)]


def test_what_is_equal_stays_in_order() -> None:
    assert best_first([Kept(at(2)), Kept(at(1)), Kept(at(3))]) == [at(2), at(1), at(3)]
    assert best_first([]) == []


def test_one_that_has_been_silent_for_long_is_not_preferred_for_having_been_quick() -> None:
    kept = [Kept(at(1), 2 * RECENT, 0.5), Kept(at(2), 2 * RECENT, 0.4), Kept(at(3), RECENT - 1, 0.001)]
    assert best_first(kept) == [at(1), at(2), at(3)]


def test_a_public_subnet_has_its_share_and_a_private_one_any() -> None:
    crowd = [Kept(KnownHost("81.2.69.7", port), 100, 0.001) for port in range(1, 50)]
    six = [Kept(KnownHost(f"2a00:1:2:3::{number:x}", 1), 100, 0.001) for number in range(1, 50)]
    house = [Kept(KnownHost("192.168.1.7", port), 100, 0.5) for port in range(1, 50)]
    found = best_first([*crowd, *six, *house, Kept(at(1), 1, 1.0)])
    assert sum(one.host == "81.2.69.7" for one in found) == PER_SUBNET
    assert sum(one.family == 6 for one in found) == PER_SUBNET
    assert sum(one.host == "192.168.1.7" for one in found) == len(house)
    assert at(1) in found


def test_round_trips_are_kept_and_make_the_order(file: ContactFile) -> None:
    file.write([at(1), at(2), at(3)], {at(3): 0.02, at(2): 0.1})
    assert content(file)["round_trips"] == [None, 0.1, 0.02]
    assert file.read() == [at(1), at(3), at(2)]


def test_a_short_run_that_meets_few_does_not_forget_the_others(file: ContactFile) -> None:
    file.write([at(1), at(2), at(3)], {at(2): 0.1})
    file.write([at(4)])
    assert file.read() == [at(4), at(2), at(1), at(3)]
    file.write([at(2)], {})
    assert content(file)["contacts"][0] == str(at(2))
    assert content(file)["round_trips"][0] is None, "what was measured last, which is nothing"


def test_those_that_answered_go_before_those_that_are_only_remembered(file: ContactFile) -> None:
    many = [KnownHost("192.168.1.7", port) for port in range(1, MAX_CONTACTS + 1)]
    file.write(many, dict.fromkeys(many, 0.123456789))
    file.write([at(1), at(2)])
    found = content(file)["contacts"]
    assert found == [str(at(1)), str(at(2)), *map(str, many[:-2])]
    assert file.path.stat().st_size < MAX_BYTES


def test_what_nobody_has_heard_for_90_days_is_forgotten(file: ContactFile) -> None:
    old = {"format": "bitboot-contacts-1", "network": "fake", "contacts": [str(at(1)), str(at(2))]}
    now = time.time()
    file.path.write_text(json.dumps(old | {"saved": now, "seen": [now - OLDEST - 60, now - OLDEST + 60]}))
    file.write([at(3)])
    assert content(file)["contacts"] == [str(at(3)), str(at(2))]


def test_an_earlier_version_reads_the_contacts_and_an_earlier_file_is_read(file: ContactFile) -> None:
    file.write([at(1)], {at(1): 0.1})
    assert content(file)["contacts"] == [str(at(1))]
    assert content(file)["format"] == "bitboot-contacts-1"
    saved = int(time.time()) - 60
    earlier = {
        "format": "bitboot-contacts-1",
        "network": "fake",
        "saved": saved,
        "contacts": [str(at(2)), str(at(1))],
    }
    file.path.write_text(json.dumps(earlier))
    assert file.read() == [at(2), at(1)]
    file.write([at(3)])
    assert content(file)["seen"][1:] == [saved, saved], "they were good when it was saved"


@pytest.mark.parametrize(
    "columns",
    [
        {"seen": "soon", "round_trips": {}},
        {"seen": [1], "round_trips": [0.1, 0.2, 0.3]},
        {"seen": [None, []], "round_trips": [True, "0.1"]},
        {"seen": [-1, 1e300], "round_trips": [-0.1, 1e300]},
        {"seen": [float("nan"), float("inf")], "round_trips": [float("nan"), float("-inf")]},
        {"saved": "yesterday"},
        {"saved": 1e300},
    ],
)
def test_columns_that_make_no_sense_are_left_out(
    file: ContactFile, columns: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    base = {"format": "bitboot-contacts-1", "network": "fake", "saved": 5, "contacts": []}
    file.path.write_text(json.dumps(base | {"contacts": [str(at(1)), str(at(2))]} | columns))
    assert file.read() == [at(1), at(2)]
    assert not caplog.records
    file.write([at(3)])
    assert file.read()[0] == at(3)


def test_a_damaged_file_is_overwritten_without_a_word(
    file: ContactFile, caplog: pytest.LogCaptureFixture
) -> None:
    file.path.write_bytes(b"damaged")
    file.write([at(1)])
    assert file.read() == [at(1)]
    assert not caplog.records, "who reads it tells of that"


class Measured(FakeBackend):
    """One that knows how long its contacts take to answer."""

    def routing_table(self) -> list[RoutingContact]:
        return [RoutingContact(at(1), 160, 0.25), RoutingContact(at(2), 159, 0.125), RoutingContact(at(3), 9)]


async def test_the_round_trips_of_the_routing_table_are_kept_at_the_end(
    registry: Registry, tmp_path: Path
) -> None:
    backend = Measured(known=[at(1), at(2), at(3), at(4)])
    registry.register_backend(spec_of(backend))
    network = NetworkDefinition("fake", "fake", [SEED])
    async with BitBoot(network=network, registry=registry, state_dir=tmp_path) as bitboot:
        await bitboot.ready()
    file = ContactFile(tmp_path / "contacts-fake.json", "fake")
    assert content(file)["round_trips"] == [0.25, 0.125, None, None]
    assert file.read() == [at(1), at(2), at(3), at(4)]
