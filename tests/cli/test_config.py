"""The configuration file at the command line, and what `bitboot networks` tells of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bitboot_core import ConfigFile, KnownHost
from bitboot_core.testing import FakeBackend

from .conftest import Cli, Served


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a network of one's own, on the protocol of a test's backend."""
    path = tmp_path / "config.toml"
    path.write_text(
        'network = "office"\nlisten = "127.0.0.1:0"\ntimeout = 7\n'
        '[networks.office]\nprotocol = "fake"\nbootstrap = ["192.0.2.1:1"]\ndescription = "ours"\n'
        '[networks.mainline]\nbootstrap = ["192.0.2.2:2"]\n',
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("by", ["option", "environment", "classic"])
def test_it_is_read(cli: Cli, served: Served, file: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FakeBackend(known=[KnownHost("192.0.2.1", 1)])
    served.add("fake", backend)
    if by == "environment":
        monkeypatch.setenv("BITBOOT_CONFIG", str(file))
        result = cli("lookup", "mynet", "--json")
    elif by == "option":
        result = cli("lookup", "mynet", "--config", str(file), "--json")
    else:
        result = cli("--lookup", "mynet", "--config", str(file), "--json")
    assert result.status == 0
    assert result.events[0]["network"] == "office"
    assert ("bootstrap", (KnownHost("192.0.2.1", 1),)) in backend.calls
    assert served.configs[0].listen == KnownHost("127.0.0.1", 0)


def test_the_docs_example_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "config.toml").write_text(example, encoding="utf-8")
    config = ConfigFile.read(tmp_path / "config.toml").config()
    assert config.timeout == 10
    assert [(one.name, one.protocol, len(one.bootstrap)) for one in config.network] == [  # type: ignore[union-attr]
        ("office", "kademlia", 2),
        ("mainline", "mainline", 1),
    ]


def test_options_go_before_it(cli: Cli, served: Served, file: Path) -> None:
    backend = FakeBackend()
    served.add("fake", backend)
    options = ["--network", "fake", "--bootstrap", "192.0.2.9:9", "--listen", "127.0.0.1:5"]
    assert cli("lookup", "mynet", "--config", str(file), *options).status == 0
    assert ("bootstrap", (KnownHost("192.0.2.9", 9),)) in backend.calls
    assert served.configs[0].listen == KnownHost("127.0.0.1", 5)


def test_networks_tells_where_each_comes_from(cli: Cli, served: Served, file: Path) -> None:
    served.add("fake", FakeBackend())
    result = cli("networks", "--config", str(file), "--json")
    networks = {event["network"]: event for event in result.named("network")}
    assert next(iter(networks)) == "fake", "what can be used comes first"
    assert networks["office"]["origin"] == str(file)
    assert networks["office"]["backend"] == "fake"
    assert networks["office"]["bootstrap"] == ["192.0.2.1:1"]
    assert networks["mainline"]["origin"] == f"built in, changed by {file}"
    assert networks["mainline"]["bootstrap"] == ["192.0.2.2:2"]
    assert networks["local"]["origin"] == "built in"
    assert networks["fake"]["origin"] == "this program"


@pytest.mark.parametrize("command", [["lookup", "mynet"], ["networks"], ["doctor"], ["--lookup", "mynet"]])
def test_what_is_wrong_with_it_is_wrong_usage(cli: Cli, file: Path, command: list[str]) -> None:
    file.write_text("timeuot = 5", encoding="utf-8")
    result = cli(*command, "--config", str(file))
    assert result.status == 2
    assert result.err == (
        f"error: {file}, line 1: timeuot is not a known setting\nhint: did you mean timeout?\n"
    )
