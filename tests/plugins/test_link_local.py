"""Contacts with link-local addresses on two interfaces, in a network namespace of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..two_links import needs_two_links, run_on_two_links


@needs_two_links
@pytest.mark.parametrize("backend", ["btdht", "kademlia"])
def test_the_zone_of_a_contact_is_kept(backend: str) -> None:
    assert run_on_two_links(Path(__file__).with_name("link_local.py"), backend) == "met\n"
