"""The events of the commands that make and show keys and secrets."""

from __future__ import annotations

import dataclasses

from .events import Event


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdentityShown(Event):
    """Who this user is to others, and where the key pair is kept. `public_key`: 64 hexadecimal digits."""

    name = "identity"
    public_key: str
    fingerprint: str
    file: str
    new: bool

    def text(self) -> str:
        made = "a new one " if self.new else ""
        return f"{self.fingerprint}, public key {self.public_key}, {made}in {self.file}"
