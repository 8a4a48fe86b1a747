"""Plugins really installed beside ours: broken in eight ways, and very many."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from .conftest import Site

GOOD = """
from bitboot_core import BackendSpec, NetworkDefinition, hookimpl

BITBOOT_API = 1

def make(config):
    import {heavy}
    return {heavy}.make(config)

@hookimpl
def bitboot_backends():
    return [BackendSpec("{backend}", ["{protocol}"], make)]

@hookimpl
def bitboot_networks():
    return {networks}
"""


def good(backend: str, networks: str = "[]", protocol: str = "x", heavy: str = "heavy") -> str:
    return GOOD.format(backend=backend, networks=networks, protocol=protocol, heavy=heavy)


BROKEN = {
    "raises-at-import": ("raise RuntimeError('what a day')", "import", "what a day"),
    "exits-at-import": ("import sys; sys.exit('bye')", "import", "SystemExit: bye"),
    "wrong-api": (good("wrong").replace("BITBOOT_API = 1", "BITBOOT_API = 99"), "api", "99"),
    "raising-hook": (
        good("raising").replace("return [B", "raise KeyError('oops') or [B"),
        "hook",
        "KeyError: 'oops'",
    ),
    "rubbish-hook": (good("rubbish").replace("return [B", "return [42, B"), "validation", "42"),
    "takes-our-backend": (good("local", protocol="local"), "duplicate", "backend named local"),
    "takes-our-network": (
        good("own", networks='[NetworkDefinition("mainline", "mainline")]'),
        "duplicate",
        "network named mainline",
    ),
    "lacks-a-library": ("import a_library_that_nobody_has", "import", "a_library_that_nobody_has"),
}


@pytest.fixture
def broken(site: Site) -> Site:
    """Eight kinds of broken plugin, and a good one among them."""
    for name, (source, _, _) in BROKEN.items():
        site.install(name, source, version="3.1")
    site.install("a-good-one", good("fine", networks='[NetworkDefinition("finenet", "x")]'))
    return site


def events(done: subprocess.CompletedProcess[str], status: int = 0) -> list[dict[str, Any]]:
    assert done.returncode == status, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_lookup_works_beside_eight_broken_plugins(broken: Site) -> None:
    done = broken.run("-m", "bitboot_core", "lookup", "mynet", "--network", "local", "--json")
    found = events(done)
    assert [event["event"] for event in found] == ["ready", "done"]
    assert found[0]["backend"] == "bitboot-local:local"  # nobody has the short name any more


def test_the_command_names_all_eight_and_says_why(broken: Site) -> None:
    listed = events(broken.run("-m", "bitboot_core", "plugins", "--json"), status=1)
    problems = {event["plugin"]: event for event in listed if event["event"] == "problem"}
    for name, (_, stage, words) in BROKEN.items():
        problem = problems[name]
        assert (problem["distribution"], problem["version"], problem["stage"]) == (name, "3.1", stage)
        assert words in problem["error"]
        assert problem["hint"]
    assert problems.keys() - BROKEN.keys() == {"local"}  # whose name is claimed by another
    assert "needs a_library_that_nobody_has" in problems["lacks-a-library"]["hint"]
    loaded = {event["plugin"]: event for event in listed if event["event"] == "plugin"}
    assert loaded["a-good-one"]["networks"] == ["finenet"]
    assert {"local", "btdht", "a-good-one", "takes-our-backend", "takes-our-network"} <= loaded.keys()
    assert not loaded.keys() & {name for name, kind in BROKEN.items() if kind[1] != "duplicate"}


def test_for_people_each_is_a_line(broken: Site) -> None:
    done = broken.run("-m", "bitboot_core", "plugins")
    assert done.returncode == 1, done.stderr
    for name, (_, stage, words) in BROKEN.items():
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"problem: {name} from")]
        assert f"{name} 3.1, at stage {stage}" in line
        assert words in line


def test_both_claimants_of_a_name_are_reached_by_their_long_names(broken: Site) -> None:
    lookup = ("-m", "bitboot_core", "lookup", "mynet", "--network", "local", "--json", "--backend")
    assert events(broken.run(*lookup, "bitboot-local:local"))[-1]["event"] == "done"
    ambiguous = broken.run(*lookup, "local")
    assert ambiguous.returncode == 2
    (error,) = [json.loads(line) for line in ambiguous.stdout.splitlines()]
    assert "bitboot-local:local" in error["hint"]
    assert "takes-our-backend:local" in error["hint"]


def test_what_failed_is_quoted_where_it_is_asked_for(broken: Site) -> None:
    done = broken.run("-m", "bitboot_core", "lookup", "mynet", "--backend", "lacks-a-library", "--json")
    assert done.returncode == 2
    (error,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert error["error"] == "UnknownBackend"
    assert "lacks-a-library is installed but failed to load: ModuleNotFoundError" in error["message"]


def test_strict_raises_and_disabled_ones_are_skipped(broken: Site) -> None:
    done = broken.run("-m", "bitboot_core", "networks", "--json", BITBOOT_STRICT="1")
    assert done.returncode == 1
    (error,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert error["error"] == "PluginError"
    listed = events(
        broken.run(
            "-m",
            "bitboot_core",
            "plugins",
            "--json",
            BITBOOT_STRICT="1",
            BITBOOT_DISABLE_PLUGINS=",".join(BROKEN),
        )
    )
    assert {event["event"] for event in listed} == {"plugin"}


FIFTY = """
import json, sys
before = set(sys.modules)
from bitboot_core import default_registry
registry = default_registry()
assert registry.problems() == [], registry.problems()
backends = registry.backends()
for network in registry.networks().values():
    registry.backends_for(network)
print(json.dumps({"backends": sorted(backends), "modules": sorted(set(sys.modules) - before)}))
"""


def test_fifty_plugins_load_and_import_no_backends_library(site: Site) -> None:
    names = [f"many-{number:02}" for number in range(50)]
    for name in names:
        heavy = f"heavy_{name[-2:]}"
        site.add_module(heavy, "raise AssertionError('this is slow to import, and nobody asked for it')")
        network = f'[NetworkDefinition("{name}", "{name}")]'
        site.install(name, good(name, networks=network, protocol=name, heavy=heavy))
    done = site.run("-c", FIFTY)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(names) < set(result["backends"])
    modules = set(result["modules"])
    assert not {name for name in modules if name.startswith("heavy_")}
    ours = {name for name in modules if name.startswith("bitboot_") and not name.startswith("bitboot_core")}
    assert "bitboot_local.plugin" in ours
    assert {name for name in ours if "." in name and not name.endswith(".plugin")} == set()
    assert not modules & {"kademlia", "rpcudp", "umsgpack", "btdht", "libtorrent", "click", "rich"}
