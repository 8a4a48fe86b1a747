"""A `View` on a small screen: a line for each thing, the peers first. Imported at terminals only."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from .durations import span
from .plain import count
from .view import View
from .words import announcement_in_words, state_in_words

NARROW = 72
"""Columns below which tables would break in the middle of words."""

SHORT = 14
"""Lines below which tables would leave no room for the peers."""


def draw_small(view: View, height: int, *, final: bool) -> RenderableType:
    """The view in at most `height` lines, each cut at the end of the screen."""
    head = _line((view.heading, "bold"), ("  " + span(view.now() - view.began), "dim"))
    if view.is_leaving and not final:
        head.append("  leaving ...", "yellow")
    below = _below(view)
    room = None if final and view.is_lookup else max(2, height - 1 - len(below) - 1)
    peers = _peers(view, room) if view.lists_peers else []
    lines = [head, *peers, *below]
    if not final and not view.is_leaving:
        lines.append(_line(("Ctrl-C leaves", "dim")))
    return Group(*(lines if final and view.is_lookup else lines[:height]))


def _peers(view: View, room: int | None) -> list[Text]:
    """The newest peers, and how many there are."""
    peers = list(view.peers.items())
    shown = peers if room is None else peers[max(0, len(peers) - room + 1) :]
    lines = [
        _line((endpoint, "bold"), (f"  {span(view.now() - seen.since)}", "dim")) for endpoint, seen in shown
    ]
    total = count(len(peers), "peer") if peers else "nobody yet"
    if len(shown) < len(peers):
        total += f", the last {len(shown)} shown"
    return [*lines, _line((total, "green" if peers else "dim"))]


def _below(view: View) -> list[Text]:
    """A line for each announcement and each network."""
    announced = [
        _line((f"{swarm}: ", "bold"), announcement_in_words(status))
        for (swarm, _), status in view.announced.items()
    ]
    networks = []
    for name, state in view.states.items():
        said, style = state_in_words(state)
        networks.append(_line((f"{name}: ", "cyan"), (said, style), f", {count(state.contacts, 'contact')}"))
    return [*announced, *networks]


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
