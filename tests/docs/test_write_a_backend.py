"""docs/write-a-backend.md: its code is that of examples/bitboot_folder, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "bitboot_folder"
PAGE = (ROOT / "docs" / "write-a-backend.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:python|toml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {
    path.relative_to(EXAMPLE).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("pyproject.toml", "src/**/*.py", "tests/*.py")
    for path in EXAMPLE.glob(pattern)
}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_every_block_is_a_piece_of_the_example(block: str) -> None:
    assert [name for name, source in FILES.items() if block in source]


@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "src/bitboot_folder/plugin.py",
        "src/bitboot_folder/backend.py",
        "tests/test_contract.py",
    ],
)
def test_these_files_are_shown_from_beginning_to_end(name: str) -> None:
    shown = [block for block in BLOCKS if block in FILES[name]]
    assert "\n".join(shown).split() == FILES[name].split()


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"(?:src/bitboot_folder|tests)/\w+\.py", PAGE))
    assert len(named) >= 4
    assert named <= set(FILES)
