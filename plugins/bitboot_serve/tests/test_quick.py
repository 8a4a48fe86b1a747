"""`bitboot lookup` through the daemon before the command line is imported: it says the same as otherwise."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import (
    BackendError,
    BackendSpec,
    BackendTimeout,
    ConfigFile,
    KnownHost,
    NetworkDefinition,
    Registry,
    default_registry,
)
from bitboot_core._cli import asking, by_daemon, main, program, quick
from bitboot_core._cli.asking import Unusable, look_up
from bitboot_core.testing import FakeBackend, fails, hangs_until

from .conftest import Serving, World, answering_on, until

V4, V6, OWN = KnownHost("192.0.2.1", 6881), KnownHost("2001:db8::1", 1), KnownHost("192.0.2.99", 99)
CONTACT = KnownHost("192.0.2.9", 9)
WITH_ID = KnownHost("192.0.2.2", 1, "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")
READY = {"event": "ready", "network": "mainline", "backend": "b", "listen": "192.0.2.1:1", "contacts": 1}
PEER = {"event": "peer", "host": "192.0.2.1", "port": 1, "sources": ["mainline"]}
END = {"event": "end", "peers": 1, "seconds": 0.1, "failures": {}}
OK = b"HTTP/1.1 200 OK\r\n\r\n"
COMMAND = [sys.executable, "-m", "bitboot_core"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is done quickly")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the command line, and a socket of the test's own."""
    for name in [name for name in os.environ if "BITBOOT_" in name or name == "XDG_CONFIG_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BITBOOT_SOCKET", str(tmp_path / "serve.sock"))


@pytest.fixture
def own() -> Iterator[FakeBackend]:
    """The node that the command makes itself, of the backend that the daemon has too."""
    backend = FakeBackend()
    default_registry().register_backend(BackendSpec("fake", ["mainline"], lambda config: backend))
    yield backend
    default_registry().unregister_backend("fake")


@pytest.fixture
def daemon(serve: Serving) -> Any:
    """A daemon on mainline as the command sees it, and on kademlia too where that is given a backend."""

    @asynccontextmanager
    async def make(backend: FakeBackend, kademlia: FakeBackend | None = None) -> AsyncIterator[World]:
        others = {} if kademlia is None else {"other": kademlia}
        networks = [NetworkDefinition("mainline", "fake", [CONTACT])]
        networks += [NetworkDefinition("kademlia", "other", [CONTACT])] if others else []
        async with serve(network=networks, fake=backend, **others) as world:
            states = world.daemon.bitboot.networks
            await until(lambda: all(state.ready for state in states().values()))
            yield world

    return make


Said = tuple[int, str, str]
"""Exit status, stdout and stderr."""


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a lookup; what it says, but for how many seconds it took. `by`: `quick.run` or `program.run`."""

    async def run(by: Callable[[list[str]], int | None], *options: str) -> Said:
        command = ["lookup", "--bootstrap", str(CONTACT), *options]
        status = await asyncio.to_thread(by, command)
        assert status is not None, "it was left to the command line proper"
        out, err = capsys.readouterr()
        return status, re.sub(r'(in |"seconds": )[\d.e-]+', r"\1N", out), err

    return run


FORMS = [[], ["--json"], ["-q"], ["--quiet", "--fail-empty"], ["--json", "--fail-empty", "--timeout=5"]]

FOUND: dict[str, dict[str, Any]] = {
    "nobody": {},
    "one": {"peers": [V4]},
    "several": {"peers": [V6, V4, KnownHost("192.0.2.2", 0)]},
    "an id": {
        "peers": [V4, KnownHost("192.0.2.2", 1, "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")]
    },
    "failed": {"lookup": fails(BackendError("no\x1b[2Jluck", hint="try backend='other'"))},
    "in time": {"lookup": fails(BackendTimeout("nobody answered after timeout=5", hint="raise timeout="))},
    "later": {"peers": [V4], "lookup": fails(BackendError("later"))},
}
"""What the network has, by name."""


@pytest.mark.once
@pytest.mark.parametrize("form", FORMS, ids=" ".join)
@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND.keys())
async def test_all_ways_say_the_same(
    own: FakeBackend, daemon: Any, said: Any, form: list[str], found: dict[str, Any]
) -> None:
    own.peers = found.get("peers", [])
    own.acts = {name: act for name, act in found.items() if name != "peers"}
    async with daemon(FakeBackend(**found)):
        quickly = await said(quick.run, "mynet", *form)
        assert await said(program.run, "mynet", *form) == quickly
        assert own.calls == []
    assert await said(program.run, "mynet", *form, "--no-daemon", "--backend", "fake") == quickly
    assert own.calls != []


@pytest.mark.parametrize("name", ["a b", "it's", "a=b", "{0}%s&<>/../", "x" * 1024])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["lines", "json"])
async def test_names_are_told_in_the_same_way(daemon: Any, said: Any, name: str, form: list[str]) -> None:
    async with daemon(FakeBackend(peers=[V4])):
        assert await said(quick.run, name, *form) == await said(program.run, name, *form)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["lines", "json"])
async def test_a_network_that_fails_is_told_in_the_same_way(daemon: Any, said: Any, form: list[str]) -> None:
    options = ["mynet", "--network", "mainline", "--network", "kademlia", *form]
    failing = FakeBackend(lookup=fails(BackendError("no luck", hint="wait")))
    async with daemon(FakeBackend(peers=[V4]), failing):
        quickly = await said(quick.run, *options)
        assert await said(program.run, *options) == quickly
    assert "no luck" in quickly[1] + quickly[2]


async def test_a_limit_is_kept(daemon: Any, said: Any) -> None:
    async with daemon(FakeBackend(peers=[V4, V6])):
        assert (await said(quick.run, "mynet", "-q", "--limit", "1"))[:2] == (0, "192.0.2.1:6881\n")


LEFT = [
    [],
    ["größe"],
    ["名"],
    ['a "b"'],
    ["a\\b"],
    ["a\tb"],
    ["a\x1b[2J"],
    ["\udc80"],
    [""],
    ["a", "b"],
    ["--", "a"],
    ["0" * 40],
    ["MAGNET:?xt=urn:btih:" + "0" * 40],
    ["a", "--json", "-q"],
    ["a", "--limit", "0"],
    ["a", "--limit", "x"],
    ["a", "--limit"],
    ["a", "--limit", "1", "--limit", "2"],
    ["a", "--timeout", "nan"],
    ["a", "--timeout", "0"],
    ["a", "--timeout", "121"],
    ["a", "--network", "local"],
    ["a", "--network", ""],
    ["a", "--wait", "1"],
    ["a", "--format", "{host}"],
    ["a", "--size"],
    ["a", "--help"],
    ["a", "-v"],
    ["a", "-qv"],
    ["a", "--js"],
    ["a", "--json=yes"],
    ["a", "--no-daemon"],
    ["a", "--listen", ":0"],
    ["a", "--state-dir", "x"],
    ["a", "--secret-file", "x"],
    ["a", "--config", "x"],
    ["a", "--backend", "x"],
]


@pytest.mark.parametrize("words", LEFT, ids=" ".join)
def test_what_is_not_plain_is_left_to_the_command_line_proper(words: list[str]) -> None:
    assert quick.understood(words) is None


def test_every_option_is_known_to_the_command_line_proper() -> None:
    known = {name for option in program.commands()["lookup"].params for name in option.opts}
    assert {*quick.FLAGS, *quick.WITH_VALUE} <= known


ASKED = [
    [],
    ["--limit", "3", "--timeout", "1.5"],
    ["--network", "kademlia", "--network", "mainline"],
    ["--bootstrap", "192.0.2.9:9", "--bootstrap=[2001:db8::1]:1"],
]


@pytest.mark.parametrize("options", ASKED, ids=" ".join)
def test_what_is_asked_is_the_same(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    asked: list[Any] = []

    def note(path: str, body: str, timeout: float) -> Iterator[asking.Record]:
        asked.append((path, {"limit": None, **json.loads(body)}, timeout))
        yield END

    Path(os.environ["BITBOOT_SOCKET"]).touch()
    monkeypatch.setattr(asking, "look_up", note)
    monkeypatch.setattr(by_daemon, "look_up", note)
    for run in (quick.run, program.run):
        assert run(["lookup", "mynet", *options]) == 0
    assert asked[0] == asked[1]


SETTINGS: list[dict[str, str]] = [
    {"BITBOOT_CONFIG": "x"},
    {"BITBOOT_SECRET": "x"},
    {"BITBOOT_STRICT": "1"},
    {"_BITBOOT_COMPLETE": "bash_complete"},
    {"HOME": ""},
    {"XDG_CONFIG_HOME": "relative"},
]


@pytest.mark.parametrize("environ", SETTINGS, ids=str)
def test_settings_from_elsewhere_are_left_to_the_command_line_proper(environ: dict[str, str]) -> None:
    assert not quick.has_settings({"HOME": "/nowhere", "BITBOOT_SOCKET": "x", "BITBOOT_STATE_DIR": "y"})
    assert quick.has_settings({"HOME": "/nowhere", **environ})


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_a_configuration_file_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    file = tmp_path / ("" if variable == "XDG_CONFIG_HOME" else ".config") / "bitboot" / "config.toml"
    assert not quick.has_settings(os.environ)
    file.parent.mkdir(parents=True)
    file.write_text("timeout = 3\n", encoding="utf-8")
    assert ConfigFile.read().path == file, "where the command line proper looks"
    assert quick.has_settings(os.environ)


def test_the_socket_is_looked_for_in_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert quick.socket_path(os.environ) == str(by_daemon.socket_path())
    tmp_path.chmod(0o700)
    monkeypatch.delenv("BITBOOT_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert quick.socket_path(os.environ) == str(by_daemon.socket_path())
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert quick.socket_path(os.environ) is None


def test_people_are_shown_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "look_up", pytest.fail)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Path(os.environ["BITBOOT_SOCKET"]).touch()
    assert quick.run(["lookup", "mynet"]) is None


LOADED = """
import sys
before = {*sys.modules}
from bitboot_core._cli import main
status = main(sys.argv[1:])
print(status, *{"asyncio", "click", "dataclasses", "typing", "http.client"} & ({*sys.modules} - before))
"""


async def test_nothing_slow_is_imported(daemon: Any) -> None:
    async with daemon(FakeBackend(peers=[V4])):
        arguments = ["lookup", "mynet", "-q", "--bootstrap", str(CONTACT)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOADED, *arguments, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
    assert out.decode().splitlines() == [str(V4), "0"]


STOPPED = [
    (signal.SIGINT, []),
    (signal.SIGINT, ["--json"]),
    (signal.SIGINT, ["--as-name"]),
    (signal.SIGTERM, ["-q"]),
    (signal.SIGTERM, ["--as-name"]),
]
"""With `--as-name` the command line proper does it."""


@pytest.mark.once
@pytest.mark.parametrize(("number", "options"), STOPPED)
async def test_a_signal_ends_it_in_good_order(
    daemon: Any, number: signal.Signals, options: list[str]
) -> None:
    held = asyncio.Event()
    async with daemon(FakeBackend(peers=[V4], lookup=hangs_until(held))) as world:
        pipe = subprocess.PIPE
        arguments = ["lookup", "mynet", "--bootstrap", str(CONTACT), *options]
        process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=pipe, stderr=pipe)
        assert process.stdout is not None
        while V4.host.encode() not in await process.stdout.readline():
            pass
        process.send_signal(number)
        out, err = (one.decode() for one in await process.communicate())
        await until(lambda: world.daemon.lookups.running == 0)
        held.set()
    assert process.returncode == 1
    told = f"{out}{err}".splitlines()
    assert len(told) == 1
    assert "stopped before the lookup was done" in told[0]


def answering(*parts: bytes, holding: bool = False, times: int = 1) -> AbstractContextManager[str]:
    """A daemon on the socket that the commands ask."""
    return answering_on(os.environ["BITBOOT_SOCKET"], *parts, holding=holding, times=times)


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


SENSELESS = {
    "nothing": b"",
    "no http": b"SSH-2.0-x\r\n",
    "binary": bytes(range(256)) * 9,
    "half a head": b"HTTP/1.1 200 OK\r\nA: b\r\n",
    "no record": OK,
    "refusal": b"HTTP/1.1 409 Conflict\r\n\r\n{}",
    "failure": b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000,
    "a long line": OK + b"x" * 100_000,
    "no json": OK + b"{\n",
    "deep json": OK + b"[" * 50_000 + b"\n",
    "a long number": OK + b"9" * 50_000 + b"\n",
    "half a record": OK + b'{"event": "ready"',
    "a list": OK + lines([]),
    "an unknown record": OK + lines({"event": "what"}),
    "no event": OK + lines({"event": []}),
    "less than a record": OK + lines({"event": "peer", "host": "192.0.2.1"}),
    "a host that is none": OK + lines({**PEER, "host": 5}),
    "sources that are none": OK + lines({**PEER, "sources": [1]}),
    "a port that is none": OK + lines({**PEER, "port": 65536}),
    "an id that is none": OK + lines({**PEER, "peer_id": {"a": 1}}),
    "failures that are none": OK + lines({**END, "failures": {"x": "y"}}),
    "not unicode": OK + b'{"event": "\xff"}\n',
}


@pytest.mark.parametrize("answer", SENSELESS.values(), ids=SENSELESS.keys())
def test_an_answer_that_makes_no_sense_is_none(answer: bytes) -> None:
    with answering(answer) as path, pytest.raises(Unusable):
        list(look_up(path, "", 1))


@pytest.mark.parametrize("answer", SENSELESS.values(), ids=SENSELESS.keys())
def test_what_makes_no_sense_later_is_the_answer_s_end(answer: bytes) -> None:
    with answering(OK + lines(READY, PEER), answer.removeprefix(OK)) as path:
        assert list(look_up(path, "", 1)) == [READY, PEER, asking.ENDED]


@pytest.mark.parametrize("begun", [b"", OK, OK + b'{"event"'], ids=["nothing", "a head", "half a record"])
def test_a_daemon_that_says_no_more_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.01)
    with answering(begun, holding=True) as path, pytest.raises(Unusable):
        list(look_up(path, "", 0.01))
    os.unlink(path)
    with answering(OK + lines(READY), holding=True) as path:
        assert list(look_up(path, "", 0.01)) == [READY, asking.ENDED]


def test_an_answer_is_read_however_it_arrives() -> None:
    whole = OK + lines(READY, PEER, END)
    with answering(*(whole[at : at + 1] for at in range(len(whole)))) as path:
        assert list(look_up(path, "", 1)) == [READY, PEER, END]


@pytest.mark.parametrize("answer", [b"", OK, SENSELESS["refusal"]], ids=["nothing", "a head", "a refusal"])
def test_without_an_answer_the_command_makes_a_node(
    own: FakeBackend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    own.peers = [OWN]
    monkeypatch.setattr(Registry, "choose", lambda registry, *_: ("fake", registry.backend("fake")))
    with answering(answer, times=2):
        assert main(["lookup", "mynet", "-q", "--bootstrap", str(CONTACT)]) == 0
    assert capsys.readouterr() == (f"{OWN}\n", "")


@pytest.mark.parametrize("form", [[], ["--json"], ["-q"]], ids=["lines", "json", "-q"])
def test_a_daemon_that_ends_before_the_lookup_is_told_of(
    capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    with answering(OK + lines(READY, PEER)):
        assert main(["lookup", "mynet", *form]) == 1
    out, err = capsys.readouterr()
    assert "the daemon ended before the lookup did" in out + err
    assert "192.0.2.1" in out


def test_what_it_says_reaches_the_screen_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(OK + lines({**READY, "backend": "b\x1b[2J"}, {**PEER, "sources": ["m\nx"]}, END)):
        assert main(["lookup", "mynet"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 3


def test_a_socket_of_another_user_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.environ["BITBOOT_SOCKET"])
        monkeypatch.setattr(os, "getuid", lambda: 4711)
        is_roots = os.stat(os.environ["BITBOOT_SOCKET"]).st_uid == 0
        assert asking.is_ours(os.environ["BITBOOT_SOCKET"]) is is_roots
    assert not asking.is_ours("/dev/null")
    assert not asking.is_ours("\0")
