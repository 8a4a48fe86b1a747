"""Programs that are packed into one file (PyInstaller, zipapp): why they find no plugin, and what to do.

Plugins are found by the metadata of their distributions. What packs a program takes the modules that
are imported, and leaves the metadata out unless it is told to take it.
"""

from __future__ import annotations

import importlib.util
import sys
import zipimport

REGISTER = "or hand its BackendSpec to bitboot_core.register_backend(); see docs/frozen.md"


def how_to_get(extra: str) -> str:
    """What to do about a plugin of the project's own that is not found, by its extra ("all": any of them)."""
    name = "btdht" if extra == "all" else extra
    if getattr(sys, "frozen", False):
        return (
            f"this program is frozen: build it with --copy-metadata bitboot-{name} "
            f"--hidden-import bitboot_{name}.plugin (PyInstaller), {REGISTER}"
        )
    if isinstance(__spec__ and __spec__.loader, zipimport.zipimporter):
        return (
            f"this program runs from a zip file: put bitboot_{name} and its .dist-info folder into it, "
            f"{REGISTER}"
        )
    if _lacks_metadata(name):
        return f"bitboot_{name} is here without its .dist-info folder: put that beside it, {REGISTER}"
    return f'pip install "bitboot-core[{extra}]"'


def _lacks_metadata(name: str) -> bool:
    """Whether the plugin's package can be imported and belongs to no installed distribution."""
    from importlib import metadata  # noqa: PLC0415 - slow to import, and only for this message

    if importlib.util.find_spec(f"bitboot_{name}") is None:
        return False
    try:
        metadata.distribution(f"bitboot-{name}")
    except metadata.PackageNotFoundError:
        return True
    return False
