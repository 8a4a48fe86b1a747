"""A plugin that loaded, and a problem with one that did not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..backend import BackendSpec
from ..networks import NetworkDefinition
from ..port_mapper import PortMapperSpec

__all__ = ["Plugin", "PluginProblem"]

Stage = Literal["metadata", "import", "api", "register", "hook", "validation", "duplicate"]
"""Where a plugin can fail, in this order. What each means: see `loader`."""


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """What went wrong with a plugin: where, why, and what to do about it.

    `entry_point` is the plugin's name, `distribution` and `version` say what to reinstall or report. Where
    a distribution cannot even be read, its folder's name stands for both names, and the version is "".
    """

    entry_point: str
    distribution: str
    version: str
    stage: Stage
    error: BaseException
    hint: str

    def __str__(self) -> str:
        reason = f"{type(self.error).__name__}: {self.error}"
        if self.stage in ("duplicate", "metadata"):
            return f"{self.entry_point}: {self.error}"
        return f"{self.entry_point} is installed but failed to load: {reason}"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that loaded, and what it brings."""

    entry_point: str
    distribution: str
    version: str
    backends: Sequence[BackendSpec] = ()
    networks: Sequence[NetworkDefinition] = ()
    port_mappers: Sequence[PortMapperSpec] = ()


def canonical(distribution: str) -> str:
    """A distribution's name in its canonical spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
