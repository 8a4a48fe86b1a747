"""BitBootPy's spellings of the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import BackendError, KnownHost, Receipt, swarm_key
from bitboot_core._cli.report.events import Event
from bitboot_core._cli.report.report import JsonReport
from bitboot_core.testing import FakeBackend, fails

from .conftest import Cli, Served

ONE = KnownHost("192.0.2.7", 1)


def stop_soon() -> None:
    """Ctrl-C, once the program waits."""
    asyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGINT)


async def stored_then_stopped() -> Receipt:
    stop_soon()
    return Receipt(1, 1800)


def called(backend: FakeBackend, method: str) -> list[Any]:
    """The keys that a method was called with."""
    return [call[1] for call in backend.calls if call[0] == method]


@pytest.mark.parametrize("option", ["--lookup", "-l"])
def test_lookup(cli: Cli, served: Served, option: str) -> None:
    backend = FakeBackend(peers=[ONE])
    served.add("fake", backend)
    result = cli(option, "one", "two", "--network", "fake", "--print-discovered-peers", "--json")
    assert result.status == 0
    assert {event["swarm"] for event in result.named("peer")} == {"one", "two"}
    assert [event["peers"] for event in result.named("done")] == [1, 1]
    assert called(backend, "lookup") == [swarm_key("one"), swarm_key("two")]


@pytest.mark.parametrize("option", ["--announce", "-a"])
@pytest.mark.parametrize("port", [["--peer-port", "7000"], ["-p", "7000"], ["--port", "7000"]])
def test_announce(cli: Cli, served: Served, option: str, port: list[str]) -> None:
    backend = FakeBackend(announce=stored_then_stopped)
    served.add("fake", backend)
    result = cli(option, "mynet", "--peer-host", "192.0.2.9", *port, "--network", "fake", "--json")
    assert result.status == 0
    assert [event["swarm"] for event in result.named("announced")] == ["mynet"]
    assert ("announce", swarm_key("mynet"), KnownHost("192.0.2.9", 7000), 1800.0) in backend.calls
    assert backend.count("withdraw") == 1


def test_without_a_peer_it_announces_this_machine_at_6881(cli: Cli, served: Served) -> None:
    backend = FakeBackend(announce=stored_then_stopped)
    served.add("fake", backend)
    assert cli("--announce", "mynet", "--network", "fake").status == 0
    assert backend.calls[1][2] == KnownHost("", 6881)


def test_continuous(cli: Cli, served: Served) -> None:
    async def found() -> None:
        stop_soon()

    served.add("fake", FakeBackend(peers=[ONE], lookup=found))
    result = cli("--continuous", "one", "two", "--network", "fake", "--json")
    assert result.status == 0
    assert {event["swarm"] for event in result.named("peer-joined")} == {"one", "two"}


def test_all_at_once(cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    awaited = {"ready", "announced", "peer", "done", "peer-joined"}
    tell = JsonReport.tell

    def tell_and_stop(self: JsonReport, event: Event) -> None:
        """Ctrl-C once everything has been told of."""
        tell(self, event)
        awaited.discard(event.name)
        if not awaited:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(JsonReport, "tell", tell_and_stop)
    backend = FakeBackend(peers=[ONE])
    served.add("fake", backend)
    result = cli("-a", "one", "-l", "two", "--continuous", "three", "--network", "fake", "--json")
    assert result.status == 0
    assert awaited == set()
    assert set(called(backend, "lookup")) == {swarm_key("two"), swarm_key("three")}


def test_names_from_a_file(cli: Cli, served: Served, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("one\n  two  \n\none\n", encoding="utf-8")
    backend = FakeBackend()
    served.add("fake", backend)
    names = ["--network-names-file", str(tmp_path / "names.txt")]
    assert cli("--lookup", *names, "--network", "fake").status == 0
    assert called(backend, "lookup") == [swarm_key("one"), swarm_key("two")]
    assert cli(*names, "--lookup", "other", "--network", "fake").status == 0
    assert called(backend, "lookup")[2:] == [swarm_key("other")]


def test_a_configuration_file(cli: Cli, served: Served, tmp_path: Path) -> None:
    """As BitBootPy wrote it."""
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "bootstrap_nodes": [["192.0.2.1", 6881], {"host": "192.0.2.2", "port": 1}, "192.0.2.3:2"],
                "rate_limit_delay": 1.0,
                "max_retries": 3,
                "retry_delay": 5.0,
                "continuous_mode": {"three": True, "four": False},
                "network_names": ["one", "two"],
                "print_discovered_peers": True,
                "network": "fake",
                "timeout": 7,
            }
        ),
        encoding="utf-8",
    )

    async def found() -> None:
        stop_soon()

    backend = FakeBackend(lookup=found)
    served.add("fake", backend)
    assert cli("--lookup", "--config", str(config)).status == 0
    assert set(called(backend, "lookup")) == {swarm_key("one"), swarm_key("two"), swarm_key("three")}
    assert called(backend, "bootstrap") == [
        tuple(KnownHost(f"192.0.2.{n}", p) for n, p in ((1, 6881), (2, 1), (3, 2)))
    ]


def test_the_options_of_all_commands(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend())
    options = ["--network", "fake", "--listen", "127.0.0.1:0", "--bootstrap", "192.0.2.1:1", "--timeout", "5"]
    assert cli("--json", "--lookup", "mynet", *options, "--backend", "fake").status == 0
    assert served.configs[0].listen == KnownHost("127.0.0.1", 0)


def test_a_lookup_that_fails_is_status_1_and_ends_no_other(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(lookup=fails(BackendError("down"))))
    result = cli("--lookup", "one", "two", "--network", "fake", "--json")
    assert result.status == 1
    assert [event["message"] for event in result.named("error")] == ["down", "down"]


def test_an_announcement_that_nobody_stores_is_tried_on(cli: Cli, served: Served) -> None:
    async def refused() -> None:
        stop_soon()
        raise BackendError("full")

    served.add("fake", FakeBackend(announce=refused))
    result = cli("--announce", "one", "--continuous", "two", "--network", "fake", "--json")
    assert result.status == 0
    assert [event["message"] for event in result.named("error")] == ["full"]


def test_an_interrupted_lookup_is_not_done(cli: Cli, served: Served) -> None:
    async def interrupted() -> None:
        stop_soon()
        await asyncio.Event().wait()

    served.add("fake", FakeBackend(lookup=interrupted))
    result = cli("--lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 1
    assert [event["error"] for event in result.named("error")] == ["Interrupted"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "not JSON",
        "[]",
        '{"colour": "red"}',
        '{"network_names": "one"}',
        '{"continuous_mode": ["one"]}',
        '{"bootstrap_nodes": [["192.0.2.1"]]}',
        '{"bootstrap_nodes": [["192.0.2.1", "x"]]}',
        '{"bootstrap_nodes": ["nonsense"]}',
        '{"timeout": "soon"}',
        "\xff",
    ],
)
def test_what_is_no_configuration(cli: Cli, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content.encode("latin-1"))
    result = cli(
        "--lookup", "mynet", "--config", str(tmp_path / "config.json"), "--network", "local", "--json"
    )
    assert result.status == 2
    (error,) = result.events
    assert error["event"] == "error"
    assert error["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lookup"],
        ["--lookup", ""],
        ["--announce"],
        ["--print-discovered-peers"],
        ["--lookup", "mynet", "--nix"],
        ["--announce", "mynet", "--peer-port", "x"],
        ["--announce", "mynet", "--peer-port", "70000"],
        ["--lookup", "mynet", "--network-names-file", "/there/is/no/such/file"],
    ],
    ids=" ".join,
)
def test_wrong_usage(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments, "--network", "local")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert result.out == "" or "ready" in result.out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("option", ["--config", "--network-names-file"])
def test_a_pipe_in_place_of_a_file_is_refused(cli: Cli, tmp_path: Path, option: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = cli("--lookup", "mynet", "--network", "local", option, str(tmp_path / "pipe"))
    assert result.status == 2
    assert "not a regular file" in result.err
