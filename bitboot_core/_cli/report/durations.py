"""Times that people can read."""

from __future__ import annotations

import time


def span(seconds: float) -> str:
    """A time span in its largest units: "40 ms", "4.5 s", "45 s", "12 min", "2 h 5 min", "3 d 4 h"."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def clock_time(when: float, now: float) -> str:
    """A moment, seconds since 1970, in local time: "12:04:31", with the date where it was not recent."""
    pattern = "%H:%M:%S" if now - when < 12 * 3600 else "%Y-%m-%d %H:%M"
    return time.strftime(pattern, time.localtime(when))
