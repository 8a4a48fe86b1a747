"""When to try again: pure arithmetic on seconds, with no clock and no randomness of its own."""

from __future__ import annotations

from random import Random

RENEW_BETWEEN = (0.75, 0.9)
"""A renewal falls uniformly between these shares of the lifetime, so that programs started
together do not renew together, and one failure still leaves time for several tries."""

FIRST_RETRY = 1.0
LONGEST_RETRY = 300.0
SHORTEST_WAIT = 0.1
"""No wait is shorter, whatever lifetime a backend claims to have granted."""


def renew_after(lifetime: float, random: Random) -> float:
    """How long after a success to announce again, where `lifetime` seconds were granted."""
    return max(SHORTEST_WAIT, random.uniform(*RENEW_BETWEEN) * lifetime)


def retry_after(failures: int, lifetime: float, random: Random) -> float:
    """How long after the last of `failures` failures in a row (1 or more) to try again.

    Exponential backoff with full jitter: uniform between 1 s and a ceiling that doubles with each
    failure, up to 5 minutes or half the lifetime, whichever is shorter.
    """
    longest = max(SHORTEST_WAIT, min(LONGEST_RETRY, lifetime / 2))
    # The exponent is capped because 2.0 ** 1024 overflows, and a network can be away for months.
    ceiling = min(longest, FIRST_RETRY * 2.0 ** min(failures, 30))
    return random.uniform(min(FIRST_RETRY, ceiling), ceiling)


def bootstrap_after(failures: int, random: Random) -> float:
    """How long after the last of `failures` failed bootstraps in a row to try again."""
    return retry_after(failures, 2 * LONGEST_RETRY, random)
