"""The events of the commands that list: networks, plugins, and what is wrong with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ...networks import NetworkStatus
from .events import Event

UNAVAILABLE = "unavailable"
"""The status of a network that is defined, and that nothing installed serves."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Event):
    """One of several, which a terminal shows as a table."""

    @property
    def is_placeholder(self) -> bool:
        """Whether nobody can use it yet, so that it is shown dim."""
        return False

    def row(self) -> Mapping[str, str]:
        """The cells, by column title."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetworkListed(Listed):
    """A network definition, where it comes from, and the backend to serve it: "" for none, and why."""

    name = "network"
    network: str
    protocol: str
    status: str
    origin: str
    backend: str
    backends: Sequence[str]
    bootstrap: Sequence[str]
    problem: str
    hint: str
    description: str

    @property
    def is_placeholder(self) -> bool:
        return self.status == NetworkStatus.PLACEHOLDER.value

    def row(self) -> Mapping[str, str]:
        what = [self.description]
        # What a placeholder lacks is no news, and would fill the screen.
        if self.problem and not self.is_placeholder:
            what.append(_reason(self.problem, self.hint))
        return {
            "network": self.network,
            "protocol": self.protocol,
            "backend": self.backend or ("none yet" if self.is_placeholder else "none"),
            "from": self.origin,
            "what it is": "\n".join(what),
        }

    def text(self) -> str:
        served = f"served by {self.backend}" if self.backend else _reason(self.problem, self.hint)
        return f"{self.network}, protocol {self.protocol}, {self.status}, {served}; {self.origin}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PluginListed(Listed):
    """A plugin that loaded, what it brings, how that is built, and why which of it cannot run here."""

    name = "plugin"
    plugin: str
    distribution: str
    version: str
    backends: Sequence[str]
    builds: Mapping[str, str]
    networks: Sequence[str]
    port_mappers: Sequence[str]
    commands: Sequence[str]
    unavailable: Mapping[str, str]

    def row(self) -> Mapping[str, str]:
        return {
            "plugin": self.plugin,
            "distribution": f"{self.distribution} {self.version}",
            "backends": self._backends(),
            "networks": _names(self.networks),
            "port mappers": _names(self.port_mappers),
            "commands": _names(self.commands),
            "runs here": self._runs(),
        }

    def text(self) -> str:
        brings = f"backends: {self._backends()}; networks: {_names(self.networks)}"
        if self.port_mappers:
            brings += f"; port mappers: {_names(self.port_mappers)}"
        if self.commands:
            brings += f"; commands: {_names(self.commands)}"
        return f"{self.plugin} from {self.distribution} {self.version}, {brings}; runs here: {self._runs()}"

    def _backends(self) -> str:
        """With how those are built that can be had in several ways."""
        return _names(
            [f"{name} ({self.builds[name]})" if name in self.builds else name for name in self.backends]
        )

    def _runs(self) -> str:
        return "; ".join(f"{name} does not: {why}" for name, why in self.unavailable.items()) or "yes"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProblemListed(Listed):
    """A plugin that is installed and could not be loaded, or not wholly: at which stage, why, what to do."""

    name = "problem"
    plugin: str
    distribution: str
    version: str
    stage: str
    error: str
    hint: str

    def row(self) -> Mapping[str, str]:
        return {
            "plugin": self.plugin,
            "distribution": f"{self.distribution} {self.version}",
            "fails at": self.stage,
            "because": self.error,
            "hint": self.hint,
        }

    def text(self) -> str:
        where = f"{self.plugin} from {self.distribution} {self.version}"
        return f"{where}, at stage {self.stage}: {_reason(self.error, self.hint)}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _reason(problem: str, hint: str) -> str:
    return f"{problem} ({hint})" if hint else problem
