"""Plugins go through each stage on their own: a broken one is dropped whole, the others live."""

from typing import Any

import pluggy
import pytest

from bitboot_core import (
    BackendSpec,
    KnownHost,
    NetworkDefinition,
    PluginError,
    PluginProblem,
    Registry,
    UnknownBackend,
    UnknownNetwork,
    hookimpl,
)
from bitboot_core.testing import FakeBackend, FakeDistribution, FakeEntryPoint, plugin_module, spec_of


class Panic(BaseException):
    """What some native libraries raise."""


def registry_of(*entry_points: FakeEntryPoint, **environ: str) -> Registry:
    return Registry(entry_points=lambda: entry_points, environ=environ)


def spec(name: str = "good", **fields: object) -> BackendSpec:
    return BackendSpec(**{"name": name, "protocols": ["p"], "factory": lambda config: FakeBackend()} | fields)  # type: ignore[arg-type]


GOOD = FakeEntryPoint(
    "good", plugin_module(backends=lambda: [spec()]), FakeDistribution("good-plugin", "2.0")
)


def broken(module: object) -> FakeEntryPoint:
    return FakeEntryPoint("bad", module, FakeDistribution("Bad_Plugin", "0.3"))


def only_problem(*entry_points: FakeEntryPoint) -> PluginProblem:
    """The problem there is, once it is sure that the good plugin has not suffered."""
    registry = registry_of(GOOD, *entry_points)
    assert list(registry.backends()) == ["good"]
    assert [plugin.entry_point for plugin in registry.plugins()] == ["good"]
    (problem,) = registry.problems()
    assert (problem.entry_point, problem.distribution, problem.version) == ("bad", "Bad_Plugin", "0.3")
    assert problem.hint
    return problem


def test_a_good_plugin_brings_backends_and_networks() -> None:
    network = NetworkDefinition("mine", "p", [KnownHost("192.0.2.1", 1)])
    module = plugin_module(backends=lambda: [spec()], networks=lambda: iter([network]))
    registry = registry_of(FakeEntryPoint("one", module))
    assert registry.problems() == []
    assert registry.backend("good").protocols == ["p"]
    assert registry.network("mine") is network
    (plugin,) = registry.plugins()
    assert (plugin.distribution, plugin.version) == ("fake-plugin", "1.0")


@pytest.mark.parametrize(
    "error", [ImportError("no libx"), SystemExit(3), Panic("at the disco"), SyntaxError("what")]
)
def test_a_failing_import(error: BaseException) -> None:
    problem = only_problem(broken(error))
    assert problem.stage == "import"
    assert problem.error is error
    assert str(problem) == f"bad is installed but failed to load: {type(error).__name__}: {error}"


def test_an_unknown_name_says_how_many_plugins_failed() -> None:
    registry = registry_of(broken(ImportError("no libx")))
    with pytest.raises(UnknownNetwork) as network:
        registry.network("mainlin")
    assert network.value.hint == "did you mean mainline? (1 plugin failed to load: see `bitboot plugins`)"
    with pytest.raises(UnknownBackend) as backend:
        registry.backend("nobodys")
    assert "1 plugin failed to load" in backend.value.hint


def test_ctrl_c_is_not_a_plugins_problem() -> None:
    registry = registry_of(broken(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        registry.backends()


@pytest.mark.parametrize(
    ("api", "hint"),
    [
        (None, "BITBOOT_API = 1"),
        ("1", "BITBOOT_API = 1"),
        (2, "update bitboot-core"),
        (0, "update Bad_Plugin"),
    ],
)
def test_an_api_version_that_does_not_match(api: object, hint: str) -> None:
    problem = only_problem(broken(plugin_module(backends=lambda: [spec("bad")], api=api)))
    assert problem.stage == "api"
    assert hint in problem.hint


def test_a_hook_with_arguments_that_nobody_specified() -> None:
    def bitboot_backends(config: object) -> list[BackendSpec]:
        return [spec("bad")]

    problem = only_problem(broken(plugin_module(backends=bitboot_backends)))  # type: ignore[arg-type]
    assert problem.stage == "register"
    assert "config" in str(problem.error)


def test_a_misspelt_hook() -> None:
    module = plugin_module(backends=lambda: [spec("bad")])
    module.bitboot_backend = hookimpl(lambda: [])  # type: ignore[attr-defined]  # noqa: PIE807
    problem = only_problem(broken(module))
    assert problem.stage == "register"
    assert isinstance(problem.error, pluggy.PluginValidationError)
    assert "bitboot_backend" in str(problem.error)


def test_one_module_under_two_names() -> None:
    registry = registry_of(GOOD, FakeEntryPoint("again", GOOD.module, FakeDistribution("zzz")))
    assert list(registry.backends()) == ["good"]
    (problem,) = registry.problems()
    assert (problem.entry_point, problem.stage) == ("again", "register")
    assert "same module" in str(problem.error)


@pytest.mark.parametrize("error", [RuntimeError("oops"), SystemExit(1), Panic("!")])
def test_a_raising_hook(error: BaseException) -> None:
    def bitboot_backends() -> list[BackendSpec]:
        raise error

    problem = only_problem(broken(plugin_module(backends=bitboot_backends)))
    assert problem.stage == "hook"
    assert problem.error is error


def test_a_hook_that_fails_half_way_brings_nothing() -> None:
    def bitboot_networks() -> list[NetworkDefinition]:
        raise RuntimeError("second hook")

    problem = only_problem(broken(plugin_module(backends=lambda: [spec("bad")], networks=bitboot_networks)))
    assert problem.stage == "hook"


@pytest.mark.parametrize(
    ("backends", "words"),
    [
        (["btdht"], "not a BackendSpec"),
        ([spec("a:b")], "a:b"),
        ([spec("")], "name"),
        ([spec(3)], "name"),  # type: ignore[arg-type]
        ([spec("x", protocols="p")], "protocols"),
        ([spec("x", protocols=[])], "protocol"),
        ([spec("x", protocols=[""])], "protocols"),
        ([spec("x", protocols=None)], "protocols"),
        ([spec("x", factory=None)], "factory"),
        ([spec("x", unavailable="no")], "unavailable"),
        ([spec("x", testnet=4)], "testnet"),
        ([spec("x"), spec("x")], "two backends named x"),
    ],
)
def test_backends_that_cannot_be(backends: list[object], words: str) -> None:
    problem = only_problem(broken(plugin_module(backends=lambda: backends)))
    assert problem.stage == "validation"
    assert words in str(problem.error)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("mine", "not a NetworkDefinition"),
        (NetworkDefinition("a b", "p"), "a b"),
        (NetworkDefinition("x", ""), "protocol"),
        (NetworkDefinition("x", "p", ["host:1"]), "bootstrap"),  # type: ignore[list-item]
        (NetworkDefinition("x", "p", None), "bootstrap"),  # type: ignore[arg-type]
        (NetworkDefinition("x", "p", [KnownHost("192.0.2.1", 0)]), "192.0.2.1:0"),
        (NetworkDefinition("x", "p", [KnownHost("0.0.0.0", 1)]), "0.0.0.0:1"),
        (NetworkDefinition("x", "p", status="ready"), "status"),  # type: ignore[arg-type]
    ],
)
def test_networks_that_cannot_be(network: object, words: str) -> None:
    problem = only_problem(broken(plugin_module(backends=lambda: [spec("bad")], networks=lambda: [network])))
    assert problem.stage == "validation"
    assert words in str(problem.error)


def test_a_hook_that_returns_nothing_iterable() -> None:
    assert only_problem(broken(plugin_module(backends=lambda: 7))).stage == "hook"  # type: ignore[arg-type, return-value]


def test_an_installation_without_its_metadata_harms_nobody() -> None:
    class HalfRemoved:
        @property
        def name(self) -> str:
            raise KeyError("Name")

    gone: Any = HalfRemoved()
    entry_point = FakeEntryPoint("odd", plugin_module(backends=lambda: [spec("odd")]), gone, "odd_plugin.x")
    registry = registry_of(GOOD, entry_point)
    assert list(registry.backends()) == ["good", "odd"]
    assert {plugin.distribution for plugin in registry.plugins()} == {"good-plugin", "odd_plugin"}


def test_strict_raises_instead() -> None:
    error = ImportError("no libx")
    registry = registry_of(GOOD, broken(error), BITBOOT_STRICT="1")
    for _ in range(2):  # not only at the first asking
        with pytest.raises(PluginError, match="bad is installed but failed to load") as caught:
            registry.backends()
        assert caught.value.__cause__ is error


def test_strict_is_content_with_good_plugins() -> None:
    assert list(registry_of(GOOD, BITBOOT_STRICT="1").backends()) == ["good"]


@pytest.mark.parametrize("disabled", ["bad", "other, bad", "bad-plugin", "Bad_Plugin"])
def test_a_disabled_plugin_is_not_even_imported(disabled: str) -> None:
    registry = registry_of(
        GOOD, broken(ImportError("!")), BITBOOT_DISABLE_PLUGINS=disabled, BITBOOT_STRICT="1"
    )
    assert list(registry.backends()) == ["good"]
    assert registry.problems() == []


def test_plugins_are_looked_for_once_and_only_when_asked() -> None:
    asked = []

    def entry_points() -> list[FakeEntryPoint]:
        asked.append(1)
        return [GOOD]

    registry = Registry(entry_points=entry_points, environ={})
    assert asked == []
    registry.backends()
    registry.networks()
    assert asked == [1]


def test_the_plugins_that_are_installed_here_load() -> None:
    registry = Registry(environ={"BITBOOT_STRICT": "1"})
    assert "local" in registry.backends()
    assert spec_of(FakeBackend()).unavailable() is None
