"""Whether others can reach a node, from what it sees and hears."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation, public_address
from bitboot_btdht.table.acquaintances import HOUR, Acquaintances
from bitboot_btdht.table.external import QUORUM, ExternalAddress
from bitboot_btdht.table.reach import FELL_SILENT, MANY, NEVER_HEARD, Reach
from bitboot_btdht.wire import compact

from bitboot_core import KnownHost, Place, Reachability

US = compact.pack("93.184.216.34", 6881)
OUTSIDE = compact.known_host(US)
STRANGER = public_address(9000)
FORGOTTEN = Settings().nat_memory
LATER = FORGOTTEN + 1.0


def is_own(host: str) -> bool:
    return host == OUTSIDE.host


def is_not_own(host: str) -> bool:
    return False


class Seen:
    """What one family has seen: `votes` on where others see us, one a network."""

    def __init__(self, *ports: int) -> None:
        external = ExternalAddress()
        self.acquaintances = Acquaintances(Settings(), 0.0)
        self.reach = Reach(external, self.acquaintances, 0.0)
        for number, port in enumerate(ports):
            external.vote(public_address(number), compact.with_port(US, port), 0.0)

    def place(self, own: Callable[[str], bool] = is_not_own, now: float = LATER) -> Place:
        return self.reach.place(own, now)


@pytest.mark.parametrize(
    ("ports", "own", "place"),
    [
        ([], is_own, Place(Reachability.UNKNOWN)),
        ([6881] * QUORUM, is_own, Place(Reachability.OPEN, OUTSIDE)),
        ([6881] * QUORUM, is_not_own, Place(Reachability.CONE, OUTSIDE)),
        (range(1, 1 + QUORUM), is_not_own, Place(Reachability.SYMMETRIC, KnownHost(OUTSIDE.host, 0))),
        ([1, 2] * QUORUM, is_not_own, Place(Reachability.UNKNOWN, KnownHost(OUTSIDE.host, 0))),
        ([6881] * (QUORUM - 1), is_not_own, Place(Reachability.UNKNOWN)),
    ],
)
def test_where_others_see_us(ports: list[int], own: Callable[[str], bool], place: Place) -> None:
    assert Seen(*ports).place(own) == place


def test_a_strangers_call_shows_that_anybody_gets_in() -> None:
    seen = Seen(*[6881] * QUORUM)
    assert seen.reach.called(STRANGER, LATER)
    assert seen.place() == Place(Reachability.OPEN, OUTSIDE)
    seen.reach.moved()
    assert seen.place().reachability is Reachability.CONE


def test_many_called_and_then_nobody_does_any_more() -> None:
    """The router forwards the port no longer, say."""
    seen = Seen(*[6881] * QUORUM)
    for number in range(MANY):
        seen.reach.called(public_address(1000 + number), LATER + number)
    last = LATER + MANY - 1.0
    assert seen.reach.is_called(last + HOUR - 1.0)
    assert not seen.reach.is_called(last + HOUR)
    assert seen.place(now=last + HOUR).reachability is Reachability.CONE
    seen.reach.called(STRANGER, last + 2 * HOUR)
    assert seen.reach.is_called(last + 2 * HOUR)


@pytest.mark.parametrize(("pause", "counts"), [(HOUR, True), (2 * HOUR, False)])
def test_the_hour_before_counts_and_none_earlier(pause: float, counts: bool) -> None:
    """Many called in one hour, one in another. If those are neighbours, silence then shows something."""
    seen = Seen(*[6881] * QUORUM)
    for number in range(MANY):
        seen.reach.called(public_address(1000 + number), LATER)
    seen.reach.called(STRANGER, pause)
    assert seen.reach.is_called(pause + HOUR) is not counts


def test_in_a_small_network_nobody_is_a_stranger_for_long() -> None:
    """Many calls over the days are not many in an hour: that there are none now says nothing."""
    seen = Seen(*[6881] * QUORUM)
    for number in range(2 * MANY):
        seen.reach.called(public_address(1000 + number), LATER + 60.0 * number)
    assert seen.reach.is_called(LATER + 60.0 * 2 * MANY + 100 * HOUR)


def test_while_strangers_cannot_be_told_their_silence_says_nothing() -> None:
    seen = Seen(*[6881] * QUORUM)
    for number in range(MANY):
        seen.reach.called(public_address(1000 + number), LATER)
    seen.acquaintances.unsure_until = LATER + HOUR
    assert seen.reach.is_called(LATER + 2 * HOUR - 1.0)
    assert not seen.reach.is_called(LATER + 2 * HOUR)


@pytest.mark.parametrize(
    "caller",
    [
        public_address(1),
        compact.with_port(public_address(1), 7000),
        compact.with_port(US, 7000),
        compact.pack("192.168.1.5", 6881),
    ],
    ids=["asked before", "another port of one asked before", "from behind our NAT", "from the LAN"],
)
def test_who_is_no_stranger(caller: bytes) -> None:
    seen = Seen(*[6881] * QUORUM)
    seen.acquaintances.wrote(public_address(1), LATER - 1.0)
    seen.reach.called(caller, LATER)
    assert seen.place().reachability is Reachability.CONE


def test_whom_an_earlier_run_wrote_to_is_no_stranger() -> None:
    """The NAT remembers them for some minutes, and we answer them."""
    seen = Seen(*[6881] * QUORUM)
    assert seen.reach.called(STRANGER, FORGOTTEN - 1.0)
    assert not seen.reach.called(STRANGER, LATER)
    assert seen.place().reachability is Reachability.CONE


def test_nothing_has_ever_come_in() -> None:
    seen = Seen()
    for number in range(NEVER_HEARD):
        assert seen.place().reachability is Reachability.UNKNOWN
        seen.reach.unanswered(public_address(number), 0.0)
    assert seen.place() == Place(Reachability.BLOCKED)
    seen.reach.heard(2.0)
    assert seen.place().reachability is Reachability.UNKNOWN


def test_nothing_comes_in_any_more() -> None:
    """Those count who were asked since the last datagram: at the end of a lookup some are always missing."""
    seen = Seen(*[6881] * QUORUM)
    seen.reach.heard(10.0)
    for number in range(2 * FELL_SILENT):
        seen.reach.unanswered(public_address(number), 9.0)
    for number in range(FELL_SILENT):
        assert seen.place().reachability is Reachability.CONE
        seen.reach.unanswered(public_address(number), 11.0)
    assert seen.place() == Place(Reachability.BLOCKED)
    seen.reach.heard(20.0)
    assert seen.place() == Place(Reachability.CONE, OUTSIDE)


def test_one_silent_network_is_one() -> None:
    seen = Seen()
    for host in range(1, 100):
        seen.reach.unanswered(compact.pack(f"20.1.1.{host}", 6881), 0.0)
    assert seen.place().reachability is Reachability.UNKNOWN


@pytest.mark.once
def test_simulated_nodes_behind_a_nat_and_in_the_open() -> None:
    """The NAT keeps the port, so that others see them at one; nobody calls who has not been written to."""
    simulation = Simulation(seed=3)
    nodes = simulation.populate(60)
    shut_in, cut_off = simulation.add(), simulation.add()
    simulation.network.put_behind_nat(simulation.address_of(shut_in))
    everybody = [simulation.address_of(node) for node in nodes]
    simulation.network.partition(everybody, [simulation.address_of(cut_off)])
    simulation.bootstrap(shut_in, everybody[:4])
    simulation.bootstrap(cut_off, everybody[:4])
    simulation.advance(2 * FORGOTTEN)
    for _ in range(5):
        simulation.bootstrap(simulation.add(), everybody[:4])
    simulation.advance(FORGOTTEN)
    places = {node: node.reach[4].place(is_not_own, simulation.now) for node in [*nodes, shut_in, cut_off]}
    assert places[cut_off] == Place(Reachability.BLOCKED)
    outside = compact.known_host(simulation.address_of(shut_in))
    assert places[shut_in] == Place(Reachability.CONE, outside)
    called = [node for node in nodes if places[node].reachability is Reachability.OPEN]
    assert len(called) >= 20, "the newcomers have asked them"
