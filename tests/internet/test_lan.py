"""Machines of one house whose router is unplugged: they find each other, and BitTorrent clients too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from .changes import pull
from .lab import Lab, wait_for
from .nodes import (
    BITBOOT_COMMAND,
    PROGRAMS,
    announced,
    ask,
    events,
    key_of,
    side_by_side,
    start_bitboot,
    start_command,
)
from .process import Process
from .topology import HOMES, OFFICE, home_network

pytestmark = pytest.mark.slow

ADDRESSES = {
    host: f"{home_network(home)}.{10 + index}" for home in HOMES for index, host in enumerate(home.hosts)
}
HOUSE = OFFICE[:5]
LAN = ("--network", "lan")


@pytest.fixture(scope="module")
def unplugged(lab: Lab) -> Lab:
    """The homes `lan` and `office` have no internet, and no public node runs."""
    pull(lab, "lan")
    pull(lab, "office")
    return lab


@contextmanager
def announcing(lab: Lab, host: str, swarm: str, port: int, *options: str) -> Iterator[None]:
    """A program that announces a port there, once it has done so."""
    label = f"{host}-announce-{swarm}"
    program = start_command(lab, host, label, "announce", swarm, "--port", str(port), *options)
    try:
        wait_for(lambda: announced(lab, label) == [swarm], f"{label} to announce")
        yield
    finally:
        program.stop()


def test_two_machines_find_each_other_with_the_router_unplugged(unplugged: Lab) -> None:
    with (
        announcing(unplugged, "lan1", "house", 7001, *LAN),
        announcing(unplugged, "lan2", "house", 7001, *LAN),
    ):
        both = [f"{ADDRESSES[host]}:7001" for host in ("lan1", "lan2")]
        for host in ("lan1", "lan2"):
            assert seen(unplugged, host, "house") == both
    assert seen(unplugged, "lan1", "house") == [], "they said goodbye"


def seen(lab: Lab, host: str, swarm: str) -> list[str]:
    """The IPv4 peers that a lookup finds there. It ends well, nobody found or not."""
    output = lab.call(host, *BITBOOT_COMMAND, "lookup", swarm, "--json", *LAN, label=f"{host}-lookup")
    told = events(output)
    assert told[-1]["event"] == "done", output
    print(f"{swarm} on {host}: looked up in {told[-1]['seconds']} s")
    found = [event for event in told if event["event"] == "peer" and ":" not in event["host"]]
    return sorted(f"{event['host']}:{event['port']}" for event in found)


def test_a_libtorrent_client_finds_ours_and_is_found(unplugged: Lab) -> None:
    """One on each machine, so that they share the group's port with us too."""
    lab, swarm = unplugged, "a torrent"
    watch = start_command(lab, "lan1", "watch", "watch", swarm, *LAN)
    clients: list[Process] = []
    try:
        with announcing(lab, "lan1", swarm, 7001, *LAN):
            for number, host in enumerate(("lan1", "lan2")):
                client = str(PROGRAMS / "lsd_node.py")
                command = (BITBOOT_COMMAND[0], client, key_of(swarm), str(6900 + number))
                clients.append(lab.start(host, *command, label=f"lsd-{host}"))
            for host in ("lan1", "lan2"):
                wait_for(partial(_client_has_found_ours, lab, host), f"libtorrent on {host} to find ours")
            wanted = {f"{ADDRESSES['lan1']}:6900", f"{ADDRESSES['lan2']}:6901"}
            wait_for(lambda: wanted <= _joined(lab, "watch"), "libtorrent to be found")
    finally:
        for program in (watch, *clients):
            program.stop()


def _client_has_found_ours(lab: Lab, host: str) -> bool:
    return f"{ADDRESSES['lan1']}:7001" in lab.log_of(f"lsd-{host}").read_text().split()


def _joined(lab: Lab, label: str) -> set[str]:
    told = events(lab.log_of(label).read_text())
    return {f"{event['host']}:{event['port']}" for event in told if event["event"] == "peer-joined"}


def test_a_house_forms_a_mainline_swarm_with_no_contact_given(unplugged: Lab) -> None:
    """Five machines that start at once, each with mainline's own contacts, of which none can be reached."""
    for host in HOUSE:
        start_bitboot(unplugged, host, network=["mainline", "lan"], timeout=60)
    side_by_side(
        lambda host: wait_for(
            lambda: ask(unplugged, host, "status")["contacts"], f"{host} to know another node"
        ),
        HOUSE,
    )
    side_by_side(lambda host: ask(unplugged, host, "announce", swarm="house", port=7000), HOUSE)
    wanted = sorted(f"{ADDRESSES[host]}:7000" for host in HOUSE)

    def finds_all(host: str) -> bool:
        found = ask(unplugged, host, "find", swarm="house", source="mainline")["peers"]
        return [peer for peer in found if peer.startswith("192.168.")] == wanted

    side_by_side(lambda host: wait_for(lambda: finds_all(host), f"{host} to find all on mainline"), HOUSE)


def test_an_address_that_changes_is_announced_anew(unplugged: Lab) -> None:
    with announcing(unplugged, "full1", "moving", 7001, *LAN):
        assert seen(unplugged, "full2", "moving") == [f"{ADDRESSES['full1']}:7001"]
        new = ADDRESSES["full1"].rpartition(".")[0] + ".77"
        unplugged.ip("full1", "addr", "del", f"{ADDRESSES['full1']}/24", "dev", "eth0")
        unplugged.ip("full1", "addr", "add", f"{new}/24", "dev", "eth0")
        wait_for(lambda: f"{new}:7001" in seen(unplugged, "full2", "moving"), "the new address")


def test_without_ipv4_they_find_each_other_by_link_local_addresses(unplugged: Lab) -> None:
    for host in ("lan1", "lan2"):
        unplugged.ip(host, "-4", "addr", "flush", "dev", "eth0")
    with announcing(unplugged, "lan1", "six", 7001, *LAN):
        output = unplugged.call("lan2", *BITBOOT_COMMAND, "lookup", "six", "--json", *LAN)
    (peer,) = [event for event in events(output) if event["event"] == "peer"]
    assert peer["host"].startswith("fe80::")
    assert peer["host"].endswith("%eth0")
    assert peer["port"] == 7001


def test_two_programs_on_a_machine_without_a_network_find_each_other(unplugged: Lab) -> None:
    unplugged.ip("free1", "link", "set", "eth0", "down")
    unplugged.ip("free1", "addr", "flush", "dev", "eth0")
    with announcing(unplugged, "free1", "machine", 7001, *LAN):
        assert seen(unplugged, "free1", "machine") == ["127.0.0.1:7001"]
