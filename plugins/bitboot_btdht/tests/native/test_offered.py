"""When the backend btdht-native is offered: runs everywhere, with the package btdht or without."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from bitboot_btdht import plugin

from bitboot_core import BackendConfig, BackendUnavailable


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the package is loaded, nor of what imports it."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "btdht" or name.startswith("bitboot_btdht.native."):
            monkeypatch.delitem(sys.modules, name)


def test_it_is_not_offered_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "find_spec", lambda name: None)
    assert [spec.name for spec in plugin.bitboot_backends()] == ["btdht"]


@pytest.mark.usefixtures("no_package")
def test_a_package_that_does_not_load_is_named_with_its_cause(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As it is after a build with Cython 3."""
    (tmp_path / "btdht").mkdir()
    (tmp_path / "btdht" / "__init__.py").write_text("import no_such_utils\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    (spec,) = [spec for spec in plugin.bitboot_backends() if spec.name == "btdht-native"]
    with pytest.raises(BackendUnavailable, match="does not load: No module named 'no_such_utils'") as caught:
        spec.factory(BackendConfig(network="mainline", protocol="mainline"))
    assert "docs/native.md" in caught.value.hint
