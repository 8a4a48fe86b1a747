"""Where an announcement has just been stored for the first time: what is scanned once more then.

Of two that join at the same moment each looks before the other can be found. So whichever is stored
later finds the other at once, and neither waits for its next scan.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import NotRunning

if TYPE_CHECKING:
    from .announcement import Announcement


async def tell_where_stored(announcement: Announcement, tell: Callable[[str], object]) -> None:
    """Call `tell` with the name of each network where the announcement is stored, until it is closed.

    One that is left and comes back is named again.
    """
    stored: set[str] = set()
    with suppress(NotRunning):  # it is closed
        while True:
            now = {name for name, status in announcement.status.items() if status.successes}
            for name in now - stored:
                tell(name)
            stored = now
            await announcement.changed()
