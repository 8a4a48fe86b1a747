"""Ports that a real router (miniupnpd) is asked to open: strangers reach them, until they are closed."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import pytest

from .lab import Lab, wait_for
from .nodes import BITBOOT_COMMAND, PROGRAMS, answers_ping, events, lookup, start_command, start_public_nodes
from .process import Process
from .topology import IPV6_HOST, OUTSIDE

pytestmark = pytest.mark.slow

PORT = 7001


@pytest.fixture(autouse=True)
def _router() -> None:
    if shutil.which("miniupnpd") is None:
        pytest.skip("NO ROUTER TO ASK: not installed: apt install miniupnpd")


def start_mapped(lab: Lab, host: str, method: str) -> tuple[Process, dict[str, Any]]:
    """Start a program that asks for a port, and what came of it."""
    label = f"mapped-{host}-{method}"
    process = lab.start(host, sys.executable, str(PROGRAMS / "mapped.py"), method, str(PORT), label=label)
    log = lab.log_of(label)
    wait_for(lambda: log.read_text().endswith("}\n") or not process.is_running, f"{method} on {host}")
    told: dict[str, Any] = json.loads(log.read_text().splitlines()[-1])
    return process, told


def called(lab: Lab, address: str, port: int, host: str = "free3") -> list[str]:
    """The transports by which a stranger reaches it."""
    return lab.call(host, sys.executable, str(PROGRAMS / "call.py"), address, str(port)).split()


def opened(lab: Lab, router: str) -> list[str]:
    """What a router forwards and lets in, by its own rules."""
    chains = (("filter", "prerouting_miniupnpd"), ("home", "miniupnpd"))
    rules = "".join(lab.call(router, "nft", "list", "chain", "inet", *chain) for chain in chains)
    return [line for line in rules.splitlines() if f"{PORT}" in line]


@pytest.mark.parametrize(
    ("host", "method", "address", "stranger"),
    [
        ("upnp1", "pcp", OUTSIDE["upnp1"], "free3"),
        ("upnp1", "nat-pmp", OUTSIDE["upnp1"], "free3"),
        ("upnp1", "upnp", OUTSIDE["upnp1"], "free3"),
        ("six1", "upnp-ipv6", IPV6_HOST, "free0"),
    ],
)
def test_a_stranger_reaches_it_as_long_as_it_is_open(
    lab: Lab, host: str, method: str, address: str, stranger: str
) -> None:
    process, told = start_mapped(lab, host, method)
    assert (told["error"], told["method"]) == (None, method)
    assert told["externals"] == [[address, PORT]]
    assert 7100 < told["expires_in"] <= 7200
    assert called(lab, address, PORT, stranger) == ["tcp", "udp"]
    router = host.rstrip("1")
    assert opened(lab, router)
    assert process.stop() == 0
    assert called(lab, address, PORT, stranger) == []
    assert opened(lab, router) == []
    print(f"{method}: open after {told['seconds']:.3f} s")


@pytest.mark.parametrize(
    ("host", "method", "error", "words"),
    [
        ("cone1", "pcp", "NoRouterAnswered", "does not listen there"),
        # miniupnpd opens nothing where its own outside address is private.
        ("cgn1", "nat-pmp", "PortMappingFailed", "it has no outside address itself"),
    ],
)
def test_where_the_router_opens_none(lab: Lab, host: str, method: str, error: str, words: str) -> None:
    process, told = start_mapped(lab, host, method)
    assert told["externals"] == []
    assert told["error"].startswith(error)
    assert words in told["error"]
    assert process.stop() == 0


def test_the_announcement_leads_to_it(lab: Lab) -> None:
    start_public_nodes(lab)
    arguments = ["announce", "mapped", "--port", str(PORT), "--map-port", "--listen", ":7002"]
    process = start_command(lab, "upnp1", "announcing", *arguments)

    def told(name: str) -> list[dict[str, Any]]:
        found = events(lab.log_of("announcing").read_text())
        return [event for event in found if event["event"] == name]

    wait_for(lambda: told("announced"), "the announcement")
    (mapped,) = told("port-mapped")
    assert (mapped["external"], mapped["method"]) == (f"{OUTSIDE['upnp1']}:{PORT}", "pcp")
    assert lookup(lab, "free0", "mapped") == [mapped["external"]]
    assert process.stop() == 0


def test_the_nodes_own_port(lab: Lab) -> None:
    """`map_ports`: strangers call the node itself."""
    config = lab.folder / "map.toml"
    config.write_text(f'map_ports = true\nlisten = ":{PORT}"\n')
    process = start_command(lab, "upnp1", "node", "watch", "somebody", "--config", str(config))

    def places() -> list[str]:
        found = events(lab.log_of("node").read_text())
        return [event["reachability"] for event in found if event["event"] == "reachability"]

    wait_for(lambda: set(places()) & {"mapped", "open"}, "the node to know")
    assert answers_ping(lab, "free3", OUTSIDE["upnp1"], PORT)
    assert process.stop() == 0
    assert not answers_ping(lab, "free3", OUTSIDE["upnp1"], PORT)


def test_what_the_doctor_says(lab: Lab) -> None:
    output = lab.call("upnp1", *BITBOOT_COMMAND, "doctor", "--json")
    checks = {event["check"]: event for event in events(output) if event["event"] == "check"}
    router = checks["router"]
    assert router["status"] == "ok"
    assert f"by pcp, nat-pmp, upnp; its outside address is {OUTSIDE['upnp1']}" in router["message"]
