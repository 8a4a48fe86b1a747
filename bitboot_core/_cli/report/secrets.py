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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecretMade(Event):
    """A new secret: itself, or the file that it was written to."""

    name = "secret"
    secret: str | None = None
    file: str | None = None

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        return self.secret or f"in {self.file}"
