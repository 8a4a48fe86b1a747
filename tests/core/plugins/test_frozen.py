"""Programs in one file: packed with the metadata, without it, and with docs/frozen.md's way out."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from bitboot_core import BitBoot, NetworkUnavailable, Registry
from bitboot_core._plugins import frozen

PAGE = Path(__file__).parents[3] / "docs" / "frozen.md"
PACKAGES = ["bitboot_core", "bitboot_btdht", "pluggy", "platformdirs"]
if sys.version_info < (3, 12):
    # What importlib-metadata needs differs from version to version.
    needed = ["importlib_metadata", "zipp", "lazy_importer", "typing_extensions"]
    PACKAGES += [name for name in needed if importlib.util.find_spec(name) is not None]

ASK = """
import bitboot_core

def main():
    registry = bitboot_core.default_registry()
    try:
        print(registry.choose(registry.network("mainline"))[0])
    except bitboot_core.NetworkUnavailable as error:
        print(error.hint)
"""


def packed(folder: Path, program: str, *, with_metadata: bool) -> str:
    """What a program says that runs from a zip file, without anything that is installed."""
    app = folder / "app"
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        if spec.submodule_search_locations:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(Path(spec.origin).parent, app / name, ignore=ignored)
        else:
            shutil.copy(spec.origin, app)
    if with_metadata:
        found = metadata.distribution("bitboot-btdht")
        info = app / f"bitboot_btdht-{found.version}.dist-info"
        info.mkdir()
        for name in ("METADATA", "entry_points.txt"):
            (info / name).write_text(found.read_text(name) or "", encoding="utf-8")
    (app / "hello.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "zipapp", str(app), "--main", "hello:main", "--output", "hello.pyz"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    shutil.rmtree(app)
    run = [sys.executable, "-I", "-S", "hello.pyz"]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_zip_file_with_the_metadata_finds_the_plugin(tmp_path: Path) -> None:
    assert packed(tmp_path, ASK, with_metadata=True) == "btdht"


def test_a_zip_file_without_the_metadata_is_told_what_to_do(tmp_path: Path) -> None:
    hint = packed(tmp_path, ASK, with_metadata=False)
    assert "bitboot_btdht and its .dist-info folder" in hint
    assert "register_backend()" in hint
    assert "pip" not in hint


def test_a_zip_file_that_registers_the_backend_as_the_page_shows(tmp_path: Path) -> None:
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert packed(tmp_path, code + ASK, with_metadata=False) == "btdht"


def test_pyinstaller_s_users_are_told_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(NetworkUnavailable) as caught:
        BitBoot(registry=Registry(entry_points=list, environ={}))
    assert "--copy-metadata bitboot-btdht --hidden-import bitboot_btdht.plugin" in caught.value.hint
    assert "register_backend()" in caught.value.hint
    assert "pip install" not in caught.value.hint


def test_a_package_without_its_metadata_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bitboot_vendored").mkdir()
    (tmp_path / "bitboot_vendored" / "__init__.py").touch()
    assert frozen.how_to_get("vendored") == 'pip install "bitboot-core[vendored]"'
    monkeypatch.syspath_prepend(tmp_path)
    assert "bitboot_vendored is here without its .dist-info folder" in frozen.how_to_get("vendored")
