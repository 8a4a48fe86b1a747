"""The schema of what `--json` prints. Whether commands keep to it is checked wherever a test reads events."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import jsonschema
import pytest

from bitboot_core._cli.report import checks, events, items, listings, reach, secrets, sizes

from .conftest import SCHEMA, Cli, event_of

EVENTS = {
    kind.name: kind
    for module in (events, items, reach, listings, checks, secrets, sizes)
    for kind in vars(module).values()
    if inspect.isclass(kind) and issubclass(kind, events.Event) and hasattr(kind, "name")
}

ANNOUNCE = ["announce", "x", "--network", "local", "--port", "1", "--for", "0.01"]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert [one["$ref"] for one in SCHEMA["oneOf"]] == [f"#/$defs/{name}" for name in SCHEMA["$defs"]]


def test_it_knows_every_event_and_every_key() -> None:
    described = {name: list(event["properties"])[1:] for name, event in SCHEMA["$defs"].items()}
    assert described == {
        name: [field.name for field in dataclasses.fields(kind)] for name, kind in EVENTS.items()
    }


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "nix"}',
        '{"event": "done", "swarm": "x", "seconds": -1}',
        '{"event": "done", "swarm": "x", "seconds": 1, "more": 1}',
        '{"event": "peer", "swarm": "x", "host": "h", "port": 0, "sources": ["m"]}',
        '{"event": "started", "network": "mainline"}',
    ],
)
def test_what_is_no_event(line: str) -> None:
    with pytest.raises((KeyError, jsonschema.ValidationError)):
        event_of(line)


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (["lookup", "x", "--network", "local"], ["ready", "done"]),
        (
            ["announce", "x", "--network", "local", "--port", "1", "--for", "0.01"],
            ["ready", "announced", "done"],
        ),
        (["lookup", "x", "--network", "local", "--size"], ["ready", "size", "done"]),
        (["watch", "x", "--network", "local", "--for", "0.01"], ["ready", "done"]),
        (["networks"], ["network"]),
        (["plugins"], ["plugin"]),
        (["demo"], ["started", "announced", "ready", "peer", "cost", "done"]),
        (["doctor", "--network", "local"], ["check", "verdict"]),
        (["lookup", "x", "--nix"], ["error"]),
    ],
    ids=lambda value: value[0],
)
def test_every_command_keeps_to_the_whole_schema(cli: Cli, arguments: list[str], kinds: list[str]) -> None:
    found: list[dict[str, Any]] = cli(*arguments, "--json").events
    assert list(dict.fromkeys(event["event"] for event in found)) == kinds
    for event in found:
        jsonschema.validate(event, SCHEMA)
