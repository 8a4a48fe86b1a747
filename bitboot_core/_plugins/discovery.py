"""Discovery: every installed plugin loaded once, and its names entered beside everybody else's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..backend import BackendSpec
from ..errors import PluginError
from ..networks import BUILT_IN, NetworkDefinition, NetworkStatus
from ..port_mapper import PortMapperSpec
from .commands import gather
from .installed import EntryPoint, origin
from .loader import Loader
from .names import Claim, Names, T, sole
from .plugin import Plugin, PluginProblem, canonical

if TYPE_CHECKING:
    import click


class Known:
    """What there is: plugins, problems, and all names."""

    def __init__(self, *, strict: bool = False) -> None:
        """`strict`: raise PluginError at the first problem, instead of keeping it."""
        self.backends: Names[BackendSpec] = Names()
        self.networks: Names[NetworkDefinition] = Names()
        self.port_mappers: Names[PortMapperSpec] = Names()
        self.disabled: dict[str, str] = {}
        """The canonical names of the distributions of plugins that were skipped, by entry point."""
        self._loader = Loader(strict=strict)
        self._commands: dict[str, tuple[Plugin, click.Command]] | None = None
        for network in BUILT_IN:
            self.networks.add(network, None)

    @property
    def plugins(self) -> list[Plugin]:
        """Those that loaded."""
        return self._loader.plugins

    @property
    def problems(self) -> list[PluginProblem]:
        """What went wrong with the others."""
        return self._loader.problems

    def commands(self) -> dict[str, tuple[Plugin, click.Command]]:
        """What plugins add to the command line; they are asked once. What is wrong joins the problems."""
        if self._commands is None:
            self._commands = gather(self._loader.command_hooks(), self._loader.problem)
        return self._commands

    def load(self, installed: Iterable[EntryPoint | PluginProblem], disabled: frozenset[str]) -> None:
        """Load what is installed, but for the plugins whose name or distribution is `disabled`."""
        found = []
        for one in installed:
            if isinstance(one, PluginProblem):
                self._loader.problem(one)
            else:
                found.append((*origin(one), one))
        # In an order that does not depend on where things are installed.
        for distribution, version, entry_point in sorted(
            found, key=lambda one: (canonical(one[0]), one[2].name)
        ):
            if canonical(distribution) in disabled or canonical(entry_point.name) in disabled:
                self.disabled[entry_point.name] = canonical(distribution)
            else:
                self._loader.load(entry_point, distribution, version)
        for plugin in list(self.plugins):
            self._add(plugin)

    def give_way(self, network: NetworkDefinition) -> bool:
        """Whether the network's name is free, now that a placeholder has given way."""
        owner = sole(self.networks.claims(network.name))
        if owner is not None and owner.value.status is NetworkStatus.PLACEHOLDER:
            self.networks.remove(network.name)
        return not self.networks.claims(network.name)

    def _add(self, plugin: Plugin) -> None:
        """Enter what a plugin brings, or nothing of it where its own distribution brings that already."""
        distribution = canonical(plugin.distribution)
        for kind, names, values in (
            ("backend", self.backends, plugin.backends),
            ("network", self.networks, plugin.networks),
            ("port mapper", self.port_mappers, plugin.port_mappers),
        ):
            for value in values:
                if names.claims(f"{distribution}:{value.name}"):
                    self._duplicate(plugin, f"{distribution} brings two {kind}s named {value.name}")
                    self._loader.plugins.remove(plugin)
                    return
        for spec in plugin.backends:
            self._tell_of_duplicates("backend", spec.name, self.backends.add(spec, plugin))
        for network in plugin.networks:
            self.give_way(network)
            self._tell_of_duplicates("network", network.name, self.networks.add(network, plugin))
        for mapper in plugin.port_mappers:
            self._tell_of_duplicates("port mapper", mapper.name, self.port_mappers.add(mapper, plugin))

    def _tell_of_duplicates(self, kind: str, name: str, claims: Sequence[Claim[T]]) -> None:
        plugins = [claim.plugin for claim in claims if claim.plugin is not None]
        if len(claims) < 2:
            return
        claimants = " and ".join(claim.distribution or "bitboot-core" for claim in claims)
        # The first claimant learns of it when the second comes along.
        for plugin in plugins if len(claims) == 2 else plugins[-1:]:
            self._duplicate(plugin, f"{claimants} bring a {kind} named {name}", name)

    def _duplicate(self, plugin: Plugin, message: str, name: str = "") -> None:
        hint = (
            f"uninstall one, or say {canonical(plugin.distribution)}:{name}"
            if name
            else "report it to its authors"
        )
        self._loader.problem(
            PluginProblem(
                plugin.entry_point,
                plugin.distribution,
                plugin.version,
                "duplicate",
                PluginError(message),
                hint,
            )
        )


def discover(installed: Iterable[EntryPoint | PluginProblem], environ: Mapping[str, str]) -> Known:
    """Everything that is installed. Raises PluginError at the first problem where BITBOOT_STRICT=1 is set.

    BITBOOT_DISABLE_PLUGINS names plugins or distributions to skip, with commas between.
    """
    known = Known(strict=environ.get("BITBOOT_STRICT", "") not in ("", "0"))
    names = environ.get("BITBOOT_DISABLE_PLUGINS", "").split(",")
    known.load(installed, frozenset(canonical(name.strip()) for name in names))
    return known
