"""Nobody is banned for announcing many swarms: libtorrent bans an address after some 50 datagrams in 10 s."""

from __future__ import annotations

import pytest

from .lab import Lab, wait_for
from .nodes import announced, answers_ping, side_by_side, start_command, start_public_nodes
from .topology import LIBTORRENT

pytestmark = pytest.mark.slow

HOST = "free1"
SWARMS = 60
PATIENCE = 90


def test_everybody_still_answers_after_sixty_announcements(lab: Lab) -> None:
    start_public_nodes(lab)
    names = [f"one-of-many-{index}" for index in range(SWARMS)]
    process = start_command(lab, HOST, "many", "announce", *names, "--port", "30009")
    wait_for(lambda: len(set(announced(lab, "many"))) == SWARMS, "all announcements", PATIENCE)
    answered = side_by_side(lambda address: answers_ping(lab, HOST, address), LIBTORRENT.values())
    silent = [host for host, answers in zip(LIBTORRENT, answered, strict=True) if not answers]
    assert silent == []
    assert process.stop() == 0
