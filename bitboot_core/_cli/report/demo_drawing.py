"""A `DemoView` as rich draws it. Imported at terminals only."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.text import Text

from .demo_view import DemoView
from .drawing import plain_table
from .durations import span
from .plain import count


class DemoDrawing:
    """Draws the demo's view: a row a peer, and below what is going on, or what it came to."""

    def __init__(self, view: DemoView) -> None:
        self._view = view
        self._spinner = Spinner("dots", style="magenta")

    def draw(self, width: int, height: int, *, final: bool = False) -> RenderableType:
        """The view. It has as many lines as there are peers, however high the screen is."""
        view = self._view
        heading = Text.assemble((view.heading, "bold"), ("  " + span(view.now() - view.began), "dim"))
        peers = plain_table("peer at port", "announced", "found by a stranger")
        for port, row in view.rows.items():
            peers.add_row(
                Text(str(port), "bold"),
                Text("not yet", "dim")
                if row.stored_on is None
                else Text(f"on {count(row.stored_on, 'node')}, for {span(row.expires_in)}", "cyan"),
                Text("") if row.found_after is None else Text(f"after {span(row.found_after)}", "green"),
            )
        return Group(heading, Text(), peers, Text(), self._below(final=final), Text())

    def _below(self, *, final: bool) -> RenderableType:
        view = self._view
        if view.cost is not None:
            found = f"{view.found} of {count(len(view.rows), 'peer')} found by a node that knew none of them"
            return Text.assemble((found, "bold green"), (f", for {view.cost.text()}", "magenta"))
        if final:
            return Text("stopped before it was done", "red")
        waiting = "announcing" if view.looking_since is None else "looking them up"
        self._spinner.update(text=Text(f"{waiting} ..."))
        return self._spinner
