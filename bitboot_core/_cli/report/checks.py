"""What `bitboot doctor` tells: one check after the other, and the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ...errors import BitBootError
from .events import Event
from .plain import count
from .wording import as_options

OK, WARNING, FAILED, UNKNOWN = "ok", "warning", "failed", "unknown"
"""`warning`: it works, but not as well as it could. `unknown`: there is no telling."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check(Event):
    """One thing that was looked at. `network` is "" for what concerns the whole machine."""

    name = "check"
    check: str
    status: str
    message: str
    hint: str = ""
    network: str = ""

    @classmethod
    def failed(cls, check: str, error: BitBootError, *, network: str = "", status: str = FAILED) -> Check:
        """The check that ended in `error`."""
        return cls(
            check=check,
            status=status,
            message=as_options(str(error)),
            hint=as_options(error.hint),
            network=network,
        )

    @property
    def title(self) -> str:
        """What was looked at."""
        return f"{self.network}: {self.check}" if self.network else self.check

    def text(self) -> str:
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"{self.status}, {self.title}: {self.message}{hint}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Event):
    """What all checks came to: "ok" unless one of them failed."""

    name = "verdict"
    status: str
    failed: int
    warnings: int
    seconds: float

    def text(self) -> str:
        warnings = f", {count(self.warnings, 'warning')}" if self.warnings else ""
        if self.failed:
            return f"{count(self.failed, 'check')} failed{warnings}, in {self.seconds:g} s"
        return f"nothing is wrong{warnings}, in {self.seconds:g} s"


Tell = Callable[[Check], None]
