"""docs/performance.md and its figure, from the rows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .rows import Row

BEGIN = "<!-- The table from here on is written by `python -m benchmarks.performance --write`. -->"
END = "<!-- To here. -->"


def keep(rows: Iterable[Row], path: Path) -> None:
    """Write them as JSON."""
    text = json.dumps([dataclasses.asdict(row) for row in rows], indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def kept(path: Path) -> list[Row]:
    """The rows that were written there."""
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def write_page(page: Path, rows: Sequence[Row]) -> None:
    """Put the table between the page's two marks; the words around it are left as they are."""
    measured = {row.command: row.measured for row in rows}
    table = [
        BEGIN,
        "",
        "| row | what | ours | peer | theirs | ratio | goal | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, rows),
        "",
        "![ratio to goal](performance.svg)",
        "",
        "To the left of the line the goal is reached. Every row's command, and when it was measured on what:",
        "",
        *(f"- `{command}`: {when}" for command, when in measured.items()),
        "",
        END,
    ]
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(before + "\n".join(table) + after, encoding="utf-8")


def _line(row: Row) -> str:
    goal = f"{'at least' if row.at_least else 'at most'} {row.goal:g}"
    verdict = "reached" if row.reached else "**missed**"
    cells = (row.number, row.title, row.ours, row.peer, row.theirs, f"{row.ratio:.3g}", goal, verdict)
    return f"| {' | '.join(cells)} |"


def draw(path: Path, every: Sequence[Row]) -> None:
    """How far each row is from its goal, on a logarithmic axis: below 1 it is reached."""
    # Imported here, so that the page's test needs no matplotlib.
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = [row for row in every if row.goal]
    shares = [row.goal / row.ratio if row.at_least else row.ratio / row.goal for row in rows]
    figure = Figure(figsize=(9, 0.32 * len(rows) + 1))
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    colours = ["#3a7d44" if share <= 1 else "#b5483a" for share in shares]
    axes.barh([f"{row.number}  {row.title}" for row in rows], shares, color=colours, left=0)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("share of what the goal allows")
    axes.invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
