"""Ports that a real router (miniupnpd) is asked to open: strangers reach them, until they are closed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from .lab import PATIENCE, Lab, wait_for
from .nodes import BITBOOT_COMMAND, PROGRAMS, answers_ping, events, lookup, start_command, start_public_nodes
from .process import Process
from .topology import IPV6_HOST, OUTSIDE

pytestmark = pytest.mark.slow

PORT = 7001
AT_ONCE = 0.3
"""Seconds to wait for what is not to come."""
PAGE = (Path(__file__).parents[2] / "docs" / "nat.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The page's block of code about mapping ports."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [one for one in blocks if "map" in one]
    return str(found)


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


def called(lab: Lab, host: str, address: str, seconds: float) -> list[str]:
    """The transports by which a stranger reaches it."""
    command = [sys.executable, str(PROGRAMS / "call.py"), address, str(PORT), str(seconds)]
    return lab.call(host, *command).split()


def opened(lab: Lab, router: str) -> list[str]:
    """What a router forwards and lets in, by its own rules."""
    chains = (("filter", "prerouting_miniupnpd"), ("home", "miniupnpd"))
    rules = "".join(lab.call(router, "nft", "list", "chain", "inet", *chain) for chain in chains)
    return [line for line in rules.splitlines() if f"{PORT}" in line]


CONE = "| cone that speaks PCP, NAT-PMP and UPnP | `pcp`, `nat-pmp` or `upnp` | yes |"
SIX = "| firewall of IPv6 that speaks PCP and UPnP | `pcp` or `upnp-ipv6` | yes |"


@pytest.mark.parametrize(
    ("host", "method", "row"),
    [
        ("upnp1", "pcp", CONE),
        ("upnp1", "nat-pmp", CONE),
        ("upnp1", "upnp", CONE),
        ("six1", "upnp-ipv6", SIX),
    ],
)
def test_a_stranger_reaches_it_as_long_as_it_is_open(lab: Lab, host: str, method: str, row: str) -> None:
    address, stranger = (IPV6_HOST, "free0") if host == "six1" else (OUTSIDE[host], "free3")
    process, told = start_mapped(lab, host, method)
    assert (told["error"], told["method"]) == (None, method)
    assert told["externals"] == [[address, PORT]]
    assert 7100 < told["expires_in"] <= 7200
    assert called(lab, stranger, address, PATIENCE) == ["tcp", "udp"]
    router = host.rstrip("1")
    assert opened(lab, router)
    assert process.stop() == 0
    assert called(lab, stranger, address, AT_ONCE) == []
    assert opened(lab, router) == []
    assert row in PAGE
    print(f"{method}: open after {told['seconds']:.3f} s")


@pytest.mark.parametrize(
    ("host", "method", "error", "row"),
    [
        (
            "cone1",
            "pcp",
            "NoRouterAnswered('no router opens ports",
            "| cone that speaks none of them | none | no |",
        ),
        # miniupnpd opens nothing where its own outside address is private.
        (
            "cgn1",
            "nat-pmp",
            "PortMappingFailed('the router did not open the port: nat-pmp: 192.168.3.1 says: "
            "it has no outside address",
            "the carrier's NAT follows | none: it says that it has no outside address | no |",
        ),
    ],
)
def test_where_the_router_opens_none(lab: Lab, host: str, method: str, error: str, row: str) -> None:
    process, told = start_mapped(lab, host, method)
    assert told["externals"] == []
    assert told["error"].startswith(error)
    assert called(lab, "free3", OUTSIDE[host], AT_ONCE) == []
    assert process.stop() == 0
    assert row in PAGE


def test_both_ip_versions_at_once(lab: Lab) -> None:
    output = lab.call("six1", sys.executable, str(PROGRAMS / "mapped.py"), "pcp", str(PORT), "until-both")
    assert json.loads(output)["externals"] == [[OUTSIDE["six1"], PORT], [IPV6_HOST, PORT]]


def test_the_page_s_program(lab: Lab) -> None:
    output = lab.call("upnp1", sys.executable, "-c", block("python"))
    assert output == f"open at {OUTSIDE['upnp1']}:{PORT} by pcp\n"


def test_the_announcement_leads_to_it(lab: Lab) -> None:
    start_public_nodes(lab)
    program, *arguments = shlex.split(block("sh"))
    assert program == "bitboot"
    process = start_command(lab, "upnp1", "announcing", *arguments, "--listen", ":7002")

    def told(name: str) -> list[dict[str, Any]]:
        found = events(lab.log_of("announcing").read_text())
        return [event for event in found if event["event"] == name]

    wait_for(lambda: told("announced"), "the announcement")
    (mapped,) = told("port-mapped")
    assert (mapped["external"], mapped["method"]) == (f"{OUTSIDE['upnp1']}:{PORT}", "pcp")
    assert lookup(lab, "free0", "my-app/v1") == [mapped["external"]]
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
