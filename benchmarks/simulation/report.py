"""docs/simulation.md, its tables and figures, from the results kept in docs/simulation/."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .result import Check, Plot, Result

DOCS = Path(__file__).parents[2] / "docs"

BEGIN, END = "<!-- results: written by python -m benchmarks.simulation --write -->", "<!-- end of results -->"


def keep(result: Result, folder: Path) -> None:
    """Write one experiment's figures, in numbers and as a drawing, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(result), indent=1)
    (folder / f"{result.name}.json").write_text(text + "\n", encoding="utf-8")
    draw(result.plot, folder / f"{result.name}.svg")


def kept(folder: Path, names: Iterable[str]) -> list[Result]:
    """The results that have been kept, in the order of `names`."""
    results = []
    for name in names:
        path = folder / f"{name}.json"
        if path.exists():
            read = json.loads(path.read_text(encoding="utf-8"))
            read["plot"] = Plot(**read["plot"])
            read["checks"] = [Check(**check) for check in read["checks"]]
            results.append(Result(**read))
    return results


def write_page(page: Path, results: Sequence[Result]) -> None:
    """Put the results between the page's two marks; the words around them are left as they are."""
    text = page.read_text(encoding="utf-8")
    body = "\n\n".join(section(result) for result in results)
    new = f"{BEGIN}\n\n{summary(results)}\n\n{body}\n\n{END}"
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: new, text), encoding="utf-8")


def summary(results: Iterable[Result]) -> str:
    """What must hold, and whether it does."""
    lines = [
        "## What must hold",
        "",
        "| experiment | what | required | measured | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        for check in result.checks:
            cells = (
                f"[{result.name}](#{anchor(result.title)})",
                check.what,
                check.required,
                check.measured,
                "holds" if check.holds else "**fails**",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def anchor(title: str) -> str:
    """A heading's name within its page."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def section(result: Result) -> str:
    """One experiment in Markdown."""
    lines = [
        f"## {result.title}",
        "",
        f"    python -m benchmarks.simulation {result.name} --write",
        "",
        result.setup,
        "",
        f"| {' | '.join(result.columns)} |",
        f"|{' --- |' * len(result.columns)}",
        *(f"| {' | '.join(row)} |" for row in result.rows),
        "",
        f"![{result.title}](simulation/{result.name}.svg)",
        "",
        f"Cost: {result.cpu_seconds:.0f} CPU seconds.",
    ]
    return "\n".join(lines)


def shown(result: Result) -> str:
    """One experiment for the terminal."""
    table = [list(result.columns), *(list(row) for row in result.rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(result.columns))]
    lines = [f"{result.name}: {result.title}"]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(("  " + "  ".join(padded)).rstrip())
    for check in result.checks:
        verdict = "holds" if check.holds else "FAILS"
        lines.append(f"  {verdict}: {check.what}: {check.measured} (required: {check.required})")
    lines.append(f"  {result.cpu_seconds:.0f} CPU seconds")
    return "\n".join(lines)


def draw(plot: Plot, path: Path) -> None:
    """Draw the lines as a small SVG."""
    # Imported here, so that the experiments and their tests need no matplotlib.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Text stays text, and names in the file do not change from run to run.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):
        figure = Figure(figsize=(7, 3.6))
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for number, (name, points) in enumerate(plot.lines.items()):
            axes.plot(*zip(*points, strict=True), "os^dvx*P"[number % 8] + "-", label=name, markersize=4)
        if plot.logarithmic_x:
            axes.set_xscale("log")
        axes.set_xlabel(plot.x)
        axes.set_ylabel(plot.y)
        axes.grid(alpha=0.3)
        if len(plot.lines) > 1:
            axes.legend(fontsize="small")
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
