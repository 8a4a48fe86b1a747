"""When to try again: pure arithmetic on seconds, with no clock and no randomness of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


RENEW_BETWEEN = (0.75, 0.9)
"""A renewal falls uniformly between these shares of the lifetime, so that programs started
together do not renew together, and one failure still leaves time for several tries."""

FIRST_RETRY = 1.0
LONGEST_RETRY = 300.0
LONGEST_BOOTSTRAP_RETRY = 45.0
"""So that a network that comes back is noticed, and announced to, within a minute."""

SHORTEST_WAIT = 0.1
"""No wait is shorter, whatever lifetime a backend claims to have granted."""


def renew_after(lifetime: float, random: Random) -> float:
    """How long after a success to announce again, where `lifetime` seconds were granted."""
    return max(SHORTEST_WAIT, random.uniform(*RENEW_BETWEEN) * lifetime)


def retry_after(failures: int, lifetime: float, random: Random, *, left: float = 0.0) -> float:
    """How long after the last of `failures` failures in a row (1 or more) to try again.

    Exponential backoff with full jitter: uniform between 1 s and a ceiling that doubles with each
    failure, up to 5 minutes or half the lifetime, whichever is shorter. While a record has some
    seconds `left` the ceiling is at most a third of them, so that it is tried again several times
    before it expires.
    """
    longest = max(SHORTEST_WAIT, min(LONGEST_RETRY, lifetime / 2))
    if left > 0:
        longest = min(longest, max(FIRST_RETRY, left / 3))
    # The exponent is capped because 2.0 ** 1024 overflows, and a network can be away for months.
    ceiling = min(longest, FIRST_RETRY * 2.0 ** min(failures, 30))
    return random.uniform(min(FIRST_RETRY, ceiling), ceiling)


MEAGRE = 0.5
IMPROVEMENTS = 8
"""How often in a row an announcement is made again early, because far fewer nodes stored it than could."""


def is_meagre(stored_on: int, could_store: int) -> bool:
    """Whether an announcement is stored on far fewer nodes than could store it."""
    return stored_on < MEAGRE * could_store


def improve_after(tries: int, lifetime: float, random: Random) -> float:
    """How long after the last of `tries` meagre successes in a row (1 or more) to announce again.

    As after a failure, but not for ever: what does not get better in IMPROVEMENTS tries, spread over
    some minutes, waits for the normal renewal.
    """
    if tries > IMPROVEMENTS:
        return renew_after(lifetime, random)
    return retry_after(tries, lifetime, random)


def bootstrap_after(failures: int, random: Random) -> float:
    """How long after the last of `failures` failed bootstraps in a row to try again."""
    return retry_after(failures, 2 * LONGEST_BOOTSTRAP_RETRY, random)


GROWTH = 1.25


def has_grown(contacts: int, then: int) -> bool:
    """Whether a network of which we know this many `contacts` is so much larger than it was `then`
    that an announcement of that time is not where others look for it now."""
    return contacts > GROWTH * then


SEVERAL = 32
"""Contacts of which a lookup finds the nodes closest to a key, whoever else there is."""

GROWTH_COUNTS_AFTER = 60.0


def growth_counts_after(then: int) -> float:
    """How long after an announcement the growth of a network calls for another one, `then` contacts known.

    At once where those were few. Else once a minute at most: a node that comes to be asked by many
    knows more nodes every few seconds, though the network is what it was.
    """
    return 0.0 if then < SEVERAL else GROWTH_COUNTS_AFTER


QUICK_SCAN = 5.0
SLOW_SCAN = 300.0
DOUBTFUL_SCAN = 40.0
"""While somebody is missing, or a scan failed, the next is not later than this."""

CROWDED_SCAN = 120.0
"""A crowd changes all the time, and to read it takes thousands of datagrams: not sooner than this."""

SCANS_APART = 1.0
"""A scan that is asked for begins no sooner after the last one began."""

SLOWER = 1.5
SCAN_JITTER = 0.2


def scan_after(previous: float, *, changed: bool, doubtful: bool) -> float:
    """How long to wait until a swarm is scanned again, `previous` seconds after the last time.

    Quick where the last scan found a change (or was the first), then ever slower while nothing
    happens, and not so slow while there are doubts.
    """
    if changed:
        return QUICK_SCAN
    return min(previous * SLOWER, DOUBTFUL_SCAN if doubtful else SLOW_SCAN)


def scattered(seconds: float, random: Random) -> float:
    """About this many seconds: a fifth more or less, so that those who started together spread."""
    return seconds * random.uniform(1 - SCAN_JITTER, 1 + SCAN_JITTER)
