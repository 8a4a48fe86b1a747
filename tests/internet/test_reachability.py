"""What a node says of whether it can be reached, at homes of each kind; what `bitboot doctor` says there."""

from __future__ import annotations

import pytest

from .lab import Lab, wait_for
from .nodes import BITBOOT_COMMAND, ask, events, start_bitboot, start_command, start_public_nodes
from .topology import BITBOOT, IPV6_HOST, OUTSIDE, PUBLIC

pytestmark = pytest.mark.slow

PORT = 7001


@pytest.fixture(scope="module")
def network(lab: Lab) -> Lab:
    start_public_nodes(lab)
    return lab


@pytest.mark.parametrize(
    ("host", "places"),
    [
        ("free0", {"4": ["open", f"{PUBLIC['free0']}:{PORT}"]}),
        ("cone1", {"4": ["cone", f"{OUTSIDE['cone1']}:{PORT}"]}),
        ("cgn1", {"4": ["cone", f"{OUTSIDE['cgn1']}:{PORT}"]}),
        ("random1", {"4": ["symmetric", f"{OUTSIDE['random1']}:0"]}),
        (
            "six1",
            {"4": ["cone", f"{OUTSIDE['six1']}:{PORT}"], "6": ["open", f"[{IPV6_HOST}]:{PORT}"]},
        ),
    ],
)
def test_a_node_knows_its_place(network: Lab, host: str, places: dict[str, list[str]]) -> None:
    node = start_bitboot(network, host, listen=f":{PORT}")

    def is_known() -> bool:
        ask(network, host, "find", swarm="nobody")  # whoever answers says where it sees us
        found = ask(network, host, "status")["places"]
        return {family: found[family] for family in places} == places

    wait_for(is_known, f"{host} to know its place")
    node.stop()


def test_announce_tells_of_it(network: Lab) -> None:
    process = start_command(network, "random1", "told", "announce", "somebody", "--port", "30009")

    def told() -> list[str]:
        found = events(network.log_of("told").read_text())
        return [event["reachability"] for event in found if event["event"] == "reachability"]

    wait_for(told, "the event")
    assert process.stop() == 0
    assert told() == ["symmetric"]


def test_where_nothing_gets_out(network: Lab) -> None:
    network.nft("lan", "table inet shut { chain out { type filter hook forward priority 0; policy drop; }; }")
    node = start_bitboot(network, "lan1", listen=f":{PORT}")
    wait_for(lambda: ask(network, "lan1", "status")["places"]["4"] == ["blocked", None], "lan1 to know")
    node.stop()


def test_the_doctor_tells_each_ip_version_and_is_in_nobodys_table(network: Lab) -> None:
    output = network.call("six1", *BITBOOT_COMMAND, "doctor", "--listen", f":{PORT + 1}", "--json")
    checks = {event["check"]: event for event in events(output) if event["event"] == "check"}
    found = {name: checks[f"{name} reachability"] for name in ("IPv4", "IPv6")}
    assert (found["IPv4"]["status"], found["IPv6"]["status"]) == ("warning", "ok")
    assert f"others see it at {OUTSIDE['six1']}:{PORT + 1}" in found["IPv4"]["message"]
    assert IPV6_HOST in found["IPv6"]["message"]
    known = [contact for host in BITBOOT for contact in ask(network, host, "status")["contacts"]]
    assert known
    assert not {f"{OUTSIDE['six1']}:{PORT + 1}", f"{IPV6_HOST}:{PORT + 1}"} & set(known)
