"""How networks and announcements stand, in words and colours for people. Nothing of rich is needed."""

from __future__ import annotations

from collections.abc import Mapping

from ..._networks.state import NetworkState
from ..._swarms.records import AnnouncementStatus
from ...errors import BootstrapFailed
from ...reports import Reachability
from .durations import span
from .plain import count


def state_in_words(state: NetworkState) -> tuple[str, str]:
    """How a network is doing, and in which style to say it."""
    if state.ready:
        return "in touch" if state.contacts or state.bootstrap else "alone", "green"
    if state.error is None or not state.attempts:
        return "getting in touch" if state.listen is not None else "starting", "yellow"
    return "no answer" if isinstance(state.error, BootstrapFailed) else "failed", "red"


def announcement_in_words(status: AnnouncementStatus) -> tuple[str, str]:
    """How an announcement stands on one network, in one line, and in which style to say it."""
    stored, style = stored_in_words(status)
    if status.expires_in is not None:
        stored += f", for {span(status.expires_in)}"
    return f"stored on {stored}" if status.stored_on else "not stored yet", style


def stored_in_words(status: AnnouncementStatus) -> tuple[str, str]:
    """On how many nodes an announcement is stored, and in which style to say it."""
    if status.is_meagre:
        return f"{status.stored_on} of {count(status.could_store, 'node')}", "yellow"
    return (count(status.stored_on, "node"), "green") if status.stored_on else ("no node yet", "dim")


def reach_in_words(state: NetworkState) -> str:
    """Who can reach a network's node, in a word or two, "" where that is not known."""
    return _REACH[state.reachability]


_REACH = {
    Reachability.OPEN: "by anybody",
    Reachability.MAPPED: "by anybody (mapped)",
    Reachability.CONE: "behind NAT (cone)",
    Reachability.SYMMETRIC: "behind NAT (symmetric)",
    Reachability.BLOCKED: "blocked",
    Reachability.UNKNOWN: "",
}


def kept_in_words(stats: Mapping[str, int | float]) -> str:
    """What a node keeps for others, "" where that is nothing."""
    keys, peers = int(stats.get("stored_keys", 0)), int(stats.get("stored_peers", 0))
    return f"{count(peers, 'peer')} of {count(keys, 'swarm')}" if keys or peers else ""


def sent_in_words(stats: Mapping[str, int | float]) -> str:
    """How many datagrams went out and came in: "12 out, 9 in", of what the backend counts."""
    names = (("sent", "out"), ("received", "in"))
    return ", ".join(f"{int(stats[key])} {word}" for key, word in names if key in stats)
