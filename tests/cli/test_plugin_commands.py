"""Commands of plugins on the command line: listed, run, and their errors as those of others."""

from __future__ import annotations

import click
import pytest

from bitboot_core import InvalidConfig, Registry
from bitboot_core.testing import FakeEntryPoint, plugin_module

from .conftest import Cli


@click.command()
@click.option("--fail", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
def hello(*, fail: bool, as_json: bool) -> int:
    """Say hello."""
    if fail:
        raise InvalidConfig("no luck", hint="try again")
    click.echo("hello")
    return 4


BROKEN = plugin_module(commands=lambda: [click.Command("lookup")])


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [FakeEntryPoint("good", plugin_module(commands=lambda: [hello])), FakeEntryPoint("bad", BROKEN)]
    registry = Registry(entry_points=lambda: points, environ={})
    monkeypatch.setattr("bitboot_core._plugins.registry.default_registry", lambda: registry)
    monkeypatch.setattr("bitboot_core._cli.plugins.default_registry", lambda: registry)


def test_they_are_listed_apart_from_the_others(cli: Cli) -> None:
    out = cli("--help").out
    assert "hello" in out.partition("Commands of plugins:")[2]
    assert "Say hello." in out
    assert "Say hello." in cli("hello", "--help").out


def test_they_run_and_say_how_it_went(cli: Cli) -> None:
    result = cli("hello")
    assert (result.status, result.out) == (4, "hello\n")


def test_their_errors_are_shown_as_others_are(cli: Cli) -> None:
    result = cli("hello", "--fail", "--json")
    assert (result.status, result.named("error")[0]["hint"]) == (2, "try again")


def test_a_misspelt_one_is_helped_with(cli: Cli) -> None:
    result = cli("helo")
    assert result.status == 2
    assert "Did you mean hello?" in result.err


def test_what_clashes_is_told_of_and_our_own_command_stays(cli: Cli) -> None:
    assert "Look up the peers" in cli("lookup", "--help").out
    result = cli("plugins")
    assert result.status == 1
    assert "lookup is a command of bitboot itself" in result.out
    assert "see `bitboot plugins`" in cli("zzz").err


def test_serve_says_how_to_get_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(entry_points=list, environ={})
    monkeypatch.setattr("bitboot_core._plugins.registry.default_registry", lambda: registry)
    assert 'pip install "bitboot-core[serve]"' in cli("serve").err
