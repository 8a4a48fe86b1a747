"""Events for people at a terminal. Imported only there: rich takes longer than all the rest."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .events import Event, Failed
from .listings import Listed
from .report import Report

STYLES = {
    "started": "magenta",
    "ready": "green",
    "announced": "cyan",
    "peer": "bold",
    "peer-joined": "bold green",
    "peer-left": "yellow",
    "cost": "magenta",
    "done": "bold green",
    "error": "bold red",
}


class TerminalReport(Report):
    """The plain lines with colour, unless NO_COLOR is set, and tables for lists.

    What strangers and plugins say is printed as text, never read as rich's markup.
    """

    def __init__(self) -> None:
        self._out = Console(highlight=False)
        self._err = Console(highlight=False, stderr=True)

    def tell(self, event: Event) -> None:
        console = self._err if isinstance(event, Failed) else self._out
        line = Text.assemble((f"{event.name:<11} ", STYLES[event.name]), event.text())
        console.print(line, soft_wrap=True)

    def listing(self, items: Sequence[Listed]) -> None:
        if not items:
            return
        table = Table(box=box.SIMPLE_HEAD, header_style="bold")
        for title in items[0].row():
            table.add_column(title, overflow="fold")
        for item in items:
            table.add_row(*map(Text, item.row().values()))
        self._out.print(table)
