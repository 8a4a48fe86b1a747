"""What the tests of the command line share: a way to run it, and networks that do as told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jsonschema
import pytest

from bitboot_core import Backend, BackendConfig, BackendSpec, KnownHost, NetworkDefinition, default_registry
from bitboot_core._cli import main
from bitboot_core._cli.report.events import Event
from bitboot_core._cli.report.report import Report

COMMAND = [sys.executable, "-m", "bitboot_core"]
"""The command as a process of its own."""


SCHEMA: dict[str, Any] = json.loads(
    resources.files("bitboot_core").joinpath("events.schema.json").read_text("utf-8")
)
"""What `--json` prints, as it is published."""

_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def event_of(line: str) -> dict[str, Any]:
    """The event that a line of `--json` tells. Fails where the schema does not allow it."""
    event: dict[str, Any] = json.loads(line)
    # Not the whole schema: its oneOf would not say which event it is that is wrong.
    _VALIDATOR.evolve(schema=SCHEMA["$defs"][event["event"]]).validate(event)
    return event


class Reacting(Report):
    """Keeps the events, and calls `react` with each."""

    def __init__(self, react: Callable[[Event], None]) -> None:
        self.events: list[Event] = []
        self._react = react

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self._react(event)


@dataclass(frozen=True)
class Result:
    """What a run of the command line came to."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout. Fails where anything else is there, or one is not as documented."""
        return [event_of(line) for line in self.out.splitlines()]

    def named(self, name: str) -> list[dict[str, Any]]:
        """The events of one name."""
        return [event for event in self.events if event["event"] == name]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `bitboot` with these arguments as a process of its own, which is gone in the end."""
    command = [*COMMAND, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def next_event(running: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON object on its next line of stdout."""
    assert running.stdout is not None
    return event_of(running.stdout.readline())


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `bitboot` with these arguments, in this process."""

    def run(*arguments: str) -> Result:
        status = main(arguments)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


class Served:
    """Networks that the tests bring, each served by a backend of the same name."""

    def __init__(self) -> None:
        self.configs: list[BackendConfig] = []
        self.names: list[str] = []

    def add(self, name: str, backend: Backend, bootstrap: Sequence[KnownHost] = ()) -> None:
        """Have `backend` serve the network `name`."""

        def make(config: BackendConfig) -> Backend:
            self.configs.append(config)
            return backend

        default_registry().register_backend(BackendSpec(name, [name], make))
        default_registry().register_network(NetworkDefinition(name, name, bootstrap))
        self.names.append(name)

    def remove_all(self) -> None:
        for name in self.names:
            default_registry().unregister_backend(name)
            default_registry().unregister_network(name)


@pytest.fixture
def served() -> Iterator[Served]:
    """Networks for one test."""
    networks = Served()
    yield networks
    networks.remove_all()
