"""`--map-port` in `announce`, `join` and `run`; `map_ports = true`; what `bitboot doctor` says of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    Capabilities,
    KnownHost,
    NoRouterAnswered,
    PortGrant,
    PortMapper,
    PortMappingFailed,
    Registry,
    Scope,
)
from bitboot_core._cli.checkup.router import RouterCheckup
from bitboot_core._cli.report.checks import Check
from bitboot_core.testing import FakeBackend, FakePortMapper, ManualClock, answers, fails, mapper_spec_of

from .conftest import Cli, Result, Served

OUTSIDE = "81.2.69.160"
SILENT = fails(NoRouterAnswered("192.168.1.1 did not answer"))
ON_FAKE = ["--network", "fake", "--for", "0.01"]

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Have these port mappers, and no other: nobody's router is asked."""

    def install(**mappers: PortMapper) -> None:
        specs = {name: mapper_spec_of(mapper, name) for name, mapper in mappers.items()}
        monkeypatch.setattr(Registry, "port_mappers", lambda self: specs)

    return install


@pytest.mark.parametrize("command", ["announce", "join"])
def test_it_is_open_while_the_command_runs(command: str, cli: Cli, served: Served, install: Install) -> None:
    mapper, backend = FakePortMapper(OUTSIDE), FakeBackend()
    served.add("fake", backend)
    install(fake=mapper)
    result = cli(command, "x", "--port", "7001", "--map-port", *ON_FAKE, "--json")
    (told,) = result.named("port-mapped")
    assert told == {
        "event": "port-mapped",
        "port": 7001,
        "transports": ["tcp", "udp"],
        "external": f"{OUTSIDE}:7001",
        "method": "fake",
        "expires_in": 7200,
    }
    assert not mapper.open
    assert mapper.count("unmap") == 2
    assert backend.count("announce") == 1


def test_it_is_told_in_words(cli: Cli, served: Served, install: Install) -> None:
    mapper = FakePortMapper(map=answers(PortGrant(KnownHost(OUTSIDE, 40001), math.inf)), check=answers(True))
    served.add("fake", FakeBackend())
    install(upnp=mapper)
    result = cli("announce", "x", "--port", "7001", "--map-port", *ON_FAKE)
    line = (
        f"port-mapped: 7001 (tcp/udp) is open on the router as {OUTSIDE}:40001, by upnp, until it is closed"
    )
    assert line in result.out.splitlines()


@pytest.mark.parametrize(
    ("mapper", "error", "hint"),
    [
        (FakePortMapper(probe=SILENT), "NoRouterAnswered", "by hand"),
        (FakePortMapper("192.168.1.2"), "DoubleNat", "bridge mode"),
        (
            FakePortMapper(map=fails(PortMappingFailed("no", hint="allow it"))),
            "PortMappingFailed",
            "allow it",
        ),
    ],
)
def test_why_not_is_told_and_the_command_goes_on(
    cli: Cli, served: Served, install: Install, *, mapper: FakePortMapper, error: str, hint: str
) -> None:
    served.add("fake", FakeBackend())
    install(fake=mapper)
    result = cli("announce", "x", "--port", "7001", "--map-port", *ON_FAKE, "--json")
    (told,) = result.named("error")
    assert told["error"] == error
    assert hint in told["hint"]
    assert result.status == 0
    assert result.named("announced")


def test_run_opens_it_until_the_program_ends(cli: Cli, served: Served, install: Install) -> None:
    mapper = FakePortMapper(OUTSIDE)
    served.add("fake", FakeBackend())
    install(fake=mapper)
    program = ["--", "python", "-c", ""]
    assert cli("run", "x", "--port", "7001", "--map-port", "--network", "fake", *program).status == 0
    assert mapper.count("map") == mapper.count("unmap") == 2
    result = cli("run", "x", "--map-port", "--network", "fake", *program)
    assert result.status == 2
    assert "--port" in result.err


def test_the_nodes_own_port_by_the_configuration_file(
    cli: Cli, served: Served, install: Install, tmp_path: Path
) -> None:
    class Node(FakeBackend):
        @property
        def address(self) -> KnownHost:
            return KnownHost("0.0.0.0", 4000)

    capabilities = Capabilities(can_withdraw=True, announces=Announces.OWN_ADDRESS, scope=Scope.PUBLIC)
    mapper = FakePortMapper("192.168.1.2")
    served.add("fake", Node(capabilities=capabilities))
    install(fake=mapper)
    file = tmp_path / "bitboot.toml"
    file.write_text("map_ports = true\n")
    result = cli("watch", "x", "--config", str(file), "--network", "fake", "--for", "2.2", "--json")
    assert [event["error"] for event in result.named("error")] == ["DoubleNat"]
    assert mapper.count("map") == mapper.count("unmap") == 1


# The doctor


async def checked(registry: Registry) -> Check:
    told: list[Check] = []
    checkup = RouterCheckup(registry, ManualClock(), told.append)
    await checkup.run()
    await checkup.run()  # once is enough, however many networks there are
    (check,) = told
    return check


@pytest.fixture
def registry() -> Registry:
    return Registry(entry_points=list, environ={})


@pytest.mark.parametrize(
    ("mappers", "status", "words", "hint"),
    [
        ({}, "unknown", "nothing is installed", 'pip install "bitboot-core[nat]"'),
        (
            {"pcp": FakePortMapper(""), "nat-pmp": FakePortMapper(OUTSIDE)},
            "ok",
            f"opens ports, by pcp, nat-pmp; its outside address is {OUTSIDE}",
            "--map-port",
        ),
        ({"pcp": FakePortMapper("")}, "ok", "by pcp; it does not say its address", "--map-port"),
        ({"upnp": FakePortMapper("100.64.1.2")}, "warning", "100.64.1.2, which is private", "carrier-grade"),
        ({"pcp": FakePortMapper(probe=SILENT)}, "unknown", "pcp: 192.168.1.1 did not answer", "by hand"),
        (
            {"pcp": FakePortMapper(probe=fails(PortMappingFailed("it says no", hint="allow it")))},
            "warning",
            "pcp: it says no",
            "allow it",
        ),
    ],
)
async def test_what_the_doctor_says(
    registry: Registry, mappers: dict[str, FakePortMapper], status: str, words: str, hint: str
) -> None:
    for rank, (name, mapper) in enumerate(mappers.items()):
        registry.register_port_mapper(mapper_spec_of(mapper, name, rank=rank))
    check = await checked(registry)
    assert (check.check, check.status) == ("router", status)
    assert words in check.message
    assert hint in check.hint
    assert not any(mapper.count("map") for mapper in mappers.values())
    assert all(mapper.calls[-1] == ("aclose",) for mapper in mappers.values())


def test_the_doctor_asks_nobody_where_this_machine_is_alone(
    cli: Cli, served: Served, install: Install
) -> None:
    mapper = FakePortMapper(OUTSIDE)
    install(fake=mapper)
    public = Capabilities(can_withdraw=False, announces=Announces.OWN_ADDRESS, scope=Scope.PUBLIC)
    served.add("fake", FakeBackend(capabilities=public), [KnownHost("127.0.0.1", 9)])
    result: Result = cli("doctor", "--network", "fake", "--json")
    assert not mapper.calls
    checks: list[Any] = [event["check"] for event in result.named("check")]
    assert "outside" in checks
    assert "router" not in checks
