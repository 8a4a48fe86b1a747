"""Write tokens: bound to the IP, rotating every 5 minutes, two generations valid (BEP 5)."""

from __future__ import annotations

import random

from bitboot_btdht.server.tokens import ROTATION, Tokens
from bitboot_btdht.wire import compact

ALICE = compact.pack("8.8.8.8", 6881)
ALICE_ELSEWHERE = compact.pack("8.8.8.8", 7000)
BOB = compact.pack("8.8.8.9", 6881)


def make() -> Tokens:
    return Tokens(0.0, random.Random(1))


def test_a_token_is_good_for_whoever_it_was_issued_to() -> None:
    tokens = make()
    token = tokens.issue(ALICE, 0.0)
    assert tokens.accepts(token, ALICE, 1.0)
    assert not tokens.accepts(token, BOB, 1.0)


def test_a_token_is_bound_to_the_ip_and_not_to_the_port() -> None:
    """BEP 5: "checks the token against the querying node's IP address"."""
    tokens = make()
    assert tokens.accepts(tokens.issue(ALICE, 0.0), ALICE_ELSEWHERE, 1.0)


def test_tokens_up_to_ten_minutes_old_are_accepted() -> None:
    tokens = make()
    early = tokens.issue(ALICE, 0.0)
    assert tokens.accepts(early, ALICE, 2 * ROTATION - 1)
    assert not tokens.accepts(early, ALICE, 2 * ROTATION)


def test_a_new_secret_every_five_minutes() -> None:
    tokens = make()
    assert tokens.issue(ALICE, 0.0) == tokens.issue(ALICE, ROTATION - 1)
    assert tokens.issue(ALICE, 0.0) != tokens.issue(ALICE, ROTATION)


def test_after_a_long_silence_no_old_token_is_good() -> None:
    tokens = make()
    token = tokens.issue(ALICE, 0.0)
    assert not tokens.accepts(token, ALICE, 100 * ROTATION)


def test_guesses_are_not_accepted() -> None:
    tokens = make()
    assert not any(tokens.accepts(guess, ALICE, 0.0) for guess in (b"", b"\0" * 8, b"x" * 8, b"x" * 9000))


def test_two_nodes_issue_different_tokens() -> None:
    assert Tokens(0.0, random.Random(1)).issue(ALICE, 0.0) != Tokens(0.0, random.Random(2)).issue(ALICE, 0.0)
