"""What people may say for a peer and for a limit, and how they are told what is wrong with it."""

from __future__ import annotations

import re

import pytest

from bitboot_core import InvalidConfig, InvalidEndpoint, InvalidSwarmName, KnownHost, SwarmKey
from bitboot_core._swarms.arguments import peer_limit, peer_to_announce, swarm_names

HERE = KnownHost("192.0.2.7", 6881)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        (None, None, "no port was given\nhint: say which port your program listens on"),
        (HERE, 1, "both 192.0.2.7:6881 and port=1 were given\nhint: give one of the two"),
        (KnownHost("192.0.2.7", 0), None, "port 0 of 192.0.2.7 cannot be announced\nhint: announce the port"),
    ],
)
def test_a_peer_that_cannot_be_announced(host: KnownHost | None, port: int | None, message: str) -> None:
    with pytest.raises(InvalidEndpoint, match=f"^{re.escape(message)}"):
        peer_to_announce(host, port)


def test_a_limit_is_a_number_of_peers() -> None:
    assert peer_limit(None) is None
    assert peer_limit(1) == 1
    with pytest.raises(InvalidConfig, match=r"^limit=0 is not a number of peers\nhint: 1 or more, or None"):
        peer_limit(0)


def test_no_swarm() -> None:
    with pytest.raises(InvalidSwarmName, match=r"^no swarm was named\nhint: .* a list of names$"):
        swarm_names([])


def test_a_key_of_the_wrong_length_is_shown() -> None:
    with pytest.raises(InvalidSwarmName, match=r"^b'short' is not a swarm's key\nhint: 20 bytes"):
        SwarmKey(b"short")
