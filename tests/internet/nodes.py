"""Nodes on the lab's hosts: started, and asked over their control sockets."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .lab import PATIENCE, Lab, wait_for
from .process import Process
from .topology import BITBOOT, DUAL_STACK, ENFORCING, LIBTORRENT, NODE_PORT, PUBLIC, ipv6_of

PROGRAMS = Path(__file__).resolve().parent / "programs"
BITBOOT_COMMAND = (sys.executable, "-m", "bitboot_core")
Item = TypeVar("Item")
Result = TypeVar("Result")

ENOUGH = 8
"""Contacts: as many as a DHT reply holds."""


def start_libtorrent(lab: Lab, host: str, label: str | None = None) -> Process:
    """Start libtorrent on a host with its defaults, and as `topology` says. `label`: what to `ask` it by."""
    label = label or host
    options = ["enforce"] * (host in ENFORCING) + ["v6"] * (host in DUAL_STACK)
    command = [sys.executable, str(PROGRAMS / "lt_node.py"), str(_control(lab, label)), *options]
    return lab.start(host, *command, label=label)


def start_bitboot(lab: Lab, host: str, label: str | None = None, **settings: Any) -> Process:
    """Start a Bitboot node on a host, with its defaults or some settings of `BitBoot(...)`."""
    label = label or host
    command = [sys.executable, str(PROGRAMS / "bb_node.py"), str(_control(lab, label)), json.dumps(settings)]
    return lab.start(host, *command, label=label)


def start_command(lab: Lab, host: str, label: str, *arguments: str) -> Process:
    """Start `bitboot --json` on a host; what `-v` tells is in its log too."""
    command, *rest = arguments
    return lab.start(host, *BITBOOT_COMMAND, command, *rest, "--json", "-v", label=label)


def ask(lab: Lab, host: str, op: str, /, timeout: float = PATIENCE, **request: Any) -> dict[str, Any]:
    """Have the node on a host, or of that label, do something: see `programs`. Waits for one that starts."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(timeout)
        path = str(_control(lab, host))
        wait_for(lambda: control.connect_ex(path) == 0, f"the node on {host}")
        control.sendall(json.dumps({"op": op, **request}).encode() + b"\n")
        with control.makefile() as answer:
            result: dict[str, Any] = json.loads(answer.readline())
    if "error" in result:
        raise RuntimeError(f"{host}, {op}: {result['error']}")
    return result


def lookup(lab: Lab, host: str, swarm: str, *options: str, label: str | None = None) -> list[str]:
    """The peers that a `bitboot lookup` on a host finds, with nothing kept but what `label` says."""
    label = label or f"{host}-lookup-{swarm}"
    output = lab.call(host, *BITBOOT_COMMAND, "lookup", swarm, "--json", *options, label=label)
    return sorted(f"{event['host']}:{event['port']}" for event in events(output) if event["event"] == "peer")


def events(output: str) -> list[dict[str, Any]]:
    """What `bitboot --json` printed."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{") and line.endswith("}")]


def announced(lab: Lab, label: str) -> list[str]:
    """The swarm of each announcement that a `bitboot --json` with this label has told of so far."""
    told = events(lab.log_of(label).read_text())
    return [event["swarm"] for event in told if event["event"] == "announced"]


def answers_ping(lab: Lab, host: str, address: str, port: int = NODE_PORT) -> bool:
    """Whether a DHT node answers to a stranger's ping from a host (BEP 5)."""
    return "answered" in lab.call(host, sys.executable, str(PROGRAMS / "ping.py"), address, str(port))


def key_of(swarm: str) -> str:
    """What libtorrent announces and looks up for a swarm: its info-hash, in hex."""
    return hashlib.sha1(swarm.encode()).hexdigest()


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do the same with each, several at a time; the results in the order of the items."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(work, items))


def start_public_nodes(lab: Lab, **settings: Any) -> None:
    """Start them, those of Bitboot with some settings, and return when they know each other.

    The dead hosts fall silent then.
    """
    stock = [*LIBTORRENT, *lab.dead]
    processes = {host: start_libtorrent(lab, host) for host in stock}
    _introduce(lab, stock)
    _wait(stock, lambda host: len(ask(lab, host, "status")["outside"]) == 1 + (host in DUAL_STACK), "itself")
    _introduce(lab, stock)  # again, as only now they have ids that fit their addresses (BEP 42)
    for host in BITBOOT:
        start_bitboot(lab, host, listen=f":{NODE_PORT}", **settings)
    _wait(stock, lambda host: ask(lab, host, "status")["contacts"] >= ENOUGH, "others")
    _wait(BITBOOT, lambda host: len(ask(lab, host, "status")["contacts"]) >= ENOUGH, "others")
    for host in lab.dead:
        # Not just ended: a host that is up would say that nobody listens there.
        lab.nft(host, "table inet dead { chain in { type filter hook input priority 0; policy drop; }; }")
        processes[host].kill()


def start_few_nodes(lab: Lab) -> list[str]:
    """Start the public nodes of Bitboot alone, in seconds; one to bootstrap from, which knows all others."""
    first = next(iter(BITBOOT))
    bootstrap = [f"{PUBLIC[first]}:{NODE_PORT}"]
    for host in BITBOOT:
        start_bitboot(lab, host, listen=f":{NODE_PORT}", bootstrap=[] if host == first else bootstrap)
    _wait([first], lambda host: len(ask(lab, host, "status")["contacts"]) >= len(BITBOOT) - 1, "all others")
    _wait(BITBOOT, lambda host: ask(lab, host, "status")["contacts"], "others")
    return bootstrap


def _introduce(lab: Lab, hosts: Sequence[str]) -> None:
    """Tell each node of all others. With the bootstrap names alone libtorrent takes minutes to know them."""
    addresses = {**PUBLIC, **lab.dead}

    def tell(host: str) -> None:
        others = [(addresses[other], NODE_PORT) for other in hosts if other != host]
        if host in DUAL_STACK:
            others += [(ipv6_of(other), NODE_PORT) for other in hosts if other in DUAL_STACK - {host}]
        ask(lab, host, "add", nodes=others)

    side_by_side(tell, hosts)


def _wait(hosts: Iterable[str], condition: Callable[[str], bool], what: str) -> None:
    side_by_side(lambda host: wait_for(partial(condition, host), f"{host} to know {what}"), hosts)


def _control(lab: Lab, host: str) -> Path:
    return lab.folder / "control" / host
