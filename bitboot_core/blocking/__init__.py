"""Bitboot for programs without asyncio: the same calls, which return when they are done.

    from bitboot_core.blocking import BitBoot

    with BitBoot(network="mainline") as bitboot:
        with bitboot.announce("unique_network", port=6881) as announcement:
            announcement.announced()
            with bitboot.find("unique_network", limit=50, timeout=20) as found:
                for peer in found:
                    print(peer)

An event loop of its own runs in a thread of its own. Everything here may be called from any thread, and
from several at the same time. Ctrl-C ends the call that is waiting, and cancels what it waited for. Each
method does, takes and raises what the method of the same name in `bitboot_core` does.
"""

from ._bitboot import BitBoot
from ._publication import Publication
from ._users import Announcement, Lookup, PortMapping, Swarm, Watch

__all__ = ["Announcement", "BitBoot", "Lookup", "PortMapping", "Publication", "Swarm", "Watch"]

for _name in __all__:
    globals()[_name].__module__ = __name__
