"""What this process knows: every backend, network and port mapper, by name, from plugins and the program."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..backend import BackendSpec
from ..errors import (
    BackendUnavailable,
    InvalidConfig,
    PluginError,
    UnknownBackend,
    UnknownNetwork,
    UsageError,
)
from ..networks import BUILT_IN, NetworkDefinition
from ..port_mapper import PortMapperSpec
from .checks import check_backend, check_network, check_port_mapper
from .discovery import Known, discover
from .installed import EntryPoint, installed
from .lacking import BROUGHT, FIRST_PARTY, missing, unserved, why_unavailable
from .names import Claim, T, sole
from .plugin import Plugin, PluginProblem

if TYPE_CHECKING:
    import click

__all__ = [
    "Registry",
    "default_registry",
    "register_backend",
    "register_network",
    "register_port_mapper",
]


class Registry:
    """Backends, networks and port mappers by name.

    Plugins are looked for when something is first asked for, once. All methods may raise
    PluginError then, where BITBOOT_STRICT=1 is set. Safe to share between threads.
    """

    def __init__(
        self,
        entry_points: Callable[[], Iterable[EntryPoint | PluginProblem]] = installed,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`entry_points`: what is installed, entry points and what cannot be read."""
        self._entry_points = entry_points
        self._environ = environ
        self._lock = threading.RLock()
        self._known: Known | None = None
        self._discovering = False

    # What there is

    def plugins(self) -> list[Plugin]:
        """The plugins that loaded."""
        with self._all() as known:
            return list(known.plugins)

    def problems(self) -> list[PluginProblem]:
        """What went wrong with the others."""
        with self._all() as known:
            return list(known.problems)

    def backends(self) -> dict[str, BackendSpec]:
        """All backends by name: `distribution:name` where several plugins claim one name."""
        with self._all() as known:
            return known.backends.reachable()

    def networks(self) -> dict[str, NetworkDefinition]:
        """All network definitions by name, placeholders included."""
        with self._all() as known:
            return known.networks.reachable()

    def port_mappers(self) -> dict[str, PortMapperSpec]:
        """All ways of opening ports by name, the one to prefer first."""
        with self._all() as known:
            found = known.port_mappers.reachable()
            return dict(sorted(found.items(), key=lambda one: one[1].rank))

    def plugin_commands(self) -> dict[str, tuple[Plugin, click.Command]]:
        """What plugins add to the command line, by name. Needs click; only the command line asks."""
        with self._all() as known:
            return dict(known.commands())

    # By name

    def backend(self, name: str) -> BackendSpec:
        """The backend called `name` or `distribution:name`. Raises UnknownBackend."""
        with self._all() as known:
            found = _owned(known.backends.claims(name), UnknownBackend, f"a backend named {name}")
            if found is not None:
                return found
            reason = missing(known, name)
            if reason is not None:
                raise UnknownBackend(reason[0], hint=reason[1])
            hint = _nearest(name, known.backends.reachable()) + _failed(known.problems)
            raise UnknownBackend(f"there is no backend named {name}", hint=hint)

    def network(self, name: str) -> NetworkDefinition:
        """The definition called `name` or `distribution:name`. Raises UnknownNetwork."""
        with self._all() as known:
            found = _owned(known.networks.claims(name), UnknownNetwork, f"a network named {name}")
            if found is not None:
                return found
            reason = missing(known, name) if name in BROUGHT else None
            if reason is not None:
                raise UnknownNetwork(f"there is no network named {name}: {reason[0]}", hint=reason[1])
            hint = _nearest(name, known.networks.reachable()) + _failed(known.problems)
            raise UnknownNetwork(f"there is no network named {name}", hint=hint)

    def origin(self, network: str) -> str:
        """Where the definition of that name comes from: "built in", "this program", or a distribution.

        Raises UnknownNetwork.
        """
        with self._all() as known:
            definition = self.network(network)
            claim = next(one for one in known.networks.claims(network) if one.value is definition)
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
        with self._all() as known:
            raise unserved(known, network, reasons)

    # By the program itself, without any distribution

    def register_backend(self, spec: BackendSpec) -> None:
        """Add a backend. Raises UsageError where its name is taken, or it is not a usable spec."""
        _checked(check_backend, spec)
        with self._all() as known:
            if known.backends.claims(spec.name):
                raise UsageError(f"there is a backend named {spec.name} already", hint="choose another name")
            known.backends.add(spec, None)

    def register_network(self, network: NetworkDefinition) -> None:
        """Add a network. Raises UsageError where its name is taken, unless by a placeholder."""
        _checked(check_network, network)
        with self._all() as known:
            if not known.give_way(network):
                raise UsageError(
                    f"there is a network named {network.name} already", hint="choose another name"
                )
            known.networks.add(network, None)

    def register_port_mapper(self, spec: PortMapperSpec) -> None:
        """Add a port mapper. Raises UsageError where its name is taken, or it is not a usable spec."""
        _checked(check_port_mapper, spec)
        with self._all() as known:
            if known.port_mappers.claims(spec.name):
                raise UsageError(
                    f"there is a port mapper named {spec.name} already", hint="choose another name"
                )
            known.port_mappers.add(spec, None)

    def unregister_backend(self, name: str) -> None:
        """Remove what `register_backend` added. Raises UnknownBackend where that was nothing."""
        with self._all() as known:
            if not known.backends.remove(name):
                raise UnknownBackend(f"no backend named {name} was registered")

    def unregister_network(self, name: str) -> None:
        """Remove a network that the program added or the core brings. Raises UnknownNetwork."""
        with self._all() as known:
            if not known.networks.remove(name):
                raise UnknownNetwork(f"no network named {name} was registered")

    # Inside

    @contextmanager
    def _all(self) -> Iterator[Known]:
        """All that there is, for as long as no other thread can change it."""
        with self._lock:
            if self._known is None:
                if self._discovering:  # by this very thread: another one would wait for the lock
                    raise PluginError(
                        "the registry was asked while plugins are loaded",
                        hint="a plugin's module and hooks must not look backends or networks up",
                    )
                self._discovering = True
                try:
                    self._known = discover(self._entry_points(), self._environ)
                finally:
                    self._discovering = False
            yield self._known

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


def _checked(check: Callable[[object], T], value: T) -> None:
    try:
        check(value)
    except (TypeError, ValueError) as error:
        raise UsageError(
            str(error), hint="hand over a BackendSpec, a NetworkDefinition or a PortMapperSpec"
        ) from error


def _owned(claims: Sequence[Claim[T]], error: type[UsageError], what: str) -> T | None:
    """What its only owner brings, None where there is none. Raises `error` where several claim it."""
    owner = sole(claims)
    if owner is not None:
        return owner.value
    if claims:
        names = " or ".join(f"{claim.distribution}:{claim.value.name}" for claim in claims)
        raise error(f"several plugins bring {what}", hint=f"say which: {names}")
    return None


def _failed(problems: Sequence[PluginProblem]) -> str:
    """How many plugins could not be loaded: one of them may bring what is not known."""
    if not problems:
        return ""
    failed = "1 plugin" if len(problems) == 1 else f"{len(problems)} plugins"
    return f" ({failed} failed to load: see `bitboot plugins`)"


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only to help with a misspelt name

    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are: {', '.join(known) or 'none'}"


_default: list[Registry] = []
_default_lock = threading.Lock()


def default_registry() -> Registry:
    """The registry that everybody shares who does not bring one."""
    with _default_lock:  # of threads that ask at once, all get the same
        if not _default:
            _default.append(Registry())
        return _default[0]


def register_backend(spec: BackendSpec) -> None:
    """Add a backend to the default registry: `Registry.register_backend`."""
    default_registry().register_backend(spec)


def register_network(network: NetworkDefinition) -> None:
    """Add a network to the default registry: `Registry.register_network`."""
    default_registry().register_network(network)


def register_port_mapper(spec: PortMapperSpec) -> None:
    """Add a port mapper to the default registry: `Registry.register_port_mapper`."""
    default_registry().register_port_mapper(spec)
