"""Help, errors, exit statuses: whatever the command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

import bitboot_core
from bitboot_core._plugins.commands import BUILT_IN_COMMANDS

from .conftest import COMMAND, Cli, next_event, process

COMMANDS = [
    "announce",
    "completion",
    "demo",
    "doctor",
    "identity",
    "join",
    "lookup",
    "networks",
    "plugins",
    "publish",
    "resolve",
    "run",
    "secret",
    "watch",
]
NETWORK_OPTIONS = ["--network", "--backend", "--bootstrap", "--listen", "--timeout", "--json"]

WRONG_USAGE = {
    "unknown option": ["lookup", "mynet", "--nix"],
    "no name": ["lookup"],
    "no such command": ["lokup"],
    "no command": [],
    "empty swarm": ["lookup", "", "--network", "local"],
    "empty swarm of several": ["announce", "mynet", "", "--network", "local", "--port", "1"],
    "unknown network": ["lookup", "mynet", "--network", "lokal"],
    "unknown backend": ["lookup", "mynet", "--network", "local", "--backend", "nix"],
    "backend of another protocol": ["lookup", "mynet", "--network", "mainline", "--backend", "local"],
    "no endpoint to listen on": ["lookup", "mynet", "--network", "local", "--listen", "nix"],
    "no port to listen on": ["lookup", "mynet", "--network", "local", "--listen", "127.0.0.1:99999"],
    "no contact": ["lookup", "mynet", "--network", "local", "--bootstrap", "127.0.0.1"],
    "nobody's contact": ["lookup", "mynet", "--network", "local", "--bootstrap", "0.0.0.0:1"],
    "no time": ["lookup", "mynet", "--network", "local", "--timeout", "0"],
    "endless time": ["lookup", "mynet", "--network", "local", "--timeout", "inf"],
    "not a time": ["announce", "mynet", "--network", "local", "--port", "1", "--for", "nan"],
}


def test_help_lists_the_commands(cli: Cli) -> None:
    result = cli("--help")
    assert result.status == 0
    own = result.out.partition("Commands:")[2].partition("Commands of plugins:")[0]
    assert re.findall(r"^  (\w+)  ", own, re.MULTILINE) == COMMANDS == list(BUILT_IN_COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(cli: Cli, command: str) -> None:
    result = cli(command, "--help")
    assert result.status == 0
    assert "--json" in result.out or command == "completion"


@pytest.mark.parametrize("command", ["announce", "doctor", "join", "lookup", "watch"])
def test_shared_options_are_spelt_the_same(cli: Cli, command: str) -> None:
    out = cli(command, "--help").out
    assert [option for option in NETWORK_OPTIONS if f"  {option} " not in out] == []


def test_the_version_is_the_distribution_s(cli: Cli) -> None:
    assert cli("--version").out == f"bitboot, version {bitboot_core.__version__}\n"


@pytest.mark.parametrize("arguments", WRONG_USAGE.values(), ids=WRONG_USAGE.keys())
def test_wrong_usage_is_status_2_and_a_message(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.status == 2
    assert result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("arguments", WRONG_USAGE.values(), ids=WRONG_USAGE.keys())
def test_wrong_usage_with_json_is_one_event(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments, "--json")
    assert result.status == 2
    assert result.err == ""
    (event,) = result.events
    assert list(event) == ["event", "error", "message", "hint"]
    assert event["event"] == "error"
    assert event["message"]


def test_an_error_for_people_is_a_line_and_a_hint(cli: Cli) -> None:
    result = cli("lookup", "mynet", "--network", "lokal")
    assert result.out == ""
    assert result.err == "error: there is no network named lokal\nhint: did you mean local?\n"


def test_a_placeholder_network_is_a_failure(cli: Cli) -> None:
    result = cli("lookup", "mynet", "--network", "bitcoin", "--json")
    assert result.status == 1
    assert result.events[0]["error"] == "NetworkUnavailable"


def test_without_its_libraries_it_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "click", None)
    result = cli("--help")
    assert result.status == 1
    assert result.out == ""
    line = 'bitboot: the command line needs click: run  python -m pip install "bitboot-core[cli]"\n'
    assert result.err == line


def test_the_library_does_not_import_the_command_line_s_libraries() -> None:
    code = "import bitboot_core, sys; print({'click', 'rich'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_help_does_not_import_rich() -> None:
    code = "import sys; from bitboot_core._cli import main; main(['--help']); sys.exit('rich' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


def test_the_module_is_the_command() -> None:
    arguments = ["lookup", "mynet", "--network", "local", "--json"]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["ready", "done"]
    assert subprocess.run([*COMMAND, "lookup"], capture_output=True, check=False).returncode == 2


def test_a_reader_that_goes_away_is_no_reason_for_a_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    arguments = ["lookup", "mynet", "--network", "local"]
    done = subprocess.run(
        [*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals that one process can send another")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_each_line_is_there_at_once_and_a_signal_ends_the_process(number: signal.Signals) -> None:
    arguments = ["announce", "mynet", "--network", "local", "--port", "6881", "--json"]
    with process(*arguments) as running:
        assert next_event(running)["event"] == "ready"
        assert next_event(running)["event"] == "announced"
        running.send_signal(number)
        out, err = running.communicate()
    assert running.returncode == 0
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["done"]
    assert err == ""
