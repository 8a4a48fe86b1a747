"""Found by stock libtorrent, and finding what it announces, whatever the family and the home."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from .lab import Lab, wait_for
from .nodes import (
    announced,
    ask,
    key_of,
    lookup,
    side_by_side,
    start_bitboot,
    start_command,
    start_public_nodes,
)
from .topology import BITBOOT, DUAL_STACK, ENFORCING, LIBTORRENT, OUTSIDE, PUBLIC, ipv6_of

pytestmark = pytest.mark.slow

COUNT = 20
PORT = 30_000
THEIRS = [f"theirs-{index}" for index in range(COUNT)]
OURS = [f"ours-{index}" for index in range(COUNT)]
ANNOUNCER = "free0"
"""Where Bitboot announces: it has both families."""


@pytest.fixture(scope="module")
def internet(lab: Lab) -> Lab:
    """The public nodes know each other."""
    start_public_nodes(lab)
    return lab


@pytest.fixture(scope="module")
def theirs(internet: Lab) -> dict[str, str]:
    """The host that announced each swarm by libtorrent, once it is stored."""
    stock = [host for host in LIBTORRENT if host in DUAL_STACK]
    announcers = {swarm: stock[index % len(stock)] for index, swarm in enumerate(THEIRS)}
    keys = [key_of(swarm) for swarm in THEIRS]

    def not_stored() -> set[str]:
        answers = side_by_side(lambda host: ask(internet, host, "holds", keys=keys)["peers"], LIBTORRENT)
        missing = set()
        for swarm, host in announcers.items():
            stored = {peer for answer in answers for peer in answer[key_of(swarm)]}
            if not {f"{PUBLIC[host]}:{PORT}", f"{ipv6_of(host)}:{PORT}"} <= stored:
                missing.add(swarm)
        return missing

    # libtorrent does not say when it has announced, and loses some announcements of its first seconds.
    for _ in range(8):
        for swarm in not_stored():
            ask(internet, announcers[swarm], "announce", keys=[key_of(swarm)], port=PORT)
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: not not_stored(), "libtorrent to announce", 6)
            break
    assert not not_stored()
    return announcers


@pytest.fixture(scope="module")
def ours(internet: Lab) -> Iterator[Sequence[str]]:
    """`bitboot announce` runs for these swarms, and has announced each."""
    process = start_command(internet, ANNOUNCER, "ours", "announce", *OURS, "--port", str(PORT))
    wait_for(lambda: set(announced(internet, "ours")) == set(OURS), "the announcements")
    yield OURS
    assert process.stop() == 0


@pytest.mark.parametrize("family", [4, 6])
def test_a_running_node_finds_what_libtorrent_announces(
    internet: Lab, theirs: dict[str, str], family: int
) -> None:
    askers = [host for host in BITBOOT if family == 4 or host in DUAL_STACK]

    def find(index: int) -> bool:
        swarm = THEIRS[index]
        address = PUBLIC[theirs[swarm]] if family == 4 else ipv6_of(theirs[swarm])
        found = ask(internet, askers[index % len(askers)], "find", swarm=swarm)["peers"]
        return f"{address}:{PORT}" in found

    assert side_by_side(find, range(COUNT)) == [True] * COUNT


@pytest.mark.parametrize("host", ["cone1", "lossy1", "small1", "random1", "cgn1"])
def test_a_home_finds_what_libtorrent_announces(internet: Lab, theirs: dict[str, str], host: str) -> None:
    node = start_bitboot(internet, host)
    wait_for(lambda: ask(internet, host, "status")["contacts"], f"{host} to be in touch")
    found = [ask(internet, host, "find", swarm=swarm)["peers"] for swarm in THEIRS]
    assert [
        f"{PUBLIC[theirs[swarm]]}:{PORT}" in peers for swarm, peers in zip(THEIRS, found, strict=True)
    ] == ([True] * COUNT)
    node.stop()


def test_the_command_finds_what_libtorrent_announces(internet: Lab, theirs: dict[str, str]) -> None:
    def find(swarm: str) -> bool:
        return f"{PUBLIC[theirs[swarm]]}:{PORT}" in lookup(internet, "free1", swarm)

    assert side_by_side(find, THEIRS[:4]) == [True] * 4


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", ["enforcing", "not enforcing"])
def test_libtorrent_finds_what_bitboot_announces(
    internet: Lab, ours: Sequence[str], kind: str, family: int
) -> None:
    hosts = ENFORCING if kind == "enforcing" else LIBTORRENT.keys() - ENFORCING
    askers = sorted(host for host in hosts if family == 4 or host in DUAL_STACK)
    wanted = f"{PUBLIC[ANNOUNCER] if family == 4 else ipv6_of(ANNOUNCER)}:{PORT}"

    def find(index: int) -> bool:
        asker = askers[index % len(askers)]
        return wanted in ask(internet, asker, "find", key=key_of(ours[index]), until=[wanted])["peers"]

    assert side_by_side(find, range(COUNT)) == [True] * COUNT


@pytest.mark.parametrize("family", [4, 6])
def test_enforcing_nodes_store_what_bitboot_announces(
    internet: Lab, ours: Sequence[str], family: int
) -> None:
    """Of 20 swarms each node is among the 8 closest to some; it refuses whose id does not fit (BEP 42)."""
    address = PUBLIC[ANNOUNCER] if family == 4 else ipv6_of(ANNOUNCER)
    keys = [key_of(swarm) for swarm in ours]
    hosts = sorted(host for host in ENFORCING if family == 4 or host in DUAL_STACK)
    held = {host: ask(internet, host, "holds", keys=keys)["peers"] for host in hosts}
    stored = {
        host: sum(f"{address}:{PORT}" in peers for peers in swarms.values()) for host, swarms in held.items()
    }
    assert all(stored.values()), stored


@pytest.mark.parametrize("host", ["lossy1", "small1"])
def test_a_lossy_and_a_narrow_home_are_found(internet: Lab, host: str) -> None:
    names = [f"{host}-{index}" for index in range(COUNT)]
    process = start_command(internet, host, f"{host}-announce", "announce", *names, "--port", str(PORT))
    wait_for(lambda: set(announced(internet, f"{host}-announce")) == set(names), "the announcements")
    askers = list(BITBOOT)

    def find(index: int) -> list[str]:
        found: list[str] = ask(internet, askers[index % len(askers)], "find", swarm=names[index])["peers"]
        return found

    assert side_by_side(find, range(COUNT)) == [[f"{OUTSIDE[host]}:{PORT}"]] * COUNT
    assert process.stop() == 0
