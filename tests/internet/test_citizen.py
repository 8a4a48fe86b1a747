"""Nodes behind NATs are read-only, in nobody's table, and serve once strangers get through (BEP 43)."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from .lab import Lab, wait_for
from .nodes import ENOUGH, PROGRAMS, answers_ping, ask, side_by_side, start_bitboot, start_public_nodes
from .topology import BITBOOT, LIBTORRENT, NODE_PORT, OUTSIDE, PUBLIC

pytestmark = pytest.mark.slow

HOMES = ("cone1", "random1", "cgn1", "lan1", "short1")
CRAWLER = "free3"


@pytest.fixture(scope="module")
def network(lab: Lab) -> Lab:
    start_public_nodes(lab)
    for host in HOMES:
        start_bitboot(lab, host, listen=f":{NODE_PORT}")
    return lab


def test_they_look_up_and_get_into_nobodys_table(network: Lab) -> None:
    side_by_side(lambda host: ask(network, host, "find", swarm="nobody"), HOMES)
    public = {**LIBTORRENT, **BITBOOT}
    crawl = [sys.executable, str(PROGRAMS / "known.py"), PUBLIC[CRAWLER], *public.values()]
    known = json.loads(network.call(CRAWLER, *crawl).splitlines()[-1])
    for host, address in public.items():
        contacts = {contact.rsplit(":", 1)[0] for contact in known[address]}
        assert len(contacts) >= ENOUGH // 2, f"{host} has told whom it knows"
        assert not contacts & {OUTSIDE[home] for home in HOMES}, host


def test_they_announce_and_are_found(network: Lab) -> None:
    side_by_side(lambda host: ask(network, host, "announce", swarm=host, port=7000), HOMES)
    found = side_by_side(lambda host: ask(network, "bb0", "find", swarm=host)["peers"], HOMES)
    assert found == [[f"{OUTSIDE[host]}:7000"] for host in HOMES]
    known = [contact for host in BITBOOT for contact in ask(network, host, "status")["contacts"]]
    assert not {contact.rsplit(":", 1)[0] for contact in known} & {OUTSIDE[home] for home in HOMES}


def test_they_answer_nobody_not_even_whom_they_have_written_to(network: Lab) -> None:
    host = next(iter(BITBOOT))
    assert ask(network, "cone1", "status")["serves"] == [6]  # no way to the internet there, so no NAT either
    assert not ask(network, host, "reach", places=[(OUTSIDE["cone1"], NODE_PORT)])["answered"]


def test_public_nodes_serve_from_the_start(network: Lab) -> None:
    for host in BITBOOT:
        assert ask(network, host, "status")["serves"] == [4, 6]
    assert all(side_by_side(lambda address: answers_ping(network, "free2", address), BITBOOT.values()))


@pytest.mark.skipif(shutil.which("miniupnpd") is None, reason="NO ROUTER TO ASK: apt install miniupnpd")
def test_behind_a_port_that_the_router_was_asked_to_open_it_serves(network: Lab) -> None:
    port = 7002
    node = start_bitboot(network, "upnp1", listen=f":{port}", map_ports=True)
    wait_for(lambda: 4 in ask(network, "upnp1", "status")["serves"], "the router to open the port")
    wait_for(lambda: ask(network, "upnp1", "status")["contacts"][ENOUGH:], "upnp1's contacts")
    assert answers_ping(network, "free2", OUTSIDE["upnp1"], port)
    node.stop()


def test_behind_a_forwarded_port_it_serves_when_a_stranger_has_called(network: Lab) -> None:
    port = 7001
    network.nft(
        "upnp",
        f"""table ip forward {{
          chain in {{
            type nat hook prerouting priority -90
            iifname "wan" udp dport {port} dnat to 192.168.5.10:{port}
          }}
        }}
        """,
    )
    start_bitboot(network, "upnp1", listen=f":{port}", node={"nat_memory": 0})
    wait_for(lambda: ask(network, "upnp1", "status")["contacts"][ENOUGH:], "upnp1's contacts")
    assert 4 not in ask(network, "upnp1", "status")["serves"]
    assert answers_ping(network, "free2", OUTSIDE["upnp1"], port)
    assert 4 in ask(network, "upnp1", "status")["serves"]
    assert ask(network, "upnp1", "status")["places"]["4"][0] == "open"
    assert ask(network, "bb0", "reach", places=[(OUTSIDE["upnp1"], port)])["answered"]
