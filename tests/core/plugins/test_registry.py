"""Names: who has them, who wants them, and what is said where nobody has."""

import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bitboot_core import (
    BackendSpec,
    BackendUnavailable,
    InvalidConfig,
    NetworkDefinition,
    NetworkStatus,
    NetworkUnavailable,
    PortMapperSpec,
    Registry,
    UnknownBackend,
    UnknownNetwork,
    UsageError,
    default_registry,
)
from bitboot_core.networks import BUILT_IN, MAINLINE
from bitboot_core.testing import (
    FakeBackend,
    FakeDistribution,
    FakeEntryPoint,
    FakePortMapper,
    mapper_spec_of,
    plugin_module,
)


def spec(name: str, *protocols: str, unavailable: object = lambda: None) -> BackendSpec:
    return BackendSpec(name, protocols or ("p",), lambda config: FakeBackend(), unavailable=unavailable)  # type: ignore[arg-type]


def plugin(name: str, *brought: BackendSpec | NetworkDefinition, distribution: str = "") -> FakeEntryPoint:
    backends = [one for one in brought if isinstance(one, BackendSpec)]
    networks = [one for one in brought if isinstance(one, NetworkDefinition)]
    module = plugin_module(backends=lambda: backends, networks=lambda: networks)
    return FakeEntryPoint(name, module, FakeDistribution(distribution or f"{name}-dist"))


def registry_of(*entry_points: FakeEntryPoint, **environ: str) -> Registry:
    return Registry(entry_points=lambda: entry_points, environ=environ)


# Ways of opening ports


def test_port_mappers_come_the_best_first() -> None:
    one, two = mapper_spec_of(FakePortMapper(), "b", rank=2), mapper_spec_of(FakePortMapper(), "a", rank=9)
    module = plugin_module(port_mappers=lambda: [two, one])
    registry = registry_of(FakeEntryPoint("nat", module))
    assert registry.port_mappers() == {"b": one, "a": two}
    assert list(registry.port_mappers()) == ["b", "a"]
    assert registry.plugins()[0].port_mappers == (two, one)


def test_two_port_mappers_of_one_name_stay_reachable() -> None:
    entry_points = [
        FakeEntryPoint(
            name,
            plugin_module(port_mappers=lambda: [mapper_spec_of(FakePortMapper(), "pcp")]),
            FakeDistribution(f"{name}-dist"),
        )
        for name in ("a", "b")
    ]
    registry = registry_of(*entry_points)
    assert list(registry.port_mappers()) == ["a-dist:pcp", "b-dist:pcp"]
    assert [problem.stage for problem in registry.problems()] == ["duplicate"] * 2


def test_a_port_mapper_without_any_distribution(registry: Registry) -> None:
    spec = mapper_spec_of(FakePortMapper(), "mine")
    registry.register_port_mapper(spec)
    assert registry.port_mappers() == {"mine": spec}
    with pytest.raises(UsageError, match="named mine already"):
        registry.register_port_mapper(spec)
    with pytest.raises(UsageError, match="not a PortMapperSpec"):
        registry.register_port_mapper(object())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (PortMapperSpec("a b", FakePortMapper), "cannot be a port mapper's name"),
        (PortMapperSpec("a", None), "factory must be callable"),  # type: ignore[arg-type]
        (PortMapperSpec("a", FakePortMapper, rank="first"), "rank must be a whole number"),  # type: ignore[arg-type]
        (PortMapperSpec("a", FakePortMapper, families=[5]), "families must be of 4 and 6"),
        (PortMapperSpec("a", FakePortMapper, families=[]), "families must be of 4 and 6"),
        ("pcp", "is not a PortMapperSpec"),
    ],
)
def test_a_port_mapper_that_makes_no_sense_drops_its_plugin(spec: Any, words: str) -> None:
    registry = registry_of(FakeEntryPoint("nat", plugin_module(port_mappers=lambda: [spec])))
    (problem,) = registry.problems()
    assert (problem.stage, registry.port_mappers()) == ("validation", {})
    assert words in str(problem)


# Two that claim one name


def test_two_plugins_with_one_backend_name_stay_reachable_and_neither_wins() -> None:
    first, second = spec("x"), spec("x")
    registry = registry_of(plugin("a", first), plugin("b", second))
    assert list(registry.backends()) == ["a-dist:x", "b-dist:x"]
    assert registry.backend("a-dist:x") is first
    assert registry.backend("b-dist:x") is second
    assert registry.backend("B_Dist:x") is second
    with pytest.raises(UnknownBackend, match="several plugins bring a backend named x") as caught:
        registry.backend("x")
    assert caught.value.hint == "say which: a-dist:x or b-dist:x"


def test_both_claimants_have_a_problem_and_live() -> None:
    registry = registry_of(plugin("a", spec("x"), spec("y")), plugin("b", spec("x")))
    assert [(problem.entry_point, problem.stage) for problem in registry.problems()] == [
        ("a", "duplicate"),
        ("b", "duplicate"),
    ]
    assert "a-dist and b-dist bring a backend named x" in str(registry.problems()[0])
    assert len(registry.plugins()) == 2
    assert registry.backend("y")


def test_a_third_claimant_has_a_problem_too() -> None:
    registry = registry_of(*(plugin(name, spec("x")) for name in "abc"))
    assert [problem.entry_point for problem in registry.problems()] == ["a", "b", "c"]
    assert list(registry.backends()) == ["a-dist:x", "b-dist:x", "c-dist:x"]


def test_two_plugins_with_one_network_name() -> None:
    first, second = NetworkDefinition("n", "p"), NetworkDefinition("n", "q")
    registry = registry_of(plugin("a", first), plugin("b", second))
    assert registry.network("b-dist:n") is second
    with pytest.raises(UnknownNetwork, match="several plugins") as caught:
        registry.network("n")
    assert "a-dist:n or b-dist:n" in caught.value.hint


def test_one_distribution_with_one_name_twice_keeps_the_first_plugin_only() -> None:
    first = spec("x")
    registry = registry_of(
        plugin("a", first, distribution="d"), plugin("b", spec("x"), spec("z"), distribution="d")
    )
    assert registry.backends() == {"x": first}
    (problem,) = registry.problems()
    assert (problem.entry_point, problem.stage) == ("b", "duplicate")
    assert [one.entry_point for one in registry.plugins()] == ["a"]


def test_a_built_in_network_cannot_be_taken_over() -> None:
    impostor = NetworkDefinition("mainline", "p")
    registry = registry_of(plugin("a", impostor))
    assert registry.network("mainline") is MAINLINE
    assert registry.network("a-dist:mainline") is impostor
    assert [problem.stage for problem in registry.problems()] == ["duplicate"]


def test_a_placeholder_gives_way_to_the_real_thing() -> None:
    real = NetworkDefinition("bitcoin", "p")
    registry = registry_of(plugin("a", real))
    assert registry.network("bitcoin") is real
    assert registry.problems() == []


def test_a_plugin_is_reachable_by_its_long_name_in_any_case() -> None:
    registry = registry_of(plugin("a", spec("x")))
    assert registry.backend("a-dist:x") is registry.backend("x")


# By the program itself


def test_a_backend_without_any_distribution(registry: Registry) -> None:
    mine = spec("mine")
    registry.register_backend(mine)
    assert registry.backend("mine") is mine
    with pytest.raises(UsageError, match="mine already"):
        registry.register_backend(spec("mine"))
    registry.unregister_backend("mine")
    with pytest.raises(UnknownBackend):
        registry.unregister_backend("mine")


def test_a_network_without_any_distribution(registry: Registry) -> None:
    mine = NetworkDefinition("mine", "p")
    registry.register_network(mine)
    assert registry.network("mine") is mine
    with pytest.raises(UsageError, match="mine already"):
        registry.register_network(mine)
    registry.unregister_network("mine")
    with pytest.raises(UnknownNetwork):
        registry.network("mine")
    with pytest.raises(UnknownNetwork):
        registry.unregister_network("mine")


def test_the_program_may_replace_a_placeholder(registry: Registry) -> None:
    real = NetworkDefinition("solana", "p")
    registry.register_network(real)
    assert registry.network("solana") is real


def test_what_the_program_registers_is_checked_too(registry: Registry) -> None:
    with pytest.raises(UsageError, match="protocol"):
        registry.register_backend(BackendSpec("x", [], lambda config: FakeBackend()))
    with pytest.raises(UsageError, match="not a NetworkDefinition"):
        registry.register_network("mine")  # type: ignore[arg-type]


def test_the_name_of_a_plugins_backend_cannot_be_taken_by_the_program() -> None:
    registry = registry_of(plugin("a", spec("x")))
    with pytest.raises(UsageError, match="x already"):
        registry.register_backend(spec("x"))


# Which backend serves a network


def test_the_projects_own_backend_goes_first_then_the_alphabet_decides() -> None:
    registry = registry_of(
        plugin("p", *(spec(name, "mainline") for name in ("zz", "btdht", "btdht-native", "aa")))
    )
    assert registry.backends_for(MAINLINE) == ["btdht", "aa", "btdht-native", "zz"]
    assert registry.choose(MAINLINE)[0] == "btdht"


def test_an_impostor_of_the_projects_own_backend_goes_after_it() -> None:
    registry = registry_of(
        plugin("a", spec("btdht", "mainline")),
        plugin("btdht", spec("btdht", "mainline"), distribution="bitboot-btdht"),
    )
    assert registry.choose(MAINLINE)[0] == "bitboot-btdht:btdht"


def test_a_backend_that_cannot_work_here_is_passed_over() -> None:
    registry = registry_of(
        plugin("p", spec("btdht", "mainline", unavailable=lambda: "no"), spec("x", "mainline"))
    )
    assert registry.choose(MAINLINE)[0] == "x"


def test_a_backend_can_be_pinned() -> None:
    registry = registry_of(plugin("p", spec("btdht", "mainline"), spec("x", "mainline"), spec("y", "q")))
    assert registry.choose(MAINLINE, "x")[0] == "x"
    with pytest.raises(InvalidConfig, match="y does not speak mainline") as caught:
        registry.choose(MAINLINE, "y")
    assert caught.value.hint == "these do: btdht, x"
    with pytest.raises(UnknownBackend, match="no backend named z"):
        registry.choose(MAINLINE, "z")


def explode() -> str | None:
    raise OSError("no permission")


def test_a_pinned_backend_that_cannot_work_here_says_why() -> None:
    registry = registry_of(
        plugin(
            "p",
            spec("x", "mainline", unavailable=lambda: "needs Windows"),
            spec("y", "mainline", unavailable=explode),
        )
    )
    with pytest.raises(BackendUnavailable, match="needs Windows"):
        registry.choose(MAINLINE, "x")
    with pytest.raises(BackendUnavailable, match="no permission"):
        registry.choose(MAINLINE, "y")
    with pytest.raises(NetworkUnavailable, match=r"x: needs Windows; y: OSError: no permission"):
        registry.choose(MAINLINE)


# What is said where there is none


@pytest.mark.parametrize(
    ("network", "extra"), [("mainline", "btdht"), ("kademlia", "kademlia"), ("local", "local")]
)
def test_a_network_whose_backend_is_not_installed_says_what_to_install(
    registry: Registry, network: str, extra: str
) -> None:
    with pytest.raises(NetworkUnavailable) as caught:
        registry.choose(registry.network(network))
    assert caught.value.hint == f'pip install "bitboot-core[{extra}]"'


@pytest.mark.parametrize(
    ("name", "extra"), [("btdht", "btdht"), ("btdht-native", "btdht"), ("local", "local")]
)
def test_a_backend_that_is_not_installed_says_what_to_install(
    registry: Registry, name: str, extra: str
) -> None:
    with pytest.raises(UnknownBackend, match=f"{name} is not installed") as caught:
        registry.backend(name)
    assert caught.value.hint == f'pip install "bitboot-core[{extra}]"'


def test_a_network_whose_plugin_is_not_installed_says_what_to_install(registry: Registry) -> None:
    with pytest.raises(UnknownNetwork, match="the backend lan is not installed") as caught:
        registry.network("lan")
    assert caught.value.hint == 'pip install "bitboot-core[lan]"'


def test_a_backend_that_failed_to_load_says_why() -> None:
    entry_point = FakeEntryPoint("btdht", ImportError("no module named x"), FakeDistribution("bitboot-btdht"))
    registry = registry_of(entry_point)
    with pytest.raises(
        UnknownBackend, match="btdht is installed but failed to load: ImportError: no module named x"
    ):
        registry.backend("btdht")
    with pytest.raises(UnknownBackend, match="is installed but failed to load"):
        registry.backend("btdht-native")
    with pytest.raises(
        NetworkUnavailable, match="btdht is installed but failed to load: ImportError: no module"
    ):
        registry.choose(MAINLINE)


def test_a_disabled_backend_says_so() -> None:
    registry = registry_of(plugin("btdht", spec("btdht", "mainline")), BITBOOT_DISABLE_PLUGINS="btdht")
    with pytest.raises(UnknownBackend, match="disabled by BITBOOT_DISABLE_PLUGINS"):
        registry.backend("btdht")
    with pytest.raises(NetworkUnavailable, match="disabled by BITBOOT_DISABLE_PLUGINS"):
        registry.choose(MAINLINE)


PLACEHOLDERS = [network.name for network in BUILT_IN if network.status is NetworkStatus.PLACEHOLDER]


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_placeholder_says_what_to_supply(registry: Registry, name: str) -> None:
    with pytest.raises(NetworkUnavailable, match="placeholder") as caught:
        registry.choose(registry.network(name))
    assert f'"{name}"' in caught.value.hint
    assert "BackendSpec" in caught.value.hint


def test_the_placeholders_are_the_seeds() -> None:
    assert PLACEHOLDERS == ["bitcoin", "ethereum", "solana", "arweave"]


def test_a_backend_is_all_that_a_placeholder_lacks(registry: Registry) -> None:
    registry.register_backend(spec("x", "bitcoin"))
    assert registry.choose(registry.network("bitcoin"))[0] == "x"


def test_a_network_of_ones_own_that_nobody_speaks(registry: Registry) -> None:
    with pytest.raises(NetworkUnavailable, match="no installed backend serves the network mine") as caught:
        registry.choose(NetworkDefinition("mine", "smoke-signals"))
    assert '"smoke-signals"' in caught.value.hint


def test_a_misspelt_name_is_told_the_nearest(registry: Registry) -> None:
    with pytest.raises(UnknownNetwork, match="no network named mainlne") as caught:
        registry.network("mainlne")
    assert caught.value.hint == "did you mean mainline?"
    with pytest.raises(UnknownBackend, match="no backend named zzz") as unknown:
        registry.backend("zzz")
    assert unknown.value.hint == "known are: none"


# Threads


def test_threads_may_share_a_registry() -> None:
    registry = registry_of()
    registry.networks()
    failures: list[BaseException] = []
    stop = threading.Event()

    def change(number: int) -> None:
        for turn in range(300):
            name = f"n{number}-{turn % 50}"
            registry.register_network(NetworkDefinition(name, "p"))
            registry.register_backend(spec(name))
            if turn % 50 == 49:
                for old in range(50):
                    registry.unregister_network(f"n{number}-{old}")
                    registry.unregister_backend(f"n{number}-{old}")

    def read() -> None:
        while not stop.is_set():
            registry.networks()
            registry.backends_for(MAINLINE)
            registry.network("mainline")

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - looked at below
                failures.append(error)

        return run

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        readers = [threading.Thread(target=guarded(read)) for _ in range(3)]
        writers = [threading.Thread(target=guarded(partial(change, number))) for number in range(3)]
        for thread in (*readers, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert failures == []
    assert "n0-0" not in registry.networks()


def test_threads_that_ask_at_once_get_one_default_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def slow() -> Registry:
        time.sleep(0.05)  # as long as the others need to come along
        made.append(registry_of())
        return made[-1]

    monkeypatch.setattr("bitboot_core._plugins.registry.Registry", slow)
    monkeypatch.setattr("bitboot_core._plugins.registry._default", [])
    got: list[Registry] = []
    threads = [threading.Thread(target=lambda: got.append(default_registry())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert got == made * 6


def test_a_plugin_that_asks_the_registry_while_it_is_loaded_is_told_of() -> None:
    def backends() -> list[BackendSpec]:
        return [registry.backend("good")]

    registry = registry_of(plugin("a", spec("good")), FakeEntryPoint("b", plugin_module(backends=backends)))
    assert list(registry.backends()) == ["good"]
    (problem,) = registry.problems()
    assert (problem.entry_point, problem.stage) == ("b", "hook")
    assert "asked while plugins are loaded" in str(problem.error)
