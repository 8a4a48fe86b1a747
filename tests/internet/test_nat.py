"""What docs/nat.md shows: who is found behind which router, who is reached there, and who can meet whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .lab import Lab, wait_for
from .nodes import answers_ping, ask, lookup, side_by_side, start_bitboot, start_public_nodes
from .topology import IPV6_HOST, NODE_PORT, OUTSIDE, PUBLIC, ipv6_of

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "nat.md").read_text(encoding="utf-8")
KINDS = {
    "free1": "public",
    "full1": "full cone",
    "cone1": "cone",
    "cgn1": "carrier-grade",
    "random1": "symmetric",
}
"""A host for each kind of router that two members may meet through, from the easiest to the hardest."""

ADDRESS = {**PUBLIC, **OUTSIDE}
MEMBERS = [*KINDS, "short1", "full2", "lan1", "lan2", "six1"]
PORTS = {member: 7001 + index for index, member in enumerate(MEMBERS)}
FORWARDED = 7001
Place = tuple[str, int]


@pytest.fixture(scope="module")
def listed(lab: Lab) -> Iterator[list[Place]]:
    """What a lookup from outside finds: each member has announced the port of its own socket (BEP 5)."""
    start_public_nodes(lab)
    nodes = [start_bitboot(lab, member, listen=f":{PORTS[member]}") for member in MEMBERS]

    def announce(member: str) -> None:
        wait_for(lambda: ADDRESS[member] in ask(lab, member, "status")["outside"], f"{member}'s address")
        ask(lab, member, "announce", swarm="meeting", port=0)

    side_by_side(announce, MEMBERS)
    found = (peer.rsplit(":", 1) for peer in lookup(lab, "free0", "meeting"))
    yield [(host, int(port)) for host, port in found]
    for node in nodes:
        node.stop()


def places(listed: list[Place], member: str) -> list[Place]:
    """Where a member is listed. All homes but `random` keep the port, which tells two hosts of one apart."""
    mine = [place for place in listed if place[0] == ADDRESS[member]]
    return [place for place in mine if place[1] == PORTS[member]] or mine


def row(*cells: str) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def word(it_is_so: bool) -> str:
    return "yes" if it_is_so else "no"


def is_reached(lab: Lab, member: str, stranger: str, places: list[Place]) -> bool:
    """Whether a stranger's query comes in. Behind a NAT the node answers none (BEP 43)."""
    side_by_side(lambda place: answers_ping(lab, stranger, *place), places)
    return PUBLIC[stranger] in ask(lab, member, "callers")["hosts"]


@pytest.mark.parametrize(
    ("member", "router"),
    [
        ("free1", "none: a public address"),
        ("full1", "full cone"),
        ("cone1", "cone, the usual kind"),
        ("short1", "cone that forgets UDP after 30 s"),
        ("cgn1", "carrier-grade: two cones, one after the other"),
        ("random1", "symmetric: another outside port for each destination"),
    ],
)
def test_found_and_reached(lab: Lab, listed: list[Place], member: str, router: str) -> None:
    mine = places(listed, member)
    everybody = set(ask(lab, member, "find", swarm="meeting")["peers"])
    finds = {f"{PUBLIC['free1']}:{PORTS['free1']}", f"{ADDRESS['full1']}:{PORTS['full1']}"} <= everybody
    at = "its own port" if [port for _, port in mine] == [PORTS[member]] else "several ports"
    reached = is_reached(lab, member, "free3", mine)
    assert row(router, word(finds), f"{word(bool(mine))}, at {at}", word(reached)) in PAGE


def test_ipv6_behind_a_firewall(lab: Lab, listed: list[Place]) -> None:
    listed_there = (IPV6_HOST, PORTS["six1"]) in listed
    reached = answers_ping(lab, "free0", IPV6_HOST, PORTS["six1"])
    # A firewall forgets after 30 s whom it saw exchange two datagrams, so both are written now.
    wrote = ask(lab, "six1", "reach", places=[(ipv6_of("bb0"), NODE_PORT)])["answered"]
    met = ask(lab, "bb0", "reach", places=[(IPV6_HOST, PORTS["six1"])])["answered"]
    assert listed_there
    assert not reached
    assert wrote
    assert met


def test_a_forwarded_port(lab: Lab) -> None:
    node = start_bitboot(lab, "upnp1", listen=f":{FORWARDED}")
    wait_for(lambda: ask(lab, "upnp1", "status")["contacts"], "the node")
    place = ADDRESS["upnp1"], FORWARDED
    before = is_reached(lab, "upnp1", "free3", [place])
    lab.nft(
        "upnp",
        f"""table ip forward {{
          chain in {{
            type nat hook prerouting priority -90
            iifname "wan" udp dport {FORWARDED} dnat to 192.168.5.10:{FORWARDED}
          }}
        }}
        """,
    )
    after = is_reached(lab, "upnp1", "free3", [place])
    assert row("cone, with the port forwarded", "yes", "yes, at its own port", word(after)) in PAGE
    assert (before, after) == (False, True)
    node.stop()


def meet(lab: Lab, listed: list[Place], one: str, other: str) -> bool:
    """Whether something arrives where both send to where the other is listed, from the sockets announced."""
    for member in (one, other):
        ask(lab, member, "callers")
    with ThreadPoolExecutor(2) as pool:
        there = pool.submit(ask, lab, one, "reach", places=places(listed, other))
        back = pool.submit(ask, lab, other, "reach", places=places(listed, one))
        there.result(), back.result()
    arrived = [*ask(lab, one, "callers")["hosts"], *ask(lab, other, "callers")["hosts"]]
    return any(host in {ADDRESS[one], ADDRESS[other]} or host.startswith("192.168.") for host in arrived)


def test_who_meets_whom(lab: Lab, listed: list[Place]) -> None:
    pairs = list(itertools.combinations(KINDS, 2))
    results = [meet(lab, listed, *pair) for pair in pairs]
    met = dict(zip(pairs, results, strict=True))
    rows = [row("", *KINDS.values())]
    for one, router in KINDS.items():
        cells = []
        for other in KINDS:
            pair = (one, other) if (one, other) in met else (other, one)
            cells.append("" if one == other else word(met[pair]))
        rows.append(row(f"**{router}**", *cells))
    assert [line for line in rows if line not in PAGE] == []


@pytest.mark.parametrize(
    ("one", "other", "router"),
    [("lan1", "lan2", "does not lead back in"), ("full1", "full2", "leads back in (hairpin)")],
)
def test_two_on_one_lan(lab: Lab, listed: list[Place], one: str, other: str, router: str) -> None:
    found = f"{ADDRESS[other]}:{PORTS[other]}" in ask(lab, one, "find", swarm="meeting")["peers"]
    assert row(router, word(found), word(meet(lab, listed, one, other))) in PAGE
