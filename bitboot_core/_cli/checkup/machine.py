"""What `bitboot doctor` looks at on this machine, without any network."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import bitboot_core

from ..._networks.kept_contacts import folder_for
from ..._plugins.config_file import ConfigFile, default_file
from ..._plugins.frozen import how_to_get
from ..._plugins.lacking import why_unavailable
from ..._plugins.plugin import Plugin
from ..._plugins.registry import Registry
from ...config import BitBootConfig
from ...errors import BitBootError
from ..report.checks import FAILED, OK, WARNING, Check
from ..report.plain import count

CLOCK_TOLERANCE = 3600.0
"""Seconds that a file may be from the future: another machine may have written it."""


def check_machine(registry: Registry, file: ConfigFile, config: BitBootConfig) -> Iterator[Check]:
    """All of them. Blocks: it reads the state folder. `config`: what the file and the options make."""
    python, system = platform.python_version(), platform.system()
    ours = f"bitboot-core {bitboot_core.__version__}, Python {python}, {system}"
    yield Check(check="version", status=OK, message=ours)
    yield from check_plugins(registry)
    yours = default_file()
    would_be = f"none; yours would be {yours}" if yours is not None else "none"
    read = str(file.path) if file.path is not None else would_be
    yield Check(check="configuration", status=OK, message=read)
    folder = folder_for(config.state_dir)
    yield check_clock([] if folder is None else _files(folder))
    if config.state_dir is False:
        yield Check(check="state folder", status=OK, message="none: nothing is kept, as state_dir is false")
    elif folder is None:
        yield Check(
            check="state folder",
            status=WARNING,
            message="this user has no home folder, so no contacts are kept for the next start",
            hint="name a folder in the environment: BITBOOT_STATE_DIR",
        )
    else:
        yield check_state(folder)


def check_plugins(registry: Registry) -> Iterator[Check]:
    """Which loaded, and what is wrong with the others."""
    try:
        plugins, problems = registry.plugins(), registry.problems()
    except BitBootError as error:  # BITBOOT_STRICT=1
        yield Check.failed("plugins", error)
        return
    if plugins:
        names = ", ".join(map(_named, plugins))
        yield Check(check="plugins", status=OK, message=names)
    else:
        yield Check(
            check="plugins",
            status=FAILED,
            message="no plugin is installed, so no network can be used",
            hint=how_to_get("all"),
        )
    for problem in problems:
        yield Check(check="plugins", status=WARNING, message=str(problem), hint=problem.hint)
    for plugin in plugins:
        yield from _without_use(plugin)


def _named(plugin: Plugin) -> str:
    builds = ", ".join(f"{spec.name}: {spec.build}" for spec in plugin.backends if spec.build)
    return f"{plugin.entry_point} {plugin.version}".rstrip() + (f" ({builds})" if builds else "")


def _without_use(plugin: Plugin) -> Iterator[Check]:
    """The backends of a plugin that do not work here. Where another one does, they are an extra that nobody
    need have."""
    reasons = {spec.name: why_unavailable(spec) for spec in plugin.backends}
    status = OK if None in reasons.values() else WARNING
    for name, reason in reasons.items():
        if reason is not None:
            yield Check(check="plugins", status=status, message=f"{name} does not work here: {reason}")


def check_clock(written_before: Iterable[Path]) -> Check:
    """Whether the clock stands before one of these files, or before our own."""
    now = time.time()
    written = max((_modified(path) for path in [Path(__file__), *written_before]), default=0.0)
    told = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if written > now + CLOCK_TOLERANCE:
        return Check(
            check="clock",
            status=WARNING,
            message=f"it is {told} by the clock, and there are files of "
            f"{datetime.fromtimestamp(written, UTC):%Y-%m-%d %H:%M:%S} UTC",
            hint="set the clock: expiry times depend on it",
        )
    return Check(check="clock", status=OK, message=told)


def check_state(folder: Path) -> Check:
    """Whether contacts can be kept for the next start."""
    files = _files(folder)
    size = sum(_size(path) for path in files)
    try:
        if folder.is_dir():
            with tempfile.TemporaryFile(dir=folder):
                pass
            found = f"{count(len(files), 'file')}, {size / 1024:.1f} KiB"
        else:
            parent = next(parent for parent in folder.parents if parent.exists())
            if not (parent.is_dir() and os.access(parent, os.W_OK)):
                raise PermissionError(f"it does not exist, and cannot be made in {parent}")
            found = "does not exist yet, and will be made"
    except OSError as error:
        return Check(
            check="state folder",
            status=WARNING,
            message=f"{folder} cannot be written to: {error.strerror or error}",
            hint="contacts are not kept for the next start: name one with --state-dir or BITBOOT_STATE_DIR",
        )
    damaged = [path.name for path in files if path.suffix == ".damaged"]
    if damaged:
        return Check(
            check="state folder",
            status=WARNING,
            message=f"{folder}: {found}, {', '.join(damaged)} set aside as damaged",
            hint="the file is damaged: delete it, or the damaged part",
        )
    return Check(check="state folder", status=OK, message=f"{folder}: {found}")


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone meanwhile


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
