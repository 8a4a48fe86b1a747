"""The lab itself: it says what it lacks, nothing gets out of it, and nothing is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import lab as module
from .lab import Lab, LabFailed, missing

pytestmark = pytest.mark.slow


def test_it_says_which_packages_it_lacks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", {"no-such-tool": "its-package", **module.PACKAGES})
    assert missing() == "not installed: apt install its-package"


def test_nothing_gets_out(lab: Lab) -> None:
    """Every device of the core leads to a host of the lab: the other end of each is in a namespace."""
    devices = lab.call("core", "ip", "-brief", "link").splitlines()
    assert len(devices) > 30
    assert [line for line in devices if "@if" not in line] == [devices[0]]
    assert devices[0].startswith("lo ")
    assert "blackhole" in lab.call("core", "ip", "route", "show", "default")


def test_what_runs_in_it_ends_with_it(lab: Lab, tmp_path: Path) -> None:
    with Lab(tmp_path) as another:
        process = another.start("free1", "sleep", "1000")
        holder = int((tmp_path / "holder").read_text())
        assert process.is_running
    assert not process.is_running
    assert not Path(f"/proc/{holder}").exists()


def test_a_lab_that_cannot_be_built_says_why(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_unshare", lambda: ["unshare", "--no-such-option"])
    with pytest.raises(LabFailed, match="no-such-option"):
        Lab(tmp_path).up()
