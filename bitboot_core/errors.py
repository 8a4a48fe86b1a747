"""Every error that Bitboot raises on purpose.

    BitBootError                    has a message for a person, and `hint`: what to do next
    ├── UsageError                  (also a ValueError) the caller asked for what cannot be
    │   ├── InvalidSwarmName        an empty name, or not text
    │   ├── InvalidEndpoint         not a host and port
    │   ├── InvalidConfig           a setting that makes no sense
    │   ├── InvalidItem             a value, key or salt that no network stores
    │   ├── UnknownBackend          no installed backend has that name
    │   ├── UnknownNetwork          no definition has that name
    │   └── UnsupportedOperation    this backend cannot do that, whatever the weather
    ├── NetworkUnavailable          the network is known, but nothing installed serves it
    ├── LibraryMissing              what was asked for needs a library that is not installed
    ├── NotRunning                  not started yet, or closed already
    ├── PluginError                 a plugin failed, and BITBOOT_STRICT=1 asks to be told
    ├── BackendError                a backend tried and failed
    │   ├── BackendTimeout          (also a TimeoutError) no end within the time given
    │   ├── BackendUnavailable      its library is missing, or does not work here
    │   ├── ListenFailed            the address or port cannot be listened on
    │   ├── BootstrapFailed         no bootstrap contact answered
    │   │   ├── HostNotFound        the contacts' names do not resolve: waiting will not help
    │   │   └── Offline             no name resolves: this machine seems to be offline
    │   ├── AnnounceFailed          no node stored the announcement
    │   ├── PublishFailed           no node stored the item
    │   │   └── ItemOutdated        another version of it is there: `seq`
    │   │       └── ItemLocked      with the highest number there is: it can never be replaced
    │   └── RequestRefused          the node that was asked says that it answers no such request
    ├── PortMappingFailed           no router opened the port
    │   ├── NoRouterAnswered        none was found that opens ports
    │   └── DoubleNat               it did, but another router stands between it and the internet
    └── AllBackendsFailed           every one of several networks failed; `causes` has each

With one network its own error is raised as it is; `AllBackendsFailed` speaks for several.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "AllBackendsFailed",
    "AnnounceFailed",
    "BackendError",
    "BackendTimeout",
    "BackendUnavailable",
    "BitBootError",
    "BootstrapFailed",
    "DoubleNat",
    "HostNotFound",
    "InvalidConfig",
    "InvalidEndpoint",
    "InvalidItem",
    "InvalidSwarmName",
    "ItemLocked",
    "ItemOutdated",
    "LibraryMissing",
    "ListenFailed",
    "NetworkUnavailable",
    "NoRouterAnswered",
    "NotRunning",
    "Offline",
    "PluginError",
    "PortMappingFailed",
    "PublishFailed",
    "RequestRefused",
    "UnknownBackend",
    "UnknownNetwork",
    "UnsupportedOperation",
    "UsageError",
]


class BitBootError(Exception):
    """The base of all errors raised here.

    `hint` says what to do next ("" where there is nothing to say). It is shown below the message
    in tracebacks, and by the command line.
    """

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class UsageError(BitBootError, ValueError):
    """The caller asked for something that cannot be."""


class InvalidSwarmName(UsageError):
    """A swarm's name must be text, and not empty."""


class InvalidEndpoint(UsageError):
    """A host or a port that cannot be one."""


class InvalidConfig(UsageError):
    """A setting that makes no sense."""


class InvalidItem(UsageError):
    """A value, public key, salt or number that no network stores items with (BEP 44)."""


class UnknownBackend(UsageError):
    """No installed backend has that name."""


class UnknownNetwork(UsageError):
    """No network definition has that name."""


class UnsupportedOperation(UsageError):
    """The backend's network cannot do this at all: see its `Capabilities`."""


class NetworkUnavailable(BitBootError):
    """The network is known, but no installed backend speaks its protocol."""


class LibraryMissing(BitBootError):
    """What was asked for needs a library that is not installed: the hint says how to get it."""


class NotRunning(BitBootError):
    """Used before it was started or after it was closed."""


class PluginError(BitBootError):
    """A plugin failed to load, and BITBOOT_STRICT=1 asks for that to be an error."""


class BackendError(BitBootError):
    """A backend tried and failed."""


class BackendTimeout(BackendError, TimeoutError):
    """The backend had not finished when the time was up."""


class BackendUnavailable(BackendError):
    """The backend's library is missing, or does not work on this machine."""


class ListenFailed(BackendError):
    """The address or port cannot be listened on."""


class BootstrapFailed(BackendError):
    """No bootstrap contact answered."""


class HostNotFound(BootstrapFailed):
    """The bootstrap contacts' names do not resolve, so waiting will not help."""


class Offline(BootstrapFailed):
    """No contact's name resolves: this machine seems to be offline. It is tried again."""


class AnnounceFailed(BackendError):
    """No node stored the announcement."""


class PublishFailed(BackendError):
    """No node stored the item."""


class ItemOutdated(PublishFailed):
    """The network has another version of the item, which is newer, or not the one that was to be replaced.

    `seq`: that version's number, `encoded`: its value, bencoded; its signature holds. None where nodes only
    say that there is one.
    """

    def __init__(
        self, message: str = "", *, seq: int | None = None, encoded: bytes | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.seq = seq
        self.encoded = encoded

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self),), {"hint": self.hint, "seq": self.seq, "encoded": self.encoded}


class ItemLocked(ItemOutdated):
    """The item has the highest sequence number there is, so that it can never be replaced (BEP 44)."""


class RequestRefused(BackendError):
    """The node that was asked says that it answers no such request."""


class PortMappingFailed(BitBootError):
    """No router opened the port."""


class NoRouterAnswered(PortMappingFailed):
    """No router was found that opens ports."""


class DoubleNat(PortMappingFailed):
    """The router opened the port, but its own outside address is not the internet's: another NAT follows."""


class AllBackendsFailed(BitBootError):
    """Every one of several networks failed. `causes`: each one's error, by network name."""

    def __init__(self, message: str, causes: Mapping[str, BaseException], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.causes: dict[str, BaseException] = dict(causes)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.causes), {"hint": self.hint}
