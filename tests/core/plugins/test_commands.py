"""Commands that plugins bring: asked for one plugin at a time, checked, and never in the way of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
import pytest

from bitboot_core import PluginError, Registry
from bitboot_core._plugins.commands import SLOW, gather
from bitboot_core._plugins.plugin import Plugin, PluginProblem
from bitboot_core.testing import FakeBackend, FakeDistribution, FakeEntryPoint, plugin_module, spec_of

HELLO = click.Command("hello")


def point(name: str, hook: Callable[[], Iterable[Any]], **brought: Any) -> FakeEntryPoint:
    return FakeEntryPoint(name, plugin_module(commands=hook, **brought), FakeDistribution(f"{name}-dist"))


def registry_of(*entry_points: FakeEntryPoint, **environ: str) -> Registry:
    return Registry(entry_points=lambda: entry_points, environ=environ)


def names(registry: Registry) -> list[str]:
    return list(registry.plugin_commands())


def raises(error: BaseException) -> Callable[[], Iterable[Any]]:
    def hook() -> Iterable[Any]:
        raise error

    return hook


def test_the_hook_is_called_only_where_somebody_asks_for_commands() -> None:
    asked: list[int] = []

    def hook() -> list[click.Command]:
        asked.append(1)
        return [HELLO]

    registry = registry_of(point("one", hook))
    assert [plugin.entry_point for plugin in registry.plugins()] == ["one"]
    assert asked == []
    assert registry.plugin_commands() == {"hello": (registry.plugins()[0], HELLO)}
    assert (names(registry), asked) == (["hello"], [1])


@pytest.mark.parametrize(
    ("hook", "stage", "words"),
    [
        (raises(OSError("no luck")), "hook", "OSError: no luck"),
        (raises(SystemExit(3)), "hook", "SystemExit: 3"),
        (lambda: None, "hook", "NoneType"),
        (lambda: ["hello"], "validation", "'hello' is not a click.Command"),
        (lambda: [click.Command("a b")], "validation", "'a b' cannot be a command's name"),
        (lambda: [click.Command(None)], "validation", "None cannot be a command's name"),
        (lambda: [click.Command("lookup")], "validation", "lookup is a command of bitboot itself"),
        (lambda: [HELLO, click.Command("hello")], "validation", "two commands of one name: hello"),
    ],
)
def test_what_cannot_be_had_is_told_of_and_harms_nobody(
    hook: Callable[[], Any], stage: str, words: str
) -> None:
    bad = point("bad", hook, backends=lambda: [spec_of(FakeBackend(), "kept")])
    registry = registry_of(bad, point("good", lambda: [click.Command("fine")]))
    assert names(registry) == ["fine"]
    (problem,) = registry.problems()
    assert (problem.entry_point, problem.stage) == ("bad", stage)
    assert words in str(problem)
    assert problem.hint == "report it to the authors of bad-dist"
    assert list(registry.backends()) == ["kept"], "what else it brings stays"


def test_two_plugins_with_one_command_stay_reachable_and_neither_wins() -> None:
    registry = registry_of(point("a", lambda: [HELLO]), point("b", lambda: [click.Command("hello")]))
    assert names(registry) == ["a-dist:hello", "b-dist:hello"]
    assert [problem.stage for problem in registry.problems()] == ["duplicate"] * 2


def test_a_hook_that_takes_long_is_told_of_and_its_commands_are_there() -> None:
    times = iter([0.0, SLOW + 0.1, 5.0, 5.0 + SLOW])
    told: list[PluginProblem] = []
    slow, quick = Plugin("slow", "slow-dist", "1"), Plugin("quick", "quick-dist", "1")
    hooks = [(slow, lambda: [HELLO]), (quick, lambda: [click.Command("fine")])]
    assert list(gather(hooks, told.append, lambda: next(times))) == ["fine", "hello"]
    (problem,) = told
    assert (problem.entry_point, problem.stage) == ("slow", "hook")
    assert "1.1 s" in str(problem)


def test_strict_raises() -> None:
    registry = registry_of(point("bad", raises(OSError("no luck"))), BITBOOT_STRICT="1")
    with pytest.raises(PluginError, match="no luck"):
        registry.plugin_commands()
