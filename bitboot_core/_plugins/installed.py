"""The plugins that are installed, as the distributions on `sys.path` say: none is imported here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from ..backend import PROJECT_NAME
from ..errors import PluginError
from .plugin import PluginProblem, canonical


class EntryPoint(Protocol):
    """As much of `importlib.metadata.EntryPoint` as is needed."""

    @property
    def name(self) -> str:
        """The plugin's name."""

    @property
    def value(self) -> str:
        """The module's full name."""

    @property
    def dist(self) -> Any:
        """The distribution that it belongs to, None where nobody knows."""

    def load(self) -> Any:
        """Import the module."""


def installed() -> Iterator[EntryPoint | PluginProblem]:
    """The entry points of all installed plugins, and what is wrong with distributions that cannot be read.

    `importlib.metadata.entry_points` would raise for all where one distribution's file is damaged, whatever
    that has to do with us. So each is read by itself. Of two that have one name the first on `sys.path`
    counts, as everywhere.
    """
    if sys.version_info >= (3, 12):
        from importlib import metadata  # noqa: PLC0415 - slow to import, and not needed until here
    else:  # reads old and new files alike on all Pythons
        import importlib_metadata as metadata  # noqa: PLC0415

    seen: set[str] = set()
    for distribution in metadata.distributions():
        folder = _folder(distribution)
        try:
            name = _name(distribution, folder)
            if name in seen:
                continue
            seen.add(name)
            yield from _entry_points(distribution, folder)
        except Exception as error:  # noqa: BLE001 - told of as a problem
            if isinstance(error, PluginError):
                hint = error.hint
            else:
                hint = "reinstall or uninstall that distribution: its entry_points.txt is damaged"
            yield PluginProblem(folder, folder, "", "metadata", error, hint)


def _entry_points(distribution: Any, folder: str) -> Iterable[EntryPoint]:
    # Most distributions are not ours: their file is read, since nothing else tells, and not parsed.
    text = distribution.read_text("entry_points.txt")
    if text is None or f"[{PROJECT_NAME}]" not in text:
        return ()
    if folder.startswith("~"):
        raise PluginError(
            f"{folder} is what an interrupted pip left behind, not an installed plugin",
            hint=f"delete the folder {distribution.locate_file(folder)}",
        )
    return list(distribution.entry_points.select(group=PROJECT_NAME))


def _folder(distribution: Any) -> str:
    """The name of the folder that holds a distribution's metadata."""
    # importlib.metadata has no public name for it, and to read the name in METADATA takes far longer.
    path = getattr(distribution, "_path", None)
    return str(getattr(path, "name", "")) or "a distribution that is not a folder"


def _name(distribution: Any, folder: str) -> str:
    """A distribution's canonical name: its folder's first part (PEP 427, PEP 376), else what it states."""
    stem, dot, kind = folder.rpartition(".")
    if dot and kind in ("dist-info", "egg-info"):
        return canonical(stem.partition("-")[0])
    return canonical(_headers(distribution)["name"])


def origin(entry_point: EntryPoint) -> tuple[str, str]:
    """The name and version of the distribution that an entry point belongs to."""
    stated: dict[str, str] = {}
    if entry_point.dist is not None:
        # Half-removed installations lack their metadata, and are asked before any guard is up.
        with suppress(Exception):
            stated = _headers(entry_point.dist)
    return stated.get("name") or entry_point.value.partition(".")[0], stated.get("version", "")


def _headers(distribution: Any) -> dict[str, str]:
    """The headers of a distribution's metadata (PEP 566), with small letters, without those that go on."""
    # `distribution.metadata` has the package email parse the whole description: a third of all discovery.
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.lower(): value.strip() for name, colon, value in lines if colon}
