"""Names and raw keys on the command line."""

from __future__ import annotations

import pytest

from bitboot_core import KnownHost, swarm_key
from bitboot_core.testing import FakeBackend

from .conftest import Cli, Served

HEX = "0123456789abcdef0123456789abcdef01234567"
MAGNET = f"magnet:?xt=urn:btih:{HEX}&dn=name"


def asked_for(backend: FakeBackend) -> list[str]:
    return [call[1].hex() for call in backend.calls if call[0] == "lookup"]


@pytest.mark.parametrize("key", [HEX, MAGNET], ids=["hex", "magnet"])
def test_a_key_in_place_of_a_name(cli: Cli, served: Served, key: str) -> None:
    backend = FakeBackend(peers=[KnownHost("192.0.2.7", 1)])
    served.add("fake", backend)
    result = cli("lookup", "--key", key, "--network", "fake", "--json")
    assert result.status == 0
    assert asked_for(backend) == [HEX]
    assert {event["swarm"] for event in result.events if "swarm" in event} == {HEX}


@pytest.mark.parametrize(
    "command", [["lookup"], ["announce", "--port", "1"], ["watch"], ["join", "--port", "1"]]
)
@pytest.mark.parametrize("name", [HEX, MAGNET], ids=["hex", "magnet"])
def test_a_name_that_looks_like_a_key_is_not_silently_hashed(cli: Cli, command: list[str], name: str) -> None:
    result = cli(*command, name, "--network", "local")
    assert result.status == 2
    assert "looks like a swarm's key" in result.err
    assert f"--key {name}" in result.err
    assert "--as-name" in result.err


def test_it_may_be_a_name_all_the_same(cli: Cli, served: Served) -> None:
    backend = FakeBackend()
    served.add("fake", backend)
    assert cli("lookup", HEX, "--as-name", "--network", "fake").status == 0
    assert asked_for(backend) == [swarm_key(HEX).hex()]


@pytest.mark.parametrize(("answer", "meant"), [("y\n", HEX), ("\n", HEX), ("n\n", swarm_key(HEX).hex())])
def test_at_a_terminal_the_user_is_asked(
    served: Served, monkeypatch: pytest.MonkeyPatch, answer: str, meant: str
) -> None:
    pty = pytest.importorskip("pty", reason="there are no terminals to open here")
    import os  # noqa: PLC0415
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    ours, theirs = pty.openpty()
    code = f"from bitboot_core._cli.swarm_arguments import meant; print(meant(['{HEX}'], [], as_name=False))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True
    ) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    is_key = "SwarmKey" in out
    assert is_key == (meant == HEX)


def test_names_and_keys_together(cli: Cli, served: Served) -> None:
    backend = FakeBackend()
    served.add("fake", backend)
    options = ["--network", "fake", "--port", "1", "--for", "0.1", "--json"]
    result = cli("announce", "one", "two", "one", "--key", HEX, *options)
    assert [event["swarm"] for event in result.named("done")] == ["one", "two", HEX]


@pytest.mark.parametrize(
    "arguments",
    [
        ["lookup"],
        ["lookup", "one", "two"],
        ["lookup", "one", "--key", HEX],
        ["lookup", "--key", "12"],
        ["watch", "--key", "magnet:?dn=nothing"],
        ["watch"],
        ["run", "name"],
        ["run", "--key", HEX],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments, "--network", "local")
    assert result.status == 2
    assert "hint: " in result.err
