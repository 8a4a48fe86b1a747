"""Half of the public hosts are gone at once: all that was announced is found, without a wait."""

from __future__ import annotations

import pytest

from .changes import pull
from .lab import Lab, wait_for
from .nodes import announced, ask, lookup, side_by_side, start_command, start_public_nodes
from .topology import BITBOOT, LIBTORRENT, PUBLIC

pytestmark = pytest.mark.slow

COUNT = 20
CUT = {*list(LIBTORRENT)[:6], *list(BITBOOT)[:3]} - {"lt2"} | {"lt6"}
"""Half of them; `lt2` stays, the bootstrap contact that those need who start now."""


def test_all_are_found_when_half_of_the_hosts_are_cut_off(lab: Lab) -> None:
    start_public_nodes(lab)
    names = [f"cut-{index}" for index in range(COUNT)]
    process = start_command(lab, "free3", "cut", "announce", *names, "--port", "30000")
    wait_for(lambda: set(announced(lab, "cut")) == set(names), "the announcements")

    for host in CUT:
        pull(lab, host)
    left = sorted(BITBOOT.keys() - CUT)
    place = f"{PUBLIC['free3']}:30000"

    def find(index: int) -> list[str]:
        found: list[str] = ask(lab, left[index % len(left)], "find", swarm=names[index])["peers"]
        return found

    assert side_by_side(find, range(COUNT)) == [[place]] * COUNT
    assert side_by_side(lambda name: lookup(lab, "free1", name), names[:4]) == [[place]] * 4
    assert process.stop() == 0
