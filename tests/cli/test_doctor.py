"""`bitboot doctor`."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    BackendError,
    BackendSpec,
    BitBootConfig,
    BootstrapFailed,
    Capabilities,
    ConfigFile,
    HostNotFound,
    KnownHost,
    ListenFailed,
    Place,
    Reachability,
    Registry,
    Scope,
)
from bitboot_core._cli.checkup import machine as machine_checks
from bitboot_core._cli.checkup import network as network_checks
from bitboot_core._cli.checkup.network import NetworkCheckup
from bitboot_core._cli.report.checks import Check
from bitboot_core._networks import kept_contacts
from bitboot_core.networks import NetworkDefinition
from bitboot_core.testing import (
    FakeBackend,
    FakeDistribution,
    FakeEntryPoint,
    ManualClock,
    fails,
    hangs,
    plugin_module,
    spec_of,
)

from .conftest import Cli, Result, Served

PUBLIC = Capabilities(can_withdraw=False, announces=Announces.OWN_ADDRESS, scope=Scope.PUBLIC)
CONTACT = KnownHost("127.0.0.1", 9)


class Node(FakeBackend):
    """A node of a public network, with what it has counted and where others see it.

    Where they do, and what it knows of its place, it learns from its lookups alone, after so many of them.
    """

    def __init__(
        self,
        stats: Mapping[str, int] | None = None,
        seen_at: Sequence[str] = (),
        places: Mapping[int, Place] | None = None,
        *,
        after: int = 1,
        **acts: Any,
    ) -> None:
        super().__init__(capabilities=PUBLIC, **acts)
        self._stats, self._seen_at, self._places, self._after = stats or {}, seen_at, places or {}, after

    @property
    def knows(self) -> bool:
        return self.count("lookup") >= self._after

    def stats(self) -> Mapping[str, int]:
        return self._stats

    @property
    def seen_at(self) -> Sequence[str]:
        return self._seen_at if self.knows else ()

    @property
    def places(self) -> Mapping[int, Place]:
        return {
            family: place if self.knows else Place(Reachability.UNKNOWN)
            for family, place in self._places.items()
        }

    @property
    def address(self) -> KnownHost:
        return KnownHost("0.0.0.0", 40000)


def placed(reachability: Reachability, outside: KnownHost | None = None, **options: Any) -> Node:
    """A node that finds out that this is its place over IPv4."""
    return Node(places={4: Place(reachability, outside)}, **options)


OWN, ELSEWHERE = KnownHost("127.0.0.1", 7001), KnownHost("192.0.2.5", 7001)
V4 = "IPv4 reachability"


def statuses(result: Result) -> dict[str, str]:
    """How each check came out."""
    return {event["check"]: event["status"] for event in result.named("check")}


def message(result: Result, check: str) -> str:
    """What was told of a check, with its hint."""
    (found,) = (event for event in result.named("check") if event["check"] == check)
    return f"{found['message']} ({found['hint']})"


def test_on_a_network_of_this_machine_all_is_well(cli: Cli, contacts: Sequence[KnownHost]) -> None:
    options = [word for contact in contacts for word in ("--bootstrap", str(contact))]
    result = cli("doctor", "--listen", "127.0.0.1:0", *options, "--json")
    assert result.status == 0, result.out
    assert statuses(result) == {
        "version": "ok",
        "plugins": "ok",
        "configuration": "ok",
        "clock": "ok",
        "state folder": "ok",
        "listen": "ok",
        "bootstrap": "ok",
        "IPv4": "ok",
        "UDP": "ok",
        "outside": "unknown",
        "nodes": "ok",
    }
    assert message(result, "nodes").startswith("about "), "it has looked ids up by chance"
    assert len([event for event in result.named("check") if event["check"] == "bootstrap"]) == len(contacts)
    (verdict,) = result.named("verdict")
    assert result.events[-1] == verdict
    assert (verdict["status"], verdict["failed"], verdict["warnings"]) == ("ok", 0, 0)


def counted(stats: Mapping[str, int], **acts: Any) -> Node:
    return Node({"sent": 9, "received": 9, **stats}, **acts)


NODES = {"nodes_ipv4": 9812, "nodes_ipv4_low": 8900, "nodes_ipv4_high": 10_700}


@pytest.mark.parametrize(
    ("stats", "status", "told"),
    [
        (NODES, "ok", "about 9,812 nodes over IPv4 (8,900 to 10,700)"),
        (
            NODES | {"nodes_ipv6": 7, "nodes_ipv6_low": 5, "nodes_ipv6_high": 9},
            "ok",
            "about 9,812 nodes over IPv4 (8,900 to 10,700), about 7 nodes over IPv6 (5 to 9)",
        ),
        (dict.fromkeys(NODES, 0), "unknown", "too few nodes have answered"),
    ],
)
def test_how_many_nodes_there_are_is_told_where_the_backend_knows(
    cli: Cli, served: Served, stats: Mapping[str, int], status: str, told: str
) -> None:
    node = counted(stats)
    served.add("public", node, bootstrap=[CONTACT])
    result = cli("doctor", "--network", "public", "--json")
    assert statuses(result)["nodes"] == status
    assert message(result, "nodes").startswith(told)
    assert node.count("lookup") >= 16


def test_where_the_backend_does_not_estimate_it_nothing_is_asked_or_told(cli: Cli, served: Served) -> None:
    node = counted({})
    served.add("public", node, bootstrap=[CONTACT])
    assert "nodes" not in statuses(cli("doctor", "--network", "public", "--json"))
    assert node.count("lookup") < 16


def test_lookups_that_do_not_end_do_not_hold_it_up(cli: Cli, served: Served) -> None:
    served.add("public", counted(NODES, lookup=hangs()), bootstrap=[CONTACT])
    result = cli("doctor", "--network", "public", "--timeout", "2", "--json")
    assert statuses(result)["nodes"] == "ok"


def test_the_memory_of_this_process_needs_no_network(cli: Cli) -> None:
    result = cli("doctor", "--network", "local")
    assert result.status == 0
    assert "check: ok, local: listen: " in result.out
    assert result.out.splitlines()[-1].startswith("verdict: nothing is wrong, in ")


LOCAL_NETWORK = Capabilities(can_withdraw=True, announces=Announces.OWN_ADDRESS, scope=Scope.LAN)


class LocalNode(FakeBackend):
    """A node of the local network, at these addresses."""

    def __init__(self, *seen_at: str, **acts: Any) -> None:
        super().__init__(capabilities=LOCAL_NETWORK, **acts)
        self._seen_at = seen_at

    @property
    def seen_at(self) -> Sequence[str]:
        return self._seen_at

    def stats(self) -> Mapping[str, int]:
        return {"sent": 2, "received": 2}


def test_on_the_local_network_all_is_well(cli: Cli, served: Served) -> None:
    served.add("near", LocalNode("192.168.1.5", "10.0.0.7"))
    result = cli("doctor", "--network", "near", "--json")
    assert result.status == 0, result.out
    found = statuses(result)
    assert (found["listen"], found["local network"], found["asking"], found["UDP"]) == ("ok",) * 4
    assert "bootstrap" not in found, "it needs no contacts"
    assert "10.0.0.7, 192.168.1.5" in message(result, "local network")


def test_a_machine_on_no_network_is_told_so(cli: Cli, served: Served) -> None:
    served.add("near", LocalNode("127.0.0.1"))
    result = cli("doctor", "--network", "near", "--json")
    assert result.status == 0
    assert statuses(result)["local network"] == "warning"


def test_why_the_local_network_cannot_be_asked_is_told(cli: Cli, served: Served) -> None:
    error = BackendError("no route to host", hint="allow it in System Settings")
    served.add("near", LocalNode("192.168.1.5", lookup=fails(error)))
    result = cli("doctor", "--network", "near", "--json")
    assert result.status == 1
    assert message(result, "lookup") == "no route to host (allow it in System Settings)"


def test_nobody_answers(cli: Cli, served: Served) -> None:
    silent = Node({"sent": 3, "received": 0}, bootstrap=fails(BootstrapFailed("nobody")))
    served.add("silent", silent, [CONTACT])
    result = cli("doctor", "--network", "silent", "--json")
    assert result.status == 1
    assert statuses(result)["bootstrap"] == statuses(result)["UDP"] == "failed"
    assert "127.0.0.1:9 did not answer" in message(result, "bootstrap")
    assert "firewall" in message(result, "UDP")
    assert silent.calls[-1] == ("aclose",)


def test_of_several_contacts_one_may_be_dead(cli: Cli, served: Served) -> None:
    class Picky(Node):
        async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
            if contacts[0].port == 10:
                raise BootstrapFailed("no answer")
            return 1

    served.add("fake", Picky({"sent": 2, "received": 1}), [CONTACT, KnownHost("127.0.0.1", 10)])
    result = cli("doctor", "--network", "fake", "--json")
    assert result.status == 0
    assert [event["status"] for event in result.named("check") if event["check"] == "bootstrap"] == [
        "ok",
        "warning",
    ]


def test_offline(cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: NetworkCheckup, family: int, *, local: bool) -> None:
        return None

    monkeypatch.setattr(NetworkCheckup, "_source", offline)
    unreachable = fails(BootstrapFailed("no route"))
    served.add("fake", Node({"sent": 0, "received": 0}, bootstrap=unreachable), [CONTACT])
    result = cli("doctor", "--network", "fake", "--json")
    assert result.status == 1
    assert "this machine is offline" in message(result, "online")


def test_names_that_do_not_resolve(cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(contact: KnownHost, families: object) -> list[KnownHost]:
        raise HostNotFound(f"{contact.host} does not resolve", hint="check the spelling")

    monkeypatch.setattr(network_checks, "resolve", unknown)
    served.add("fake", Node(), [KnownHost("dht.example", 9)])
    result = cli("doctor", "--network", "fake", "--json")
    assert result.status == 1
    assert message(result, "bootstrap") == "dht.example does not resolve (check the spelling)"


@pytest.mark.parametrize(
    ("backend", "check", "status", "told"),
    [
        (Node({}, ["192.0.2.5"]), "external address", "ok", "192.0.2.5, which is not an address"),
        (Node({}, ["127.0.0.1"]), "external address", "ok", "others see it at 127.0.0.1"),
        (Node({}), "external address", "unknown", "not enough nodes"),
        (Node({"sent": 3, "received": 2}), "UDP", "ok", "3 datagrams out, 2 in"),
        (placed(Reachability.OPEN, OWN), V4, "ok", "no NAT in between"),
        (placed(Reachability.OPEN, ELSEWHERE), V4, "ok", "had not written to"),
        (placed(Reachability.MAPPED, ELSEWHERE), V4, "ok", "the router has opened"),
        (placed(Reachability.CONE, ELSEWHERE), V4, "warning", "192.0.2.5:7001, which is not an address"),
        (placed(Reachability.CONE, ELSEWHERE), V4, "warning", "--listen 0.0.0.0:PORT"),
        (placed(Reachability.SYMMETRIC, KnownHost("192.0.2.5", 0)), V4, "warning", "(symmetric)"),
        (placed(Reachability.BLOCKED), V4, "warning", "nobody who was asked has answered"),
        (placed(Reachability.UNKNOWN), V4, "unknown", "too few nodes"),
        (placed(Reachability.CONE, ELSEWHERE, after=network_checks.LOOKUPS), V4, "warning", "(cone)"),
        (placed(Reachability.CONE, ELSEWHERE, after=network_checks.LOOKUPS + 1), V4, "unknown", "too few"),
        (placed(Reachability.CONE, ELSEWHERE, lookup=fails(ValueError("odd"))), "lookup", "failed", "odd"),
    ],
)
async def test_how_others_see_us(
    backend: Node, check: str, status: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = await made_from_outside(backend, monkeypatch)
    (found,) = (one for one in checks if one.check == check)
    assert found.status == status
    assert told in f"{found.message} {found.hint}"
    assert backend.open_streams == 0


async def test_behind_nat_over_ipv4_is_said_although_ipv6_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Node(
        places={
            6: Place(Reachability.OPEN, KnownHost("2001:db8::7", 7001)),
            4: Place(Reachability.CONE, ELSEWHERE),
        }
    )
    checks = await made_from_outside(backend, monkeypatch)
    found = [(one.check, one.status) for one in checks if one.check.endswith("reachability")]
    assert found == [("IPv4 reachability", "warning"), ("IPv6 reachability", "ok")]


async def test_of_an_ip_version_without_a_way_out_nothing_more_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = Node(places={4: Place(Reachability.CONE, ELSEWHERE), 6: Place(Reachability.UNKNOWN)}, after=0)
    checks = await made_from_outside(backend, monkeypatch, families={4})
    assert [one.check for one in checks if one.check.endswith("reachability")] == ["IPv4 reachability"]
    assert backend.count("lookup") == 0, "it is not waited for either"


async def test_it_asks_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = placed(Reachability.CONE, ELSEWHERE, after=9, lookup=hangs())
    checks = await made_from_outside(backend, monkeypatch)
    assert [one.status for one in checks if one.check == V4] == ["unknown"]
    assert (backend.count("lookup"), backend.open_streams) == (1, 0)


def test_it_leaves_no_trace_in_tables(cli: Cli, served: Served) -> None:
    served.add("fake", Node(), [CONTACT])
    cli("doctor", "--network", "fake")
    assert [config.read_only for config in served.configs] == [True]


async def made_from_outside(
    backend: Node, monkeypatch: pytest.MonkeyPatch, *, families: Collection[int] = (4, 6)
) -> list[Check]:
    """The checks of a node that takes part beyond this machine, over these IP versions."""
    monkeypatch.setattr(network_checks, "_is_loopback", lambda host: False)
    monkeypatch.setattr(
        NetworkCheckup, "_source", lambda self, family, local: "192.0.2.1" if family in families else None
    )
    clock = ManualClock()
    checks: list[Check] = []
    network = NetworkDefinition("fake", "fake", (CONTACT,))
    checkup = NetworkCheckup(network, ("fake", spec_of(backend)), None, clock, checks.append)
    running = asyncio.ensure_future(checkup.run(clock.now() + 20))
    await clock.advance(20)
    await running
    return checks


async def test_it_never_hangs() -> None:
    clock = ManualClock()
    checks: list[Check] = []
    network = NetworkDefinition("fake", "fake", (CONTACT,))
    for stuck in (Node(start=hangs()), Node(bootstrap=hangs())):
        spec = spec_of(stuck)
        checkup = NetworkCheckup(network, ("fake", spec), None, clock, checks.append)
        running = asyncio.ensure_future(checkup.run(clock.now() + 20))
        await clock.advance(21)
        await running
    assert [one.status for one in checks if one.check in ("listen", "bootstrap")] == [
        "failed",
        "ok",
        "failed",
    ]


def test_a_port_that_is_taken(cli: Cli, served: Served) -> None:
    taken = ListenFailed("cannot listen on port 1", hint="choose another with listen=")
    served.add("fake", Node(start=fails(taken)), [CONTACT])
    result = cli("doctor", "--network", "fake", "--json")
    assert result.status == 1
    assert message(result, "listen") == "cannot listen on port 1 (choose another with --listen)"


def test_a_network_without_a_backend(cli: Cli) -> None:
    result = cli("doctor", "--network", "bitcoin", "--json")
    assert result.status == 1
    assert statuses(result)["backend"] == "failed"


def test_a_network_that_starts_from_nobody(cli: Cli, served: Served) -> None:
    served.add("fake", Node())
    result = cli("doctor", "--network", "fake", "--json")
    assert statuses(result)["bootstrap"] == "unknown"
    assert "--bootstrap" in message(result, "bootstrap")


def test_wrong_usage(cli: Cli) -> None:
    assert cli("doctor", "--network", "lokal").status == 2
    assert cli("doctor", "--network", "local", "--timeout", "0").status == 2


# The machine


def test_plugins_and_their_problems() -> None:
    picky = BackendSpec("picky", ["p"], lambda config: FakeBackend(), unavailable=lambda: "no luck")
    entry_points = [
        FakeEntryPoint("picky", plugin_module(backends=lambda: [picky]), FakeDistribution("picky", "1")),
        FakeEntryPoint("bad", ImportError("no module named x"), FakeDistribution("bad-plugin", "3.0")),
    ]
    registry = Registry(entry_points=lambda: entry_points, environ={})
    loaded, problem, unavailable = machine_checks.check_plugins(registry)
    assert (loaded.status, loaded.message) == ("ok", "picky 1")
    assert problem.status == unavailable.status == "warning"
    assert "no module named x" in problem.message
    assert problem.hint
    assert unavailable.message == "picky does not work here: no luck"
    able = BackendSpec("able", ["p"], lambda config: FakeBackend())
    both = FakeEntryPoint(
        "both", plugin_module(backends=lambda: [able, picky]), FakeDistribution("both", "1")
    )
    loaded, extra = machine_checks.check_plugins(Registry(entry_points=lambda: [both], environ={}))
    assert (extra.status, extra.message) == ("ok", "picky does not work here: no luck")
    (nothing,) = machine_checks.check_plugins(Registry(entry_points=list, environ={}))
    assert nothing.status == "failed"
    assert "pip install" in nothing.hint
    strict = Registry(entry_points=lambda: entry_points, environ={"BITBOOT_STRICT": "1"})
    (raised,) = machine_checks.check_plugins(strict)
    assert raised.status == "failed"


def test_a_clock_that_is_late(tmp_path: Path) -> None:
    file = tmp_path / "contacts.json"
    file.touch()
    assert machine_checks.check_clock([file]).status == "ok"
    tomorrow = time.time() + 86_400
    os.utime(file, (tomorrow, tomorrow))
    late = machine_checks.check_clock([file])
    assert late.status == "warning"
    assert "set the clock" in late.hint


def test_the_state_folder(tmp_path: Path) -> None:
    (tmp_path / "contacts-mainline.json").write_text("x" * 2048)
    found = machine_checks.check_state(tmp_path)
    assert found.status == "ok"
    assert "1 file, 2.0 KiB" in found.message
    assert machine_checks.check_state(tmp_path / "new").status == "ok"
    assert not (tmp_path / "new").exists()
    (tmp_path / "contacts-x.damaged").touch()
    assert machine_checks.check_state(tmp_path).status == "warning"
    beyond = machine_checks.check_state(tmp_path / "contacts-mainline.json" / "state")
    assert beyond.status == "warning"
    assert "BITBOOT_STATE_DIR" in beyond.hint


def test_a_user_without_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a user whom its image does not know."""
    monkeypatch.setattr(kept_contacts, "default_folder", lambda: None)
    monkeypatch.setattr(machine_checks, "default_file", lambda: None)
    registry = Registry(entry_points=list, environ={})
    checks = machine_checks.check_machine(registry, ConfigFile(), BitBootConfig())
    found = {check.check: check for check in checks}
    assert found["clock"].status == "ok"
    assert found["configuration"].message == "none"
    assert found["state folder"].status == "warning"
    assert "BITBOOT_STATE_DIR" in found["state folder"].hint


@pytest.mark.parametrize("how", ["file", "option"])
def test_the_state_folder_is_the_one_that_is_configured(cli: Cli, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "kept-here"
    if how == "file":
        (tmp_path / "config.toml").write_text(f"state_dir = {json.dumps(str(folder))}\n", encoding="utf-8")
        options = ["--config", str(tmp_path / "config.toml")]
    else:
        options = ["--state-dir", str(folder)]
    result = cli("doctor", "--network", "local", "--json", *options)
    assert str(folder) in message(result, "state folder")


def test_where_nothing_is_to_be_kept_doctor_wants_no_folder(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("state_dir = false\n", encoding="utf-8")
    result = cli("doctor", "--network", "local", "--json", "--config", str(tmp_path / "config.toml"))
    assert statuses(result)["state folder"] == "ok"
    assert "nothing is kept" in message(result, "state folder")
