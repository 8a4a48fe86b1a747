"""What people read is in plain words: pages, messages, hints, options' help, docstrings of what is public."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
QUAINT = re.compile(
    r"\b(lately|in vain|of former times|oftener|dear|dearer|anew|hence|thereof|whom|shall|mend(s|ed)?"
    r"|affairs?|heeds?|lapse[sd]?|nobody would)\b",
    re.IGNORECASE,
)
"""Readers come from many countries. Write recently, again, who, must, fix, expires, ..."""

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
SOURCES = sorted([*(ROOT / "bitboot_core").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")])
PUBLIC = {*(ROOT / "bitboot_core").glob("*.py"), *(ROOT / "bitboot_core" / "testing").glob("*.py")}
"""Of these the docstrings are read too: the reference is made of them."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_in_plain_words(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))  # names of things stay as they are
    lines = enumerate(text.splitlines(), 1)
    assert [f"{number}: {line.strip()}" for number, line in lines if QUAINT.search(line)] == []


def strings(source: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module, with their lines; docstrings only where these are public."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if source in PUBLIC or id(node) not in alone:
            yield node.lineno, node.value


def test_messages_hints_and_help_are_in_plain_words() -> None:
    assert len(SOURCES) > 100
    found = [
        f"{source.relative_to(ROOT)}:{line}: {match[0]}"
        for source in SOURCES
        for line, text in strings(source)
        if (match := QUAINT.search(text))
    ]
    assert found == []


@pytest.mark.parametrize("text", ["it lapses by itself", "who answered lately", "announced anew"])
def test_quaint_words_are_noticed(text: str) -> None:
    assert QUAINT.search(text)
