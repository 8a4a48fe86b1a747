"""A `View` as rich draws it. Imported at terminals only: rich takes longer than all the rest."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from .durations import clock_time, span
from .plain import count
from .small_drawing import NARROW, SHORT, draw_small
from .view import View
from .words import kept_in_words, reach_in_words, sent_in_words, state_in_words, stored_in_words

OVERHEAD = 12
"""Lines around the rows of the tables: heading, titles, sums, the line at the bottom, blank lines."""

WIDE = 100
"""Columns from which on it is told where a node listens, too, and who can reach it, where that is known."""


class Drawing:
    """Draws a view, in as many lines as there are."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._spinner = Spinner("dots", style="magenta")

    def draw(self, width: int, height: int, *, final: bool = False) -> RenderableType:
        """The view in at most `height` lines. The last frame of a lookup takes as many as it needs."""
        view = self._view
        if width < NARROW or height < SHORT:
            return draw_small(view, height, final=final)
        parts: list[RenderableType] = [self._heading(final=final)]
        if view.states:
            parts.append(self._networks(wide=width >= WIDE))
        if view.announced:
            parts.append(self._announcement())
        if view.lists_peers:
            rows = max(1, height - OVERHEAD - len(view.states) - (3 + len(view.announced)))
            parts.append(self._peers(None if final and view.is_lookup else rows))
        if not final:
            parts.append(self._progress())
        return Group(*(line for part in parts for line in (part, Text())))

    def _heading(self, *, final: bool) -> Text:
        view = self._view
        heading = Text.assemble((view.heading, "bold"), ("  " + span(view.now() - view.began), "dim"))
        if view.is_leaving and not final:
            heading.append("  leaving ...", "yellow")
        return heading

    def _progress(self) -> RenderableType:
        """The bottom line: the bootstrap's progress, or how to leave."""
        view = self._view
        waiting = view.waiting_for
        if view.is_leaving or not waiting:
            return Text("Ctrl-C leaves" if not view.is_leaving else "", "dim")
        parts = [
            f"{state.network}: {count(state.tried or len(state.bootstrap), 'contact')} tried, "
            f"{state.contacts} answered" + (f", attempt {state.attempts}" if state.attempts > 1 else "")
            for state in waiting
        ]
        self._spinner.update(text=Text("getting in touch with " + "; ".join(parts)))
        return self._spinner

    def _networks(self, *, wide: bool) -> Table:
        where = ["through", "listens on"] if wide else []
        reached = {name: reach_in_words(state) for name, state in self._view.states.items()}
        by = ["reached"] if wide and any(reached.values()) else []
        table = plain_table("network", *where, "state", *by, "contacts", "datagrams", "keeps for others")
        for name, state in self._view.states.items():
            stats = self._view.stats.get(name, {})
            table.add_row(
                Text(name, "cyan"),
                *([Text(state.backend), Text(str(state.listen or ""))] if wide else []),
                Text(*state_in_words(state)),
                *([Text(reached[name])] if by else []),
                Text(str(state.contacts)),
                Text(sent_in_words(stats)),
                Text(kept_in_words(stats)),
            )
        return table

    def _announcement(self) -> Table:
        table = plain_table("announced", "on", "stored on", "expires in", "next", "times")
        for (swarm, network), status in self._view.announced.items():
            stored = Text(*stored_in_words(status))
            if status.last_error is not None:
                stored.append(f" ({status.last_error})", "red")
            table.add_row(
                Text(swarm, "bold"),
                Text(network, "cyan"),
                stored,
                Text("" if status.expires_in is None else span(status.expires_in)),
                Text("under way" if status.next_try is None else f"in {span(status.next_try)}"),
                Text(str(status.successes)),
            )
        return table

    def _peers(self, rows: int | None) -> RenderableType:
        view = self._view
        now = view.now()
        is_private = any(seen.member for seen in view.peers.values())
        when_seen = ["found after"] if view.is_lookup else ["since", ""]
        table = plain_table("peer", *when_seen, "from", *(["member"] if is_private else []))
        peers = list(view.peers.items())
        hidden = 0 if rows is None else max(0, len(peers) - rows)
        for endpoint, seen in peers[hidden:]:
            when = (
                [Text(span(seen.since - view.began))]
                if view.is_lookup
                else [Text(clock_time(seen.since, now)), Text(f"{span(now - seen.since)} ago", "dim")]
            )
            member = [Text(seen.member)] if is_private else []
            table.add_row(Text(endpoint, "bold"), *when, Text(", ".join(seen.sources), "cyan"), *member)
        total = count(len(peers), "peer") if peers else "nobody yet"
        if hidden:
            total += f", the last {len(peers) - hidden} shown"
        if view.left:
            total += f", {view.left} left"
        return Group(table, Text(total, "green")) if peers else Text(total, "dim")


def plain_table(*titles: str) -> Table:
    """A table with these columns, with no lines but the one below its head."""
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    return table
