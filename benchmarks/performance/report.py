"""docs/performance.md and its figure, from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from .rows import Row

HEAD = """# Performance

Measured by `python3 scripts/test.py -e bench -- --write` ({machine}, two cores, loopback only).
Each figure is beside that of a real peer, taken in turns in the same run: what counts is the ratio, since
absolute times move from machine to machine. Medians, with the middle half of the values in brackets.
The load generator of row 3 is a process in C. Rows whose peer is "limit" are compared with a figure
that was set beforehand.

What the rows do not tell by themselves:

- libtorrent does not say when a lookup has ended, so its lookups count as done with their first peers, ours
  when all is done. At 32 lookups at once libtorrent's own receive buffer overflows.
- A lookup of ours on loopback is work, not waiting: 17 at once on one core cannot take much less than 17
  times the work of one, and that row is missed. Where datagrams take their time, as on any real network,
  they do run side by side: the row below it.
- Discovery takes little more than loading the same plugins unchecked through `importlib.metadata`, whose
  own import is the larger part; on this machine the limit of 30 ms is below what that takes.
- `import bitboot_core` imports its rooms when their names are first asked for; what `from bitboot_core
  import BitBoot` takes, which asks for nearly all of them, is a row of its own.
- Row 5 with a quarter of the contacts dead: the others have not noticed yet, and hand them out to whoever
  joins. libtorrent waits 15 seconds for them.

| row | what | ours | peer | theirs | ratio | goal | |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""

FOOT = """
![ratio to goal](performance.svg)

To the left of the line the goal is reached. Every row's command:

{commands}
"""


def write_page(folder: Path, machine: str, rows: Sequence[Row]) -> None:
    """Write performance.md and performance.svg into `folder`."""
    lines = [_line(row) for row in rows]
    commands = "\n".join(f"- `{command}`" for command in dict.fromkeys(row.command for row in rows))
    text = HEAD.format(machine=machine) + "\n".join(lines) + "\n" + FOOT.format(commands=commands)
    (folder / "performance.md").write_text(text, encoding="utf-8")
    _draw(folder / "performance.svg", [row for row in rows if row.goal])


def _line(row: Row) -> str:
    goal = f"{'at least' if row.at_least else 'at most'} {row.goal:g}"
    verdict = "reached" if row.reached else "**missed**"
    cells = (row.number, row.title, row.ours, row.peer, row.theirs, f"{row.ratio:.3g}", goal, verdict)
    return f"| {' | '.join(cells)} |"


def _draw(path: Path, rows: Sequence[Row]) -> None:
    """How far each row is from its goal, on a logarithmic axis: below 1 it is reached."""
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
