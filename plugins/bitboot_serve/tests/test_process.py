"""The daemon as a process: what systemd hands over and is told, signals, and its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from bitboot_btdht.testnet import Testnet
from bitboot_serve.logs import JournalFormatter, JsonFormatter, PlainFormatter, is_journal

from bitboot_core import KnownHost

UNITS = Path(__file__).parents[1] / "src" / "bitboot_serve" / "units"


class Told:
    """The socket that systemd would listen on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(30)

    def next(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    listening = Told(tmp_path / "notify")
    yield listening
    listening.close()


HANDING_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes the daemon, so that its own pid is the one in LISTEN_PID, as with systemd."""


@contextmanager
def daemon(
    tmp_path: Path, told: Told, *options: str, handed: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`bitboot serve` on the network in memory, which is gone in the end. `handed`: becomes descriptor 3."""
    config = tmp_path / "config.toml"
    if not config.exists():
        config.write_text('network = "local"\nstate_dir = "state"\n', encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    environ |= {"NOTIFY_SOCKET": str(told.path), "BITBOOT_CONFIG": str(config)}
    environ |= {"BITBOOT_SOCKET": str(tmp_path / "run" / "serve.sock")}
    command = [sys.executable, "-m", "bitboot_core", "serve", *options]
    if handed is not None:
        command = [sys.executable, "-c", HANDING_OVER, str(handed), *command]
    fds = [] if handed is None else [handed]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environ, pass_fds=fds) as running:
        try:
            yield running
        finally:
            running.kill()


def ask(path: Path, what: str = "/v1/status") -> dict[str, Any]:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://d") as client:
        found: dict[str, Any] = client.get(what).json()
        return found


def test_it_tells_systemd_reads_its_configuration_again_and_ends(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "run" / "serve.sock"
    config = tmp_path / "config.toml"
    with daemon(tmp_path, told, "--log", "json") as running:
        assert told.next() == {"READY": "1", "STATUS": "serving local"}
        assert ask(path)["pid"] == running.pid
        config.write_text(
            'network = ["local", "other"]\n[networks.other]\nprotocol = "local"\n', encoding="utf-8"
        )
        running.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC" in told.next()
        assert told.next()["STATUS"] == "serving local, other"
        assert [network["protocol"] for network in ask(path)["networks"]] == ["local", "local"]
        (waiting,) = ask(path)["problems"]
        assert waiting == {
            "message": "state_dir in the configuration has changed",
            "hint": "restart to apply",
        }
        config.write_text("network = [", encoding="utf-8")
        running.send_signal(signal.SIGHUP)
        assert told.next()["RELOADING"] == "1"
        assert told.next()["READY"] == "1"
        (problem,) = ask(path)["problems"]
        assert "the configuration stays as it was" in problem["message"]
        running.send_signal(signal.SIGTERM)
        assert told.next() == {"STOPPING": "1"}
        out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert out == f"serving on {path}\n"
    logged = [json.loads(line) for line in err.splitlines()]
    assert [(one["level"], one["message"]) for one in logged[1:3]] == [
        ("info", "the configuration has been read again"),
        ("warning", "state_dir in the configuration has changed: restart to apply"),
    ]
    assert [one["level"] for one in logged] == ["info", "info", "warning", "error"]
    assert not path.exists()


ANNOUNCING = """
import http.client, json, socket, sys
connection = http.client.HTTPConnection("daemon")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
wish = json.dumps({"swarm": "unique_network", "port": 7001})
connection.request("POST", "/v1/announcements", wish, {"Accept": "text/event-stream"})
for line in connection.getresponse():
    print(line.decode().strip(), flush=True)
"""


@pytest.mark.once
def test_an_announcement_goes_with_a_client_that_is_killed(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "run" / "serve.sock"
    with daemon(tmp_path, told):
        assert told.next()["READY"] == "1"
        command = [sys.executable, "-c", ANNOUNCING, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "event: announcement\n"
            (kept,) = ask(path, "/v1/announcements")["announcements"]
            assert kept["port"] == 7001
            client.kill()
        while ask(path, "/v1/announcements")["announcements"]:
            pass  # the test's own timeout ends what never becomes so


@pytest.mark.once
def test_a_socket_that_systemd_hands_over_is_served_and_kept(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "handed.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with daemon(tmp_path, told, handed=listening.fileno()) as running:
            assert told.next()["READY"] == "1"
            assert ask(path)["pid"] == running.pid
            running.send_signal(signal.SIGINT)
            assert running.wait(30) == 0
    assert path.exists(), "it is systemd's"
    assert not (tmp_path / "run").exists()


@pytest.mark.once
def test_status_and_stop_and_a_start_after_a_kill(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "run" / "serve.sock"

    def bitboot(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bitboot_core", "serve", "--socket", str(path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with daemon(tmp_path, told) as killed:
        assert told.next()["READY"] == "1"
        killed.kill()
        killed.wait()
    nobody = bitboot("--status", "--json")
    assert nobody.returncode == 1
    assert json.loads(nobody.stdout)["error"] == "NotRunning"
    with daemon(tmp_path, told) as running:
        assert told.next()["READY"] == "1"
        status = bitboot("--status")
        assert f"pid {running.pid}" in status.stdout
        assert "local through local: ready" in status.stdout
        assert json.loads(bitboot("--status", "--json").stdout)["pid"] == running.pid
        second = bitboot()
        assert (second.returncode, "listens on" in second.stderr) == (1, True)
        stopped = bitboot("--stop")
        assert stopped.returncode == 0, stopped.stderr
        assert running.wait(30) == 0


def test_logs_are_lines_that_nobody_can_forge() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelno": logging.WARNING, "levelname": "WARNING", "msg": "a\n<0>b\x1b[2J"}
    )
    assert JournalFormatter().format(record) == "<4>x: a\\n<0>b\\x1b[2J"
    assert "\n" not in PlainFormatter().format(record)
    assert json.loads(JsonFormatter().format(record))["message"] == "a\n<0>b\x1b[2J"
    assert not is_journal({"JOURNAL_STREAM": "1:2"})


@pytest.mark.once
def test_the_units_are_as_systemd_wants_them(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the units were not verified")
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("%h/.local/bin/bitboot", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("%t", str(tmp_path)), encoding="utf-8")
    found = [str(tmp_path / unit.name) for unit in UNITS.iterdir()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *found], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "bitboot." in line]) == (0, [])


def configure(tmp_path: Path, bootstrap: Sequence[KnownHost]) -> Path:
    """A configuration file for mainline on loopback. The folder of its state."""
    state = tmp_path / "state"
    lines = [
        'network = "mainline"',
        'listen = "127.0.0.1:0"',
        f"bootstrap = {json.dumps([str(contact) for contact in bootstrap])}",
        f"state_dir = {json.dumps(str(state))}",
    ]
    (tmp_path / "config.toml").write_text("\n".join(lines), encoding="utf-8")
    return state


@pytest.mark.slow
async def test_a_daemon_that_was_killed_comes_back_with_its_contacts(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "run" / "serve.sock"

    def has_kept_contacts(state: Path) -> bool:
        (network,) = ask(path)["networks"]
        in_touch = network["state"] == "ready" and network["contacts"]
        return bool(in_touch and list(state.glob("contacts-*.json")))

    async def serve_until_in_touch(state: Path) -> None:
        """And has kept its contacts. Nothing of it ends in order."""
        with daemon(tmp_path, told) as running:
            assert (await asyncio.to_thread(told.next))["READY"] == "1"
            while not await asyncio.to_thread(has_kept_contacts, state):
                pass  # the test's own timeout ends what never becomes so
            running.kill()
            await asyncio.to_thread(running.wait)

    async with Testnet(6) as testnet:
        await serve_until_in_touch(configure(tmp_path, testnet.bootstrap))
        await serve_until_in_touch(configure(tmp_path, []))


@pytest.mark.slow
async def test_its_node_stays_where_its_contacts_change(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "run" / "serve.sock"
    nobody = KnownHost("127.0.0.1", 9)

    async def network() -> dict[str, Any]:
        (found,) = (await asyncio.to_thread(ask, path))["networks"]
        return dict(found)

    async with Testnet(3) as testnet:
        configure(tmp_path, [nobody])
        with daemon(tmp_path, told) as running:
            assert (await asyncio.to_thread(told.next))["READY"] == "1"
            before = await network()
            assert before["bootstrap"] == [str(nobody)]
            configure(tmp_path, [nobody, *testnet.bootstrap])
            running.send_signal(signal.SIGHUP)
            while (after := await network())["state"] != "ready":
                pass  # the test's own timeout ends what never becomes so
            assert after["bootstrap"] == [str(one) for one in (nobody, *testnet.bootstrap)]
            assert after["listen"] == before["listen"]
