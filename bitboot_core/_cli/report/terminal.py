"""Events for people at a terminal. Imported only there: rich takes longer than all the rest."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ...bitboot import BitBoot
from .checks import FAILED, OK, UNKNOWN, WARNING, Check, Verdict
from .demo_drawing import DemoDrawing
from .demo_view import DemoView
from .drawing import Drawing
from .escaping import escaped
from .events import Event, Failed
from .listings import Listed
from .report import Report
from .view import View

STYLES = {
    "started": "magenta",
    "ready": "green",
    "announced": "cyan",
    "reachability": "cyan",
    "peer": "bold",
    "peer-joined": "bold green",
    "peer-left": "yellow",
    "size": "bold",
    "cost": "magenta",
    "identity": "cyan",
    "secret": "cyan",
    "port-mapped": "cyan",
    "published": "cyan",
    "item": "bold",
    "verdict": "bold",
    "done": "bold green",
    "error": "bold red",
}

STATUS_STYLES = {OK: "bold green", WARNING: "bold yellow", FAILED: "bold red", UNKNOWN: "dim"}

NAME, STATUS = 12, 8
"""Columns for the name of an event, and for how a check came out."""

REFRESH = 0.2
"""Seconds between two frames of a live view, where something changes."""

AGE = 1.0
"""Seconds between two frames where nothing does but the time."""


class SafeConsole(Console):
    """A console that shows what would command the terminal: only rich's own commands reach it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Its segments, each with its text escaped; rich's own line ends stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escaped(segment.text, keep="\n"), segment.style)


class TerminalReport(Report):
    """Live views where a command has one, lines with colour otherwise, and tables for lists.

    No colour where NO_COLOR is set, no live view on a terminal that cannot move its cursor. What
    strangers and plugins say is printed as text, never read as rich's markup.
    """

    def __init__(self, out: Console | None = None) -> None:
        """`out`: where to print everything, in place of stdout and stderr."""
        self._out = out or SafeConsole(highlight=False)
        self._err = out or SafeConsole(highlight=False, stderr=True)
        self._view: View | None = None

    def tell(self, event: Event) -> None:
        if self._view is not None and self._view.note(event):
            return
        console = self._err if isinstance(event, Failed) else self._out
        if isinstance(event, Check):
            console.print(_check(event), soft_wrap=True)
            return
        width = STATUS if isinstance(event, Verdict) else NAME  # it stands below the checks
        line = Text.assemble((f"{event.name:<{width}} ", STYLES[event.name]), "\n".join(event.lines()))
        console.print(line, soft_wrap=True)

    def listing(self, items: Sequence[Listed]) -> None:
        if not items:
            return
        table = Table(box=box.SIMPLE_HEAD, header_style="bold")
        for title in items[0].row():
            table.add_column(title, overflow="fold")
        for item in items:
            cells = (Text(escaped(cell, keep="\n")) for cell in item.row().values())
            table.add_row(*cells, style="dim" if item.is_placeholder else None)
        self._out.print(table)

    def suggest(self, command: str, does: str) -> None:
        line = Text.assemble(
            (f"{'try':<{NAME}} ", "magenta"), f"{does}:\n{'':<{NAME + 1}}", (command, "bold")
        )
        self._out.print(line, soft_wrap=True)

    @asynccontextmanager
    async def showing(self, view: View, bitboot: BitBoot) -> AsyncIterator[None]:
        if not self._out.is_interactive or self._out.is_dumb_terminal:
            yield
            return
        drawing = DemoDrawing(view) if isinstance(view, DemoView) else Drawing(view)
        # Frames are drawn by a task of ours: rich's own thread would read a BitBoot that is at work.
        live = Live(
            console=self._out,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=sys.stderr.isatty(),  # what is logged appears above the view
        )
        self._view = view
        try:
            with live:
                frames = asyncio.create_task(self._draw(live, drawing, view, bitboot))
                try:
                    yield
                finally:
                    frames.cancel()
                    await asyncio.gather(frames, return_exceptions=True)
        finally:
            self._view = None
            self._out.print(drawing.draw(*self._out.size, final=True))

    async def _draw(self, live: Live, drawing: Drawing | DemoDrawing, view: View, bitboot: BitBoot) -> None:
        """Draw what has changed, and once a second what only grows older."""
        drawn: object = None
        drawn_at, size = 0.0, self._out.size
        while True:
            view.look(bitboot)
            if self._out.size != size:
                # The terminal has wrapped the old lines again: moving up by their number would leave some.
                size, drawn = self._out.size, None
                self._out.control(Control.clear(), Control.home())
            now = time.monotonic()
            if view.content() != drawn or now - drawn_at >= AGE or view.waiting_for:
                drawn, drawn_at = view.content(), now
                live.update(drawing.draw(*size), refresh=True)
            await asyncio.sleep(REFRESH)


def _check(check: Check) -> Text:
    """A check as a line, with its hint below."""
    line = Text.assemble(
        (f"{check.status:<{STATUS}} ", STATUS_STYLES[check.status]),
        (f"{escaped(check.title)}: ", "bold"),
        escaped(check.message),
    )
    if check.hint:
        line.append(f"\n{'':<{STATUS + 1}}hint: {escaped(check.hint)}", "yellow")
    return line
