"""`bitboot run`, and the commands that `--on-join` and `--on-leave` run."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bitboot_core import KnownHost
from bitboot_core.testing import FakeBackend

from .conftest import Cli, Result, Served, process

PEERS = [KnownHost("192.0.2.7", 1), KnownHost("2001:db8::1", 2)]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C from a program to another is POSIX")


def run(cli: Cli, *options: str, program: str) -> int:
    return cli("run", "mynet", "--network", "fake", *options, "--", sys.executable, "-c", program).status


def watch(cli: Cli, tmp_path: Path, script: str, *arguments: str) -> Result:
    """`bitboot watch` with a script that runs for each peer that joins, stopped at the last one by Ctrl-C."""
    file = tmp_path / "script.py"
    file.write_text(
        f"import os, signal, sys\n"
        f"try:\n"
        f"    {script}\n"
        f"finally:\n"
        f"    if os.environ['BITBOOT_PEER'] == '{PEERS[-1]}':\n"
        f"        os.kill(os.getppid(), signal.SIGINT)\n"
    )
    command = f'"{sys.executable}" "{file}" {" ".join(arguments)}'
    return cli("watch", "mynet", "--network", "fake", "--on-join", command, "--json")


def test_the_program_is_told_who_is_there(cli: Cli, served: Served, tmp_path: Path) -> None:
    served.add("fake", FakeBackend(peers=PEERS))
    out = tmp_path / "out"
    program = f"import os; open({str(out)!r}, 'w').write(repr(dict(os.environ)))"
    assert run(cli, program=program) == 0
    told = {
        key: value for key, value in ast.literal_eval(out.read_text()).items() if key.startswith("BITBOOT_")
    }
    told.pop("BITBOOT_STATE_DIR", None)
    told.pop("BITBOOT_CONFIG", None)
    assert told == {
        "BITBOOT_SWARM": "mynet",
        "BITBOOT_PEERS": "192.0.2.7:1 [2001:db8::1]:2",
        "BITBOOT_PEER": "192.0.2.7:1",
        "BITBOOT_HOST": "192.0.2.7",
        "BITBOOT_PORT": "1",
    }
    assert served.configs[0].read_only


def test_its_exit_status_is_ours(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend())
    assert run(cli, program="raise SystemExit(7)") == 7


def test_with_a_port_it_is_announced_as_long_as_the_program_runs(cli: Cli, served: Served) -> None:
    backend = FakeBackend(peers=PEERS)
    served.add("fake", backend)
    assert run(cli, "--port", "6881", program="pass") == 0
    calls = [call[0] for call in backend.calls]
    assert "announce" in calls
    assert calls[-2:] == ["withdraw", "aclose"]
    assert not served.configs[0].read_only


def test_where_nobody_is_found_it_can_be_left(cli: Cli, served: Served, tmp_path: Path) -> None:
    served.add("fake", FakeBackend())
    assert run(cli, "--fail-empty", program=f"open({str(tmp_path / 'ran')!r}, 'w')") == 3
    assert not (tmp_path / "ran").exists()


def test_a_program_that_is_not_there(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend())
    result = cli("run", "mynet", "--network", "fake", "--", "/there/is/no/such/program")
    assert result.status == 1
    assert "could not be started" in result.err
    assert "hint: " in result.err


def test_too_few_peers_is_a_failure(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=PEERS))
    result = cli(
        "run", "mynet", "--network", "fake", "--wait", "3", "--timeout", "0.2", "--", sys.executable, "-c", ""
    )
    assert result.status == 1
    assert "2 of 3 peers found" in result.err


@posix
def test_it_is_not_left_behind() -> None:
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    arguments = ["run", "mynet", "--network", "local", "--", sys.executable, "-c", program]
    with process(*arguments) as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 1
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


@posix
def test_a_command_for_each_peer_that_joins(cli: Cli, served: Served, tmp_path: Path) -> None:
    served.add("fake", FakeBackend(peers=PEERS))
    out = tmp_path / "joined"
    result = watch(cli, tmp_path, f"open({str(out)!r}, 'a').write(os.environ['BITBOOT_PEER'] + ' ')")
    assert result.status == 0
    assert out.read_text().split() == [str(peer) for peer in PEERS]
    assert len(result.named("peer-joined")) == 2
    assert not result.named("error")


@posix
def test_a_command_that_fails_is_told_and_ends_nothing(cli: Cli, served: Served, tmp_path: Path) -> None:
    served.add("fake", FakeBackend(peers=PEERS))
    result = watch(cli, tmp_path, "raise SystemExit(4)")
    assert result.status == 0
    assert [event["error"] for event in result.named("error")][:1] == ["ProgramFailed"]
    assert len(result.named("peer-joined")) == 2


def test_two_commands_never_run_at_once(cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers of two swarms join at the same time; the second command waits for the end of the first."""
    ran: list[str] = []

    async def exit_status(command: object, env: Mapping[str, str], **_: object) -> int:
        ran.append(f"begin {env['BITBOOT_SWARM']} {env['BITBOOT_PORT']}")
        for _turn in range(100):  # time enough for another to begin
            await asyncio.sleep(0)
        ran.append(f"end {env['BITBOOT_SWARM']} {env['BITBOOT_PORT']}")
        if len(ran) == 8:
            signal.raise_signal(signal.SIGINT)
        return 0

    monkeypatch.setattr("bitboot_core._cli.peer_commands.exit_status", exit_status)
    served.add("fake", FakeBackend(peers=PEERS))
    assert cli("watch", "one", "two", "--network", "fake", "--on-join", "notify").status == 0
    begun, ended = ran[::2], ran[1::2]
    assert [one.removeprefix("begin ") for one in begun] == [one.removeprefix("end ") for one in ended]
    assert sorted(ended) == ["end one 1", "end one 2", "end two 1", "end two 2"]


def test_a_command_that_is_not_there_is_told(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=PEERS[:1]))
    nowhere = ["--on-join", "/there/is/no/such/program", "--for", "0.3"]
    result = cli("watch", "mynet", "--network", "fake", *nowhere, "--json")
    assert [event["error"] for event in result.named("error")] == ["ProgramFailed"]


@pytest.mark.parametrize("command", ["", '"open quotes'])
def test_a_command_that_cannot_be_read(cli: Cli, served: Served, command: str) -> None:
    served.add("fake", FakeBackend())
    result = cli("watch", "mynet", "--network", "fake", "--on-join", command)
    assert result.status == 2
    assert "--on-join" in result.err


@posix
def test_no_shell_reads_its_words(cli: Cli, served: Served, tmp_path: Path) -> None:
    served.add("fake", FakeBackend(peers=PEERS[-1:]))
    out = tmp_path / "words"
    watch(cli, tmp_path, f"open({str(out)!r}, 'w').write(repr(sys.argv[1:]))", "$BITBOOT_PEER", ";", "|")
    assert out.read_text() == "['$BITBOOT_PEER', ';', '|']"
