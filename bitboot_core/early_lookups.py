"""Lookups that begin before their network has been reached, for backends that can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from .errors import UnsupportedOperation
from .model import KnownHost


class EarlyLookups:
    """The method that a `Backend` has for them. Only where `Capabilities.early_lookups`."""

    def lookup_through(self, key: bytes, contacts: Sequence[KnownHost]) -> AsyncIterator[KnownHost]:
        """Yield the peers under `key` as they arrive, and begin at `contacts`, the best first, right away.

        For a node that has been started, and is not in touch with its network yet: `bootstrap` with the same
        contacts may be under way. Half of them may be gone. Raises BackendTimeout where so few nodes answered
        that there may be peers nobody told of: then the core looks up once more when it is in touch.
        """
        raise UnsupportedOperation(
            f"{type(self).__name__} looks up once it is in touch", hint="look at capabilities.early_lookups"
        )
