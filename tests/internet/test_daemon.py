"""`bitboot serve` at a home: programs that announce through it are found from elsewhere, and find others."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .lab import Lab, wait_for
from .nodes import BITBOOT_COMMAND, ask, lookup, side_by_side, start_few_nodes
from .topology import OUTSIDE, PUBLIC

pytestmark = pytest.mark.slow

PORT = 7001
PLACES = {
    "cone1": ("cone", f"{OUTSIDE['cone1']}:{PORT}"),
    "random1": ("symmetric", f"{OUTSIDE['random1']}:0"),
}
"""The homes where a daemon runs, and what its status says of each: whether others reach it, and where."""


class Connection(http.client.HTTPConnection):
    """A program's, to the daemon of its machine. Where it runs does not matter: the socket is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__("daemon", timeout=30)
        self._path = path

    def connect(self) -> None:
        """To the socket."""
        self.sock = socket.socket(socket.AF_UNIX)  # which `close` closes, connected or not
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class Daemon:
    """One that serves on a host."""

    path: Path

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        """What it answers."""
        with closing(Connection(self.path)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer = response.read().decode()
        assert response.status < 300, answer
        return answer

    def network(self) -> dict[str, Any]:
        """How its only network is doing."""
        (found,) = json.loads(self.request("GET", "/v1/status"))["networks"]
        return dict(found)

    def found(self, swarm: str) -> list[str]:
        """The peers that a lookup through it finds."""
        records = [
            json.loads(line) for line in self.request("POST", "/v1/lookups", {"swarm": swarm}).splitlines()
        ]
        assert records[-1]["event"] == "end", records
        return [f"{one['host']}:{one['port']}" for one in records if one["event"] == "peer"]


@dataclass(frozen=True)
class Served:
    """The daemons by host, and the contacts that all start from."""

    lab: Lab
    daemons: Mapping[str, Daemon]
    bootstrap: list[str]


@pytest.fixture(scope="module")
def served(lab: Lab) -> Iterator[Served]:
    bootstrap = start_few_nodes(lab)
    daemons, processes = {}, []
    for host in PLACES:
        daemons[host] = Daemon(lab.folder / "control" / f"{host}-serve")
        command = ["serve", "--network", "mainline", "--listen", f":{PORT}", "--bootstrap", *bootstrap]
        command += ["--socket", str(daemons[host].path)]
        processes.append(lab.start(host, *BITBOOT_COMMAND, *command, label=f"{host}-serve"))

    def is_in_touch(host: str) -> bool:
        try:
            return bool(daemons[host].network()["state"] == "ready")
        except OSError:
            return False

    for host in PLACES:
        wait_for(lambda: is_in_touch(host), f"the daemon on {host}")  # noqa: B023 - is called here and now
    yield Served(lab, daemons, bootstrap)
    assert [process.stop() for process in processes] == [0] * len(processes)


@pytest.mark.parametrize("host", PLACES)
def test_the_status_says_whether_others_reach_it(served: Served, host: str) -> None:
    daemon, (reachability, outside) = served.daemons[host], PLACES[host]

    def is_known() -> bool:
        daemon.found("nobody")  # whoever answers says where it sees us
        expected = {"family": 4, "reachability": reachability, "outside": outside}
        return expected in daemon.network()["reachability"]

    wait_for(is_known, f"{host} to know its place")


def test_who_announces_through_it_is_found_from_elsewhere(served: Served) -> None:
    wish = {"swarm": "through the daemon", "port": 0}  # the node's own
    made = json.loads(served.daemons["cone1"].request("POST", "/v1/announcements", wish))
    own = f"/v1/announcements/{made['id']}"

    def is_stored() -> bool:
        record = json.loads(served.daemons["cone1"].request("GET", own))
        return all(network["stored_on"] for network in record["networks"])

    wait_for(is_stored, "the announcement")
    mine = [f"{OUTSIDE['cone1']}:{PORT}"]
    lookups = [
        lambda: lookup(served.lab, "free1", "through the daemon", "--bootstrap", *served.bootstrap),
        lambda: served.daemons["random1"].found("through the daemon"),
    ]
    assert side_by_side(lambda found: found(), lookups) == [mine, mine]
    served.daemons["cone1"].request("DELETE", own)


def test_who_announces_elsewhere_is_found_through_it(served: Served) -> None:
    ask(served.lab, "bb3", "announce", swarm="elsewhere", port=30_000)
    wanted = f"{PUBLIC['bb3']}:30000"
    for host, daemon in served.daemons.items():
        assert wanted in daemon.found("elsewhere"), host
