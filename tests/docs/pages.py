"""The pages that people read, as blocks: code, and commands to type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")


@dataclass(frozen=True)
class Block:
    """A block of code. `language` is what its fence says, "" for one that is merely indented."""

    page: str
    language: str
    code: str

    @property
    def first_line(self) -> str:
        """By which it is known on its page."""
        return self.code.strip().splitlines()[0].strip()

    def __str__(self) -> str:
        return f"{self.page}: {self.first_line}"


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, fenced and indented ones."""
    text = page.read_text(encoding="utf-8")
    fenced = [Block(page.name, *match.groups()) for match in FENCE.finditer(text)]
    return fenced + [Block(page.name, "", code) for code in INDENTED.findall(FENCE.sub("", text))]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
