"""Who waits to be verified, and for how long."""

from __future__ import annotations

import pytest
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.newcomers import Newcomers
from bitboot_btdht.wire import compact

from ..scripted import at, id_of

MEMORY = Settings().nat_memory


def waiting(**settings: int) -> Newcomers:
    return Newcomers(Settings(**settings))


def test_a_newcomer_waits_until_nats_have_forgotten_us() -> None:
    newcomers = waiting()
    newcomers.add(id_of(1), public_address(1), 10.0)
    assert newcomers.due(9.9 + MEMORY, 8) == []
    assert newcomers.due(10.0 + MEMORY, 8) == [(id_of(1), public_address(1))]
    assert len(newcomers) == 0


def test_whatever_we_write_to_it_lets_it_wait_anew() -> None:
    newcomers = waiting()
    for number in (1, 2):
        newcomers.add(id_of(number), public_address(number), 0.0)
    newcomers.wrote(public_address(1), 100.0)
    newcomers.wrote(public_address(3), 100.0)
    assert newcomers.due(MEMORY, 8) == [(id_of(2), public_address(2))]
    assert newcomers.due(99.0 + MEMORY, 8) == []
    assert newcomers.due(100.0 + MEMORY, 8) == [(id_of(1), public_address(1))]


def test_who_calls_again_is_one() -> None:
    newcomers = waiting()
    newcomers.add(id_of(1), public_address(1), 0.0)
    newcomers.add(id_of(2), public_address(1), 50.0)
    assert newcomers.due(MEMORY, 8) == [(id_of(1), public_address(1))]


def test_only_so_many_are_due_at_once() -> None:
    newcomers = waiting()
    for number in range(5):
        newcomers.add(id_of(number), public_address(number), 0.0)
    assert len(newcomers.due(MEMORY, 3)) == 3
    assert newcomers.due(MEMORY, 0) == []
    assert len(newcomers.due(MEMORY, 3)) == 2


@pytest.mark.parametrize(
    ("limits", "hosts", "waiting_then"),
    [
        ({"newcomers_per_ip": 2}, ["20.1.1.1"] * 5, 2),
        ({"newcomers_per_subnet": 3}, [f"20.1.1.{host}" for host in range(1, 9)], 3),
        ({"newcomers_per_subnet": 3}, [f"2a00:1:2:3::{host}" for host in range(1, 9)], 3),
        ({"max_newcomers": 4}, [f"20.1.{network}.1" for network in range(9)], 4),
    ],
    ids=["one address", "one /24", "one /64", "all together"],
)
def test_nobody_takes_more_than_a_share(limits: dict[str, int], hosts: list[str], waiting_then: int) -> None:
    newcomers = waiting(**limits)
    callers = [compact.pack(host, 1000 + number) for number, host in enumerate(hosts)]
    for caller in callers:
        newcomers.add(id_of(1), caller, 0.0)
    assert len(newcomers) == waiting_then
    assert len(newcomers.due(MEMORY, 8)) == waiting_then
    newcomers.add(id_of(1), callers[-1], MEMORY)
    assert len(newcomers) == 1, "those who are gone take nobody's place"


def test_on_a_local_network_nobody_waits() -> None:
    newcomers = waiting()
    newcomers.add(id_of(1), at(1), 0.0)
    assert len(newcomers) == 0
