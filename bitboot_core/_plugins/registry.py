"""What this process knows: every backend and network, by name, from plugins and from the program."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..backend import BackendSpec
from ..errors import (
    BackendUnavailable,
    InvalidConfig,
    NetworkUnavailable,
    PluginError,
    UnknownBackend,
    UnknownNetwork,
    UsageError,
)
from ..networks import BUILT_IN, NetworkDefinition, NetworkStatus
from .loader import Loader, Plugin, PluginProblem, canonical, check_backend, check_network, installed, origin
from .names import Claim, Names, T, sole

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Registry", "default_registry", "register_backend", "register_network"]

FIRST_PARTY: Mapping[str, str] = {"mainline": "btdht", "kademlia": "kademlia", "local": "local"}
"""For each protocol that this project serves: the backend's name, which is also the extra's."""


class Registry:
    """Backends and networks by name.

    Plugins are looked for when something is first asked for, once. All methods may raise
    PluginError then, where BITBOOT_STRICT=1 is set. Safe to share between threads.
    """

    def __init__(
        self,
        entry_points: Callable[[], Iterable[EntryPoint]] = installed,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._entry_points = entry_points
        self._environ = environ
        self._lock = threading.RLock()
        self._discovered = False
        self._loader = Loader()
        self._disabled: dict[str, str] = {}
        self._backends: Names[BackendSpec] = Names()
        self._networks: Names[NetworkDefinition] = Names()

    # What there is

    def plugins(self) -> list[Plugin]:
        """The plugins that loaded."""
        self._discover()
        return list(self._loader.plugins)

    def problems(self) -> list[PluginProblem]:
        """What went wrong with the others."""
        self._discover()
        return list(self._loader.problems)

    def backends(self) -> dict[str, BackendSpec]:
        """All backends by name: `distribution:name` where several plugins claim one name."""
        self._discover()
        return self._backends.reachable()

    def networks(self) -> dict[str, NetworkDefinition]:
        """All network definitions by name, placeholders included."""
        self._discover()
        return self._networks.reachable()

    # By name

    def backend(self, name: str) -> BackendSpec:
        """The backend called `name` or `distribution:name`. Raises UnknownBackend."""
        self._discover()
        found = _owned(self._backends.claims(name), UnknownBackend, f"a backend named {name}")
        if found is not None:
            return found
        missing = self._missing(name)
        if missing is not None:
            raise UnknownBackend(missing[0], hint=missing[1])
        raise UnknownBackend(f"there is no backend named {name}", hint=_nearest(name, self.backends()))

    def network(self, name: str) -> NetworkDefinition:
        """The definition called `name` or `distribution:name`. Raises UnknownNetwork."""
        self._discover()
        found = _owned(self._networks.claims(name), UnknownNetwork, f"a network named {name}")
        if found is not None:
            return found
        raise UnknownNetwork(f"there is no network named {name}", hint=_nearest(name, self.networks()))

    def origin(self, network: str) -> str:
        """Where the definition of that name comes from: "built in", "this program", or a distribution.

        Raises UnknownNetwork.
        """
        definition = self.network(network)
        claim = next(one for one in self._networks.claims(network) if one.value is definition)
        if claim.plugin is not None:
            return f"{claim.plugin.distribution} {claim.plugin.version}".rstrip()
        return "built in" if definition in BUILT_IN else "this program"

    def backends_for(self, network: NetworkDefinition) -> list[str]:
        """The names of all backends that speak the network's protocol, in order of preference.

        The project's own backend for the protocol comes first, the others follow alphabetically.
        Some may be unable to work here: see `BackendSpec.unavailable`.
        """
        own = FIRST_PARTY.get(network.protocol)
        names = [name for name, spec in self.backends().items() if network.protocol in spec.protocols]
        return sorted(names, key=lambda name: (name != own, name != f"bitboot-{own}:{own}", name))

    def choose(self, network: NetworkDefinition, pinned: str | None = None) -> tuple[str, BackendSpec]:
        """The backend that is to serve `network`, and its name: `pinned`, or the best that works here.

        Raises UnknownBackend, InvalidConfig (the pinned one speaks another protocol),
        BackendUnavailable (the pinned one cannot work here) or NetworkUnavailable (none can).
        """
        candidates = self.backends_for(network)
        if pinned is not None:
            return pinned, self._pinned(pinned, network, candidates)
        reasons = []
        for name in candidates:
            spec = self.backend(name)
            reason = why_unavailable(spec)
            if reason is None:
                return name, spec
            reasons.append(f"{name}: {reason}")
        raise self._unserved(network, reasons)

    # By the program itself, without any distribution

    def register_backend(self, spec: BackendSpec) -> None:
        """Add a backend. Raises UsageError where its name is taken, or it is not a usable spec."""
        self._discover()
        _checked(check_backend, spec)
        with self._lock:
            if self._backends.claims(spec.name):
                raise UsageError(f"there is a backend named {spec.name} already", hint="choose another name")
            self._backends.add(spec, None)

    def register_network(self, network: NetworkDefinition) -> None:
        """Add a network. Raises UsageError where its name is taken, unless by a placeholder."""
        self._discover()
        _checked(check_network, network)
        with self._lock:
            if not self._give_way(network):
                raise UsageError(
                    f"there is a network named {network.name} already", hint="choose another name"
                )
            self._networks.add(network, None)

    def unregister_backend(self, name: str) -> None:
        """Remove what `register_backend` added. Raises UnknownBackend where that was nothing."""
        self._discover()
        with self._lock:
            if not self._backends.remove(name):
                raise UnknownBackend(f"no backend named {name} was registered")

    def unregister_network(self, name: str) -> None:
        """Remove a network that the program added or the core brings. Raises UnknownNetwork."""
        self._discover()
        with self._lock:
            if not self._networks.remove(name):
                raise UnknownNetwork(f"no network named {name} was registered")

    # Inside

    def _discover(self) -> None:
        with self._lock:
            if self._discovered:
                return
            loader = Loader(strict=self._environ.get("BITBOOT_STRICT", "") not in ("", "0"))
            disabled = {
                canonical(name.strip())
                for name in self._environ.get("BITBOOT_DISABLE_PLUGINS", "").split(",")
            }
            self._loader, self._disabled = loader, {}
            self._backends, self._networks = Names(), Names()
            for network in BUILT_IN:
                self._networks.add(network, None)
            found = [(*origin(entry_point), entry_point) for entry_point in self._entry_points()]
            for distribution, version, entry_point in sorted(
                found, key=lambda one: (canonical(one[0]), one[2].name)
            ):
                if canonical(distribution) in disabled or canonical(entry_point.name) in disabled:
                    self._disabled[entry_point.name] = canonical(distribution)
                else:
                    loader.load(entry_point, distribution, version)
            for plugin in loader.plugins:
                self._add(plugin)
            self._discovered = True

    def _add(self, plugin: Plugin) -> None:
        """Enter what a plugin brings, or nothing of it where its own distribution brings that already."""
        distribution = canonical(plugin.distribution)
        for kind, names, values in (
            ("backend", self._backends, plugin.backends),
            ("network", self._networks, plugin.networks),
        ):
            for value in values:
                if names.claims(f"{distribution}:{value.name}"):
                    self._duplicate(plugin, f"{distribution} brings two {kind}s named {value.name}")
                    self._loader.plugins.remove(plugin)
                    return
        for spec in plugin.backends:
            self._tell_of_duplicates("backend", spec.name, self._backends.add(spec, plugin))
        for network in plugin.networks:
            self._give_way(network)
            self._tell_of_duplicates("network", network.name, self._networks.add(network, plugin))

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

    def _give_way(self, network: NetworkDefinition) -> bool:
        """Whether the network's name is free, now that a placeholder has given way."""
        owner = sole(self._networks.claims(network.name))
        if owner is not None and owner.value.status is NetworkStatus.PLACEHOLDER:
            self._networks.remove(network.name)
        return not self._networks.claims(network.name)

    def _missing(self, name: str) -> tuple[str, str] | None:
        """Why there is no backend `name` although there could be, and what to do. None: never heard of it."""
        plain = name.rpartition(":")[2]
        extra = _EXTRAS.get(plain, plain)
        for problem in self._loader.problems:
            if problem.entry_point in (plain, extra) or canonical(problem.distribution) == f"bitboot-{extra}":
                return str(problem), problem.hint
        for entry_point, distribution in self._disabled.items():
            if entry_point in (plain, extra) or distribution == f"bitboot-{extra}":
                return f"{name} is disabled by BITBOOT_DISABLE_PLUGINS", f"take {entry_point} off that list"
        if plain in _EXTRAS:
            return f"the backend {name} is not installed", f'pip install "bitboot-core[{extra}]"'
        return None

    def _unserved(self, network: NetworkDefinition, reasons: Sequence[str]) -> NetworkUnavailable:
        if reasons:
            return NetworkUnavailable(
                f"no backend for the network {network.name} works here: {'; '.join(reasons)}",
                hint="see `bitboot doctor`",
            )
        missing = self._missing(FIRST_PARTY.get(network.protocol, ""))
        if missing is not None:
            return NetworkUnavailable(
                f"no backend for the network {network.name} is at hand: {missing[0]}", hint=missing[1]
            )
        what = (
            f"the network {network.name} is a placeholder: nobody has written a backend for it yet"
            if network.status is NetworkStatus.PLACEHOLDER
            else f"no installed backend serves the network {network.name}"
        )
        return NetworkUnavailable(
            what,
            hint=f'supply a backend that speaks "{network.protocol}": install a plugin that brings one, '
            "or hand a BackendSpec to bitboot_core.register_backend()",
        )

    def _pinned(self, name: str, network: NetworkDefinition, candidates: Sequence[str]) -> BackendSpec:
        spec = self.backend(name)
        if network.protocol not in spec.protocols:
            raise InvalidConfig(
                f"the backend {name} does not speak {network.protocol}, the protocol of {network.name}",
                hint=f"these do: {', '.join(candidates)}" if candidates else "",
            )
        reason = why_unavailable(spec)
        if reason is not None:
            raise BackendUnavailable(
                f"the backend {name} does not work here: {reason}", hint="leave backend= out, or name another"
            )
        return spec


def why_unavailable(spec: BackendSpec) -> str | None:
    """Why a backend cannot work here, or None where it can."""
    try:
        reason = spec.unavailable()
    except Exception as error:  # noqa: BLE001 - a backend that cannot even say so is no use either
        return f"{type(error).__name__}: {error}"
    return None if reason is None else str(reason)


_EXTRAS: Mapping[str, str] = {"btdht-native": "btdht"} | {name: name for name in FIRST_PARTY.values()}
"""For each of the project's own backends, the extra that installs it."""


def _checked(check: Callable[[object], T], value: T) -> None:
    try:
        check(value)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error), hint="hand over a BackendSpec or a NetworkDefinition") from error


def _owned(claims: Sequence[Claim[T]], error: type[UsageError], what: str) -> T | None:
    """What its only owner brings, None where there is none. Raises `error` where several claim it."""
    owner = sole(claims)
    if owner is not None:
        return owner.value
    if claims:
        names = " or ".join(f"{claim.distribution}:{claim.value.name}" for claim in claims)
        raise error(f"several plugins bring {what}", hint=f"say which: {names}")
    return None


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only to help with a misspelt name

    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are: {', '.join(known) or 'none'}"


@functools.cache
def default_registry() -> Registry:
    """The registry that everybody shares who does not bring one."""
    return Registry()


def register_backend(spec: BackendSpec) -> None:
    """Add a backend to the default registry: `Registry.register_backend`."""
    default_registry().register_backend(spec)


def register_network(network: NetworkDefinition) -> None:
    """Add a network to the default registry: `Registry.register_network`."""
    default_registry().register_network(network)
