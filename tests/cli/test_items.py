"""`bitboot publish` and `bitboot resolve`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bitboot_core import BackendTimeout, Identity, Item, ItemOutdated, PublishFailed
from bitboot_core.items import byte_string
from bitboot_core.testing import FakeBackend, answers, fails

from .conftest import Cli, Served

ALICE = Identity.from_seed(b"a" * 32)
KEY = ALICE.public_key.hex()


@pytest.fixture
def network(served: Served) -> FakeBackend:
    backend = FakeBackend()
    served.add("fake", backend)
    return backend


@pytest.fixture
def me(cli: Cli, tmp_path: Path) -> list[str]:
    """The options that name an identity of this test."""
    file = str(tmp_path / "me")
    cli("identity", "--new", "--key-file", file)
    return ["--key-file", file, "--network", "fake", "--for", "0.01"]


def test_what_is_published_is_resolved(cli: Cli, network: FakeBackend, me: list[str]) -> None:
    published = cli("publish", "hello, world", *me, "--json")
    assert published.status == 0
    identity = Identity.load(me[1], make=False)
    (event,) = published.named("published")
    (item,) = network.items.values()
    assert event == {
        "event": "published",
        "public_key": identity.public_key.hex(),
        "salt": "",
        "seq": item.seq,
        "network": "fake",
        "stored_on": 1,
        "expires_in": 7200,
    }
    resolved = cli("resolve", event["public_key"], "--network", "fake", "--json")
    assert resolved.status == 0
    assert resolved.named("item") == [
        {
            "event": "item",
            "public_key": event["public_key"],
            "salt": "",
            "seq": item.seq,
            "value": "hello, world",
            "hex": b"hello, world".hex(),
            "is_bytes": True,
        }
    ]


def test_one_key_has_many_values(cli: Cli, network: FakeBackend, me: list[str]) -> None:
    for salt in ("one", "zwölf"):
        cli("publish", f"value of {salt}", "--salt", salt, *me)
    key = next(iter(network.items.values())).public_key.hex()
    for salt in ("one", "zwölf"):
        (event,) = cli("resolve", key, "--salt", salt, "--network", "fake", "--json").named("item")
        assert (event["salt"], event["value"]) == (salt, f"value of {salt}")
    assert cli("resolve", key, "--network", "fake", "--json").named("item") == [
        {"event": "item", "public_key": key, "salt": ""}
    ]


def test_a_value_may_come_from_stdin(
    cli: Cli, network: FakeBackend, me: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\0\xff\n"), isatty=lambda: False))
    assert cli("publish", "-", *me).status == 0
    (item,) = network.items.values()
    assert item.value == b"\0\xff\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"x" * 9999), isatty=lambda: False))
    result = cli("publish", "-", *me, "--json")
    assert result.status == 2
    assert "996" in result.events[-1]["message"]


def test_without_an_identity_it_says_how_to_make_one(cli: Cli, network: FakeBackend, tmp_path: Path) -> None:
    result = cli("publish", "hello", "--key-file", str(tmp_path / "nobody"), "--network", "fake", "--json")
    assert result.status == 2
    assert result.events[0]["error"] == "InvalidConfig"
    assert f"bitboot identity --new --key-file {tmp_path / 'nobody'}" in result.events[0]["hint"]
    assert not network.calls


def test_plain_lines_and_the_value_alone(cli: Cli, network: FakeBackend) -> None:
    network.acts["resolve"] = answers(Item.signed(ALICE, b"5:hello", seq=7))
    assert cli("resolve", KEY, "--network", "fake").out.splitlines()[-1] == "item: version 7, 5 bytes: hello"
    assert cli("resolve", KEY, "--network", "fake", "-q").out == "hello\n"
    network.acts["resolve"] = answers(None)
    assert "nothing is published there" in cli("resolve", KEY, "--network", "fake").out
    quiet = cli("resolve", KEY, "--network", "fake", "-q", "--fail-empty")
    assert (quiet.status, quiet.out) == (3, "")


@pytest.mark.parametrize(
    ("encoded", "value", "is_bytes"),
    [
        (b"2:\xff\xfe", None, True),
        (b"d2:ih2:xxe", "d2:ih2:xxe", False),
        (byte_string(b"\x1b[2Jgone\r\nforged: line\xe2\x80\xae"), "\x1b[2Jgone\r\nforged: line\u202e", True),
    ],
)
def test_what_strangers_publish_reaches_no_screen_unescaped(
    cli: Cli, network: FakeBackend, encoded: bytes, value: str | None, is_bytes: bool
) -> None:
    network.acts["resolve"] = answers(Item.signed(ALICE, encoded, seq=7))
    (event,) = cli("resolve", KEY, "--network", "fake", "--json").named("item")
    assert (event.get("value"), event["is_bytes"]) == (value, is_bytes)
    for words in ([], ["-q"]):
        out = cli("resolve", KEY, "--network", "fake", *words).out
        assert not set(out) & {"\x1b", "\r", "\u202e"}
        assert out.isprintable() or set(out) - set("\n") <= {one for one in out if one.isprintable()}


def test_nobody_answered_is_a_failure_and_not_nothing(cli: Cli, network: FakeBackend) -> None:
    network.acts["resolve"] = fails(BackendTimeout("none of the 3 nodes asked answered", hint="try again"))
    result = cli("resolve", KEY, "--network", "fake", "--json", "--fail-empty")
    assert result.status == 1
    assert result.events[-1]["error"] == "BackendTimeout"


@pytest.mark.parametrize("key", ["nonsense", "ab" * 31, "ab" * 33, "", "xy" * 32])
def test_what_is_no_key_is_refused(cli: Cli, network: FakeBackend, key: str) -> None:
    result = cli("resolve", key, "--network", "fake", "--json")
    assert result.status == 2
    assert result.events[0]["error"] == "InvalidItem"
    assert not network.calls


def test_one_that_fails_goes_on_and_gives_up_where_it_is_told_to(
    cli: Cli, network: FakeBackend, me: list[str]
) -> None:
    network.acts["publish"] = fails(PublishFailed("none stored it", hint="wait"))
    waiting = cli("publish", "hello", *me, "--json")
    assert waiting.status == 0
    assert [event["network"] for event in waiting.named("error")] == ["fake"]
    result = cli("publish", "hello", *me[:-2], "--give-up", "0.05", "--json")
    assert result.status == 1
    assert result.events[-1]["message"] == "not published after 0.05 s"


def test_cas_that_does_not_hold_ends_it(cli: Cli, network: FakeBackend, me: list[str]) -> None:
    def outdated() -> Any:
        return fails(ItemOutdated("the network has version 9", seq=9, encoded=b"1:x", hint="resolve it"))

    network.acts["publish"] = outdated()
    result = cli("publish", "hello", "--cas", "8", *me[:-2], "--json")
    assert result.status == 1
    assert result.events[-1]["error"] == "ItemOutdated"
    assert (network.calls[-2][0], network.calls[-2][2]) == ("publish", 8)


def test_quiet_and_json_exclude_each_other(cli: Cli, network: FakeBackend) -> None:
    assert cli("resolve", KEY, "--network", "fake", "-q", "--json").status == 2
