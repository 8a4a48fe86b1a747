"""Claims: bounded, with shares, and called ever more rarely."""

from __future__ import annotations

from itertools import pairwise

from bitboot_core import KnownHost
from bitboot_core._swarms.private.claims import CALLED, MAX_CLAIMS, MAX_PAUSE, Claims
from bitboot_core._swarms.private.epochs import EPOCH, Epochs

EPOCHS = Epochs("unique_network", bytes(32))
TIME = 1_800_010_000.0
KEYS = EPOCHS.keys(EPOCHS.at(TIME))


def test_one_network_s_junk_loses_its_own_oldest() -> None:
    claims = Claims()
    honest = [KnownHost(f"198.{number}.7.1", 1) for number in range(20)]
    for host in honest:
        claims.add(host, KEYS)
    for number in range(MAX_CLAIMS + 500):
        claims.add(KnownHost(f"203.0.113.{number % 250}", 1 + number), KEYS)
    assert len(claims) == MAX_CLAIMS
    assert all(claims.is_expected(host) for host in honest)
    assert not claims.is_expected(KnownHost("192.0.2.1", 1))


def test_a_claim_is_kept_under_its_newest_keys() -> None:
    claims = Claims()
    host = KnownHost("192.0.2.1", 1)
    claim = claims.add(host, KEYS)
    later = EPOCHS.keys(KEYS.epoch + 1)
    assert claims.add(host, later) is claim
    assert claims.add(host, KEYS).keys == later
    claims.forget_old(EPOCHS, TIME + EPOCH)
    assert list(claims) == [claim]
    claims.forget_old(EPOCHS, TIME + 3 * EPOCH)
    assert list(claims) == []


def test_the_silent_are_called_ever_more_rarely_in_rounds_that_others_choose_too() -> None:
    claim = Claims().add(KnownHost("192.0.2.1", 1), KEYS)
    called = []
    for silent in range(0, 100, 6):
        claim.silent = silent
        called.append({number for number in range(1, 1 + 4 * MAX_PAUSE) if claim.is_due(number)})
    assert len(called[0]) == 4 * MAX_PAUSE
    assert len(called[-1]) == 4
    assert all(rarer <= more for more, rarer in pairwise(called))


def test_few_are_called_in_one_round_the_least_silent() -> None:
    claims = Claims()
    for number in range(200):
        claims.add(KnownHost("192.0.2.1", 1 + number), KEYS).silent = 199 - number
    due = claims.due(MAX_PAUSE, list(claims))
    assert [claim.silent for claim in due] == list(range(CALLED))
