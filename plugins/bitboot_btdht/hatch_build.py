"""Builds a plain wheel, or where BITBOOT_COMPILE=1 asks for it one for this platform, its engine compiled.

mypyc compiles the engine as it stands: all but what waits: coroutines, and what opens sockets. It then
takes half the time. The sources stay in the wheel beside what is made of them, and tracebacks show them.
Coroutines stay plain: a compiled one that is cancelled hands the exception on in a way that CPython warns of.

The plugin hatch-mypyc would do the same, but it renames pyproject.toml while it builds, and leaves what it
makes between the sources, where every editable installation loads it from then on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "bitboot_btdht"

ENGINE = (
    *("asking", "lookup", "server", "table", "wire"),
    *("client.py", "counters.py", "driving.py", "items.py", "node.py", "operations.py", "settings.py"),
    *("simulation/arrivals.py", "simulation/nat.py", "simulation/network.py", "simulation/simulation.py"),
)
"""What is compiled, of the package's folders and files."""


class CompileHook(BuildHookInterface[Any]):
    """Adds compiled modules to a wheel."""

    _folder: TemporaryDirectory[str] | None = None

    def _is_asked(self) -> bool:
        return os.environ.get("BITBOOT_COMPILE") == "1"

    def dependencies(self) -> list[str]:
        """What has to be installed for the build: nothing for a plain wheel."""
        if not self._is_asked():
            return []
        return ["mypy~=2.4", "setuptools>=78", f"bitboot-core=={self.metadata.version}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless a plain wheel or an editable one is wanted."""
        if not self._is_asked() or version == "editable":
            return
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        shutil.copytree(Path(self.root, "src", PACKAGE), folder / PACKAGE)
        compile_in(folder)
        for path in folder.rglob("*.pyd" if os.name == "nt" else "*.so"):
            if "build" not in path.relative_to(folder).parts:
                build_data["force_include"][str(path)] = str(path.relative_to(folder))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind."""
        if self._folder is not None:
            self._folder.cleanup()


def compile_in(folder: Path) -> None:
    """Compile the copy of the package in `folder`, each module beside its source."""
    engine = [folder / PACKAGE / name for name in ENGINE]
    files = [path for one in engine for path in ([one] if one.is_file() else sorted(one.glob("*.py")))]
    modules = [str(path.relative_to(folder)) for path in files if path.name != "__init__.py"]
    # Optimised, and with line numbers in tracebacks but no symbols for debuggers, which are most of the size.
    settings = {"MYPYC_OPT_LEVEL": "3", "MYPYC_DEBUG_LEVEL": "0"}
    if sys.platform == "linux":
        # Else each call from one function to another goes by a table, lest somebody preload others of these
        # names, and none is inlined: without it the engine takes 6 % less time.
        settings["CFLAGS"] = f"{os.environ.get('CFLAGS', '')} -fno-semantic-interposition".strip()
    made = subprocess.run(
        [sys.executable, "-m", "mypyc", *modules],
        cwd=folder,
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise SystemExit(
            f"mypyc failed; it needs a C compiler, a plain wheel does not:\n{made.stdout}{made.stderr}"
        )
