"""The pictures in the docs: drawn by a script from what the commands show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
NAMES = ["demo", "doctor", "join", "lookup"]


def text(picture: Path) -> str:
    """All that is written in a picture."""
    return "".join(ET.parse(picture).getroot().itertext()).replace("\xa0", " ")


def test_the_script_draws_them_all(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "screenshots.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=60)
    assert sorted(path.stem for path in tmp_path.iterdir()) == NAMES
    assert "5 of 5 peers found" in text(tmp_path / "demo.svg")
    assert ".venv/bin/bitboot doctor" in text(tmp_path / "demo.svg")
    assert "4 peers found in " in text(tmp_path / "lookup.svg")
    assert "8 nodes" in text(tmp_path / "join.svg")
    assert "127.0.0.1:50004" in text(tmp_path / "join.svg")
    assert "nothing is wrong, 1 warning" in text(tmp_path / "doctor.svg")


@pytest.mark.parametrize("name", NAMES)
def test_those_in_the_docs_load_nothing_from_elsewhere(name: str) -> None:
    picture = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert re.findall(r"@font-face|@import|(?:href|src)=|url\((?!#)", picture) == []
    assert "bitboot " in text(IMAGES / f"{name}.svg")
