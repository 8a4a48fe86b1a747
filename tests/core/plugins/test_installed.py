"""Distributions are read one by one: a damaged one is told of, and harms nobody."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bitboot_core import PluginError, PluginProblem, Registry
from bitboot_core._plugins import installed as module

MODULE = """
from bitboot_core import NetworkDefinition, hookimpl

BITBOOT_API = 1


@hookimpl
def bitboot_networks():
    return [NetworkDefinition({name!r}, "p")]
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Write a distribution whose plugin brings a network of its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(
        name: str, entry_points: bytes | None = None, *, folder: str = "", under: Path = tmp_path
    ) -> Path:
        info = under / (folder or f"{name}-1.0.dist-info")
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        ours = f"[bitboot]\n{name} = {name}_module\n".encode()
        (info / "entry_points.txt").write_bytes(ours if entry_points is None else entry_points)
        (under / f"{name}_module.py").write_text(MODULE.format(name=name))
        return info

    return install


def only_problem() -> PluginProblem:
    """The problem there is, once it is sure that the plugin `good` has not suffered."""
    registry = Registry(environ={})
    assert registry.network("good").protocol == "p"
    (problem,) = registry.problems()
    assert problem.hint
    with pytest.raises(PluginError):
        Registry(environ={"BITBOOT_STRICT": "1"}).plugins()
    return problem


@pytest.mark.parametrize(
    "text",
    [
        "[console_scripts]\nx = y:z\n".encode("utf-16"),
        b"[bitboot]\nno equals sign\n",
        b"\xff\xfe\x00",
        b"[bitboot]\n\xe9 = x\n",
    ],
    ids=["UTF-16", "no equals sign", "binary", "Latin-1"],
)
def test_a_damaged_distribution_is_skipped_and_told_of(install: Install, text: bytes) -> None:
    install("good")
    install("odd", text)
    problem = only_problem()
    assert (problem.entry_point, problem.stage) == ("odd-1.0.dist-info", "metadata")
    assert "entry_points.txt is damaged" in problem.hint
    assert str(problem).startswith("odd-1.0.dist-info: ")


def test_what_is_not_ours_is_not_parsed(install: Install) -> None:
    install("good")
    install("other", b"[console_scripts]\nno equals sign\n")
    install("none", b"")
    assert Registry(environ={}).problems() == []


def test_a_leftover_of_pip_is_called_what_it_is(install: Install, tmp_path: Path) -> None:
    install("good")
    install("bitboot_odd")
    install("itboot_odd", folder="~itboot_odd-0.9.dist-info")
    problem = only_problem()
    assert "~itboot_odd-0.9.dist-info is what an interrupted pip left behind" in str(problem.error)
    assert str(tmp_path / "~itboot_odd-0.9.dist-info") in problem.hint
    assert "bitboot_odd" in Registry(environ={}).networks()


def test_of_two_with_one_name_the_first_on_the_path_counts(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = tmp_path / "behind"
    install("good")
    install("Same.Name", b"[bitboot]\nfirst = good_module\n", folder="same_name-2.0.dist-info")
    install("same_name", folder="Same_Name-1.0.dist-info", under=behind)
    monkeypatch.syspath_prepend(str(behind))
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [one.name for one in module.installed() if not isinstance(one, PluginProblem)]
    assert "first" in names
    assert "same_name" not in names


def test_a_distribution_without_a_folder_has_the_name_that_it_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As those of a program that is packed into one file."""

    class Packed:
        def read_text(self, name: str) -> str | None:
            return "Metadata-Version: 2.1\nName: Odd.Name\n\nName: no header" if name == "PKG-INFO" else None

    assert module._name(Packed(), module._folder(Packed())) == "odd-name"
