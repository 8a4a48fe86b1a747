"""Every error there is, met at the command line: what failed, why, what to do, in the shell's own words.

`tests/core/test_errors.py` raises each of them from Python.
"""

from __future__ import annotations

import inspect
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bitboot_core import (
    AllBackendsFailed,
    AnnounceFailed,
    BackendError,
    BackendSpec,
    BackendTimeout,
    BackendUnavailable,
    BitBootError,
    BootstrapFailed,
    DoubleNat,
    HostNotFound,
    Identity,
    InvalidConfig,
    InvalidEndpoint,
    InvalidItem,
    InvalidSwarmName,
    ItemLocked,
    ItemOutdated,
    KnownHost,
    LibraryMissing,
    ListenFailed,
    NetworkUnavailable,
    NoRouterAnswered,
    NotRunning,
    Offline,
    PluginError,
    PortMappingFailed,
    PublishFailed,
    Receipt,
    Registry,
    RequestRefused,
    UnknownBackend,
    UnknownNetwork,
    UnsupportedOperation,
    UsageError,
    default_registry,
    errors,
)
from bitboot_core._cli.report.wording import as_options
from bitboot_core.testing import (
    FakeBackend,
    FakeDistribution,
    FakeEntryPoint,
    answers,
    fails,
    hangs,
)

from .conftest import Cli, Served

SEED = KnownHost("127.0.0.1", 9)
"""Where nobody answers."""

ALONE = ["--listen", "127.0.0.1:0", "--bootstrap", str(SEED)]


class World:
    """What it takes to meet an error."""

    def __init__(
        self, served: Served, contacts: Sequence[KnownHost], patch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        self.served, self.contacts, self.patch, self.folder = served, contacts, patch, folder
        self.taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.taken.bind(("127.0.0.1", 0))

    def serve(self, backend: FakeBackend, name: str = "fake") -> list[str]:
        """A network served by `backend`: the words that choose it."""
        self.served.add(name, backend, [])
        return ["--network", name]

    def publishing(self, error: BitBootError, *words: str) -> list[str]:
        """`bitboot publish` on a network where that fails."""
        Identity.load(self.folder / "me")
        options = ["--key-file", str(self.folder / "me"), *self.serve(FakeBackend(publish=fails(error)))]
        return ["publish", "hello", *options, *words]


Meeting = Callable[[World], list[str]]
MEETINGS: dict[type[BitBootError], Meeting] = {}
TELLS: dict[type[BitBootError], str] = {}
HINTS: dict[type[BitBootError], str] = {}


def meets(error: type[BitBootError], *, tells: str, hint: str) -> Callable[[Meeting], Meeting]:
    """The command line that meets `error`, words that tell what failed, and words of the next step."""

    def note(meeting: Meeting) -> Meeting:
        MEETINGS[error], TELLS[error], HINTS[error] = meeting, tells, hint
        return meeting

    return note


@meets(UsageError, tells="no swarm was named", hint="--lookup")
def _(world: World) -> list[str]:
    return ["--print-discovered-peers"]


@meets(InvalidSwarmName, tells="must not be empty", hint="my-app")
def _(world: World) -> list[str]:
    return ["lookup", "", "--network", "local"]


@meets(InvalidEndpoint, tells="'nobody' is not an endpoint", hint="HOST:PORT")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", "--bootstrap", "nobody"]


@meets(InvalidConfig, tells="--timeout -1", hint="such as 20")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", "--network", "local", "--timeout", "-1"]


@meets(UnknownBackend, tells="no backend named btdth", hint="did you mean btdht?")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", "--backend", "btdth"]


@meets(UnknownNetwork, tells="no network named lokal", hint="did you mean local?")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", "--network", "lokal"]


@meets(UnsupportedOperation, tells="192.0.2.9 is not an address of this node", hint="leave the host out")
def _(world: World) -> list[str]:
    contact = str(world.contacts[0])
    return ["-a", "mynet", "--peer-host", "192.0.2.9", "--listen", "127.0.0.1:0", "--bootstrap", contact]


@meets(NetworkUnavailable, tells="bitcoin is a placeholder", hint="install a plugin")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", "--network", "bitcoin"]


@meets(NotRunning, tells="closed", hint="start it again")
def _(world: World) -> list[str]:
    closed = NotRunning("the node was closed by itself", hint="start it again")
    return ["lookup", "mynet", *world.serve(FakeBackend(lookup=fails(closed)))]


@meets(PluginError, tells="bad is installed but failed to load", hint="reinstall")
def _(world: World) -> list[str]:
    bad = FakeEntryPoint("bad", ImportError("no such library"), FakeDistribution("bad-plugin"))
    strict = Registry(entry_points=lambda: [bad], environ={"BITBOOT_STRICT": "1"})
    world.patch.setattr("bitboot_core._cli.plugins.default_registry", lambda: strict)
    return ["plugins"]


@meets(BackendError, tells="ZeroDivisionError", hint="report it to its authors")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", *world.serve(FakeBackend(lookup=fails(ZeroDivisionError("oops"))))]


@meets(BackendTimeout, tells="fake had not finished after 0.0", hint="--timeout")
def _(world: World) -> list[str]:
    return ["lookup", "mynet", "--timeout", "0.05", *world.serve(FakeBackend(lookup=hangs()))]


@meets(BackendUnavailable, tells="does not work here: no luck", hint="leave --backend out")
def _(world: World) -> list[str]:
    spec = BackendSpec("picky", ["local"], lambda config: FakeBackend(), unavailable=lambda: "no luck")
    default_registry().register_backend(spec)
    return ["lookup", "mynet", "--network", "local", "--backend", "picky"]


@meets(ListenFailed, tells="cannot listen on 127.0.0.1:", hint="port 0 for any free one")
def _(world: World) -> list[str]:
    port = world.taken.getsockname()[1]
    return ["lookup", "mynet", "--listen", f"127.0.0.1:{port}", "--bootstrap", str(SEED)]


@meets(BootstrapFailed, tells="no bootstrap contact of fake answered: 127.0.0.1:9", hint="--bootstrap")
def _(world: World) -> list[str]:
    options = world.serve(FakeBackend(bootstrap=answers(0)))
    return ["lookup", "mynet", *options, "--bootstrap", str(SEED), "--timeout", "0.05"]


@meets(Offline, tells="this machine may be offline", hint="bitboot doctor")
def _(world: World) -> list[str]:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    world.patch.setattr(socket, "getaddrinfo", unreachable)
    return ["lookup", "mynet", "--listen", "127.0.0.1:0", "--bootstrap", "router.example:1"]


@meets(HostNotFound, tells="no-such-host.example does not resolve", hint="check the spelling")
def _(world: World) -> list[str]:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    world.patch.setattr(socket, "getaddrinfo", unknown)
    world.patch.setattr("bitboot_core.aio.resolve.has_way_out", lambda: True)
    return ["lookup", "mynet", "--listen", "127.0.0.1:0", "--bootstrap", "no-such-host.example:1"]


@meets(AnnounceFailed, tells="not announced after 0.05 s", hint="bitboot doctor")
def _(world: World) -> list[str]:
    nowhere = world.serve(FakeBackend(announce=answers(Receipt(0, 1800))))
    return ["announce", "mynet", "--port", "1", "--give-up", "0.05", *nowhere]


@meets(RequestRefused, tells="answers no such request", hint="ask another")
def _(world: World) -> list[str]:
    refused = RequestRefused("the node at 192.0.2.7:6881 answers no such request", hint="ask another")
    return ["lookup", "mynet", *world.serve(FakeBackend(lookup=fails(refused)))]


@meets(AllBackendsFailed, tells="failed on every network: one: ", hint="report it to its authors")
def _(world: World) -> list[str]:
    both = [world.serve(FakeBackend(lookup=fails(OSError("down"))), name) for name in ("one", "two")]
    return ["lookup", "mynet", *both[0], *both[1]]


@meets(LibraryMissing, tells="identities need the library cryptography", hint="bitboot-core[private]")
def _(world: World) -> list[str]:
    world.patch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    return ["identity", "--new"]


@meets(InvalidItem, tells="'nobody' is not a public key", hint="64 hexadecimal digits")
def _(world: World) -> list[str]:
    return ["resolve", "nobody", "--network", "local"]


@meets(PublishFailed, tells="not published after 0.05 s", hint="bitboot doctor")
def _(world: World) -> list[str]:
    return world.publishing(PublishFailed("none of the nodes stored it", hint="wait"), "--give-up", "0.05")


@meets(ItemOutdated, tells="the network has version 9", hint="resolve it")
def _(world: World) -> list[str]:
    return world.publishing(ItemOutdated("the network has version 9", hint="resolve it"))


@meets(ItemLocked, tells="can never be replaced", hint="another salt")
def _(world: World) -> list[str]:
    return world.publishing(ItemLocked("the item can never be replaced", hint="publish under another salt"))


TREE = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, BitBootError)]


@meets(PortMappingFailed, tells="nothing is installed", hint="bitboot-core[nat]")
def _(world: World) -> list[str]:
    world.patch.setattr(Registry, "port_mappers", lambda self: {})
    return ["announce", "mynet", "--port", "1", "--map-port", "--network", "local"]


def test_there_is_a_way_to_meet_every_error() -> None:
    """But for the base, which is only caught, and what commands tell of and go on: see test_map_port.py."""
    assert set(MEETINGS) == set(TREE) - {BitBootError, NoRouterAnswered, DoubleNat}


@pytest.fixture
def world(
    served: Served, contacts: Sequence[KnownHost], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[World]:
    found = World(served, contacts, monkeypatch, tmp_path)
    known = set(default_registry().backends())
    yield found
    found.taken.close()
    for name in set(default_registry().backends()) - known - set(served.names):
        default_registry().unregister_backend(name)


PYTHON = re.compile(r"\b(network|backend|bootstrap|listen|timeout|port|limit)=|async with|Traceback")


@pytest.mark.parametrize("kind", MEETINGS, ids=lambda kind: kind.__name__)
def test_it_says_what_failed_and_what_to_do(kind: type[BitBootError], cli: Cli, world: World) -> None:
    arguments = MEETINGS[kind](world)
    result = cli(*arguments, "--json")
    assert result.status == (2 if issubclass(kind, UsageError) else 1)
    assert result.err == ""
    event = result.events[-1]
    assert event["error"] == kind.__name__
    assert TELLS[kind] in event["message"]
    assert HINTS[kind] in event["hint"]
    assert not PYTHON.search(event["message"] + event["hint"])
    plain = cli(*arguments)
    assert plain.status == result.status
    # The port that an attempt listened on, and the like, may differ.
    *_, error, hint = plain.err.splitlines()
    assert error.startswith("error: ")
    assert TELLS[kind] in error
    assert hint.startswith("hint: ")
    assert HINTS[kind] in hint


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("allow more time with timeout=", "allow more time with --timeout"),
        ('use backend="btdht", or others', "use --backend btdht, or others"),
        ("backend='' is not a name", "--backend is not a name"),
        ("timeout=0.0 is not a number", "--timeout 0.0 is not a number"),
        ("listen=[::1]:5, then", "--listen [::1]:5, then"),
        ("some-timeout=5 and report=", "some-timeout=5 and report="),
    ],
)
def test_the_api_s_settings_are_options_here(said: str, shown: str) -> None:
    assert as_options(said) == shown
