"""How long it takes to begin: imports, plugin discovery, the command line (row 8)."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .rows import Row, shown

COMMAND = "python -m benchmarks.performance startup"
TURNS = 25
PLUGINS = 50
# As programs are run: what has been compiled once is kept, whatever the shell that started us prefers.
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

DISCOVERY = """
import time, bitboot_core
registry = bitboot_core.Registry()
started = time.perf_counter()
plugins = registry.plugins()
print(time.perf_counter() - started, len(plugins))
"""


BARE = """
import time, bitboot_core.backend, bitboot_core.hookspecs
started = time.perf_counter()
from importlib.metadata import entry_points
plugins = [(point.dist.metadata["Name"], point.load()) for point in entry_points(group="bitboot")]
print(time.perf_counter() - started, len(plugins))
"""
"""As little as can be done: the entry points, whose they are, and their modules, unchecked."""

MODULE = """
from bitboot_core import BackendSpec, hookimpl

BITBOOT_API = 1


@hookimpl
def bitboot_backends():
    return [BackendSpec({name!r}, ["p"], lambda config: None)]
"""


async def run() -> list[Row]:
    """Measure."""
    return await asyncio.to_thread(_run)


def _run() -> list[Row]:
    command = str(Path(sys.executable).with_name("bitboot"))
    return [
        _compare(
            "import of bitboot_core, to that of asyncio",
            "asyncio",
            ["import bitboot_core"],
            ["import asyncio"],
            1.3,
        ),
        _compare("bitboot --help, to an import of click", "click", command, ["import click"], 2.5),
        _compare(
            "from bitboot_core import BitBoot, to an import of asyncio",
            "asyncio",
            ["from bitboot_core import BitBoot"],
            ["import asyncio"],
            1.25,
        ),
        *_discovery(),
    ]


def _seconds(what: str | Sequence[str]) -> float:
    arguments = [what, "--help"] if isinstance(what, str) else [sys.executable, "-c", *what]
    started = time.perf_counter()
    subprocess.run(arguments, env=ENVIRON, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _compare(
    title: str, peer: str, ours: str | Sequence[str], theirs: str | Sequence[str], goal: float
) -> Row:
    """Whole processes, in turns."""
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(TURNS)][1:]
    our_times, their_times = zip(*pairs, strict=True)
    ratio = statistics.median(our_times) / statistics.median(their_times)
    return Row(
        "8", title, peer, shown(our_times, "ms", 1e3), shown(their_times, "ms", 1e3), ratio, goal, COMMAND
    )


def _discovery() -> list[Row]:
    """Finding and loading 50 installed plugins beside our own."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PLUGINS):
            info = Path(folder, f"plugin{number}-1.0.dist-info")
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plugin{number}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[bitboot]\np{number} = plugin{number}\n")
            Path(folder, f"plugin{number}.py").write_text(MODULE.format(name=f"b{number}"))
        pairs = [(_told(DISCOVERY, folder), _told(BARE, folder)) for _ in range(TURNS)]
    ours, bare = zip(*pairs[1:], strict=True)  # the first turn compiled the plugins
    shown_ours, median = shown(ours, "ms", 1e3), statistics.median(ours)
    title = f"discovery with {PLUGINS} plugins"
    ratio = median / statistics.median(bare)
    theirs = shown(bare, "ms", 1e3)
    return [
        Row("8", title, "limit", shown_ours, "30 ms", median / 0.03, 1, COMMAND),
        Row(
            "8",
            f"{title}, to loading them unchecked",
            "importlib.metadata",
            shown_ours,
            theirs,
            ratio,
            1.1,
            COMMAND,
        ),
    ]


def _told(code: str, folder: str) -> float:
    """The seconds that a program prints, which found the plugins in `folder`."""
    environ = ENVIRON | {"PYTHONPATH": folder}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True
    )
    seconds, loaded = done.stdout.split()
    if int(loaded) < PLUGINS:
        raise RuntimeError(f"{loaded} of {PLUGINS} plugins loaded")
    return float(seconds)
