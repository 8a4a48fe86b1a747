"""Finding plugins, checking them, and keeping a broken one from harming the others.

Each plugin goes through the stages below on its own. One that fails at any of them is dropped
whole, and a `PluginProblem` tells of it; the others never notice.

    import      its module is imported
    api         the module states the `BITBOOT_API` that this core speaks
    register    pluggy checks its hooks' names and signatures
    hook        each hook is called, alone
    validation  what the hooks returned is checked
    duplicate   names are compared with everybody else's (in `registry`, where nobody is dropped)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..backend import API_VERSION, PROJECT_NAME, BackendSpec
from ..errors import PluginError
from ..model import KnownHost
from ..networks import NetworkDefinition, NetworkStatus

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Plugin", "PluginProblem"]

Stage = Literal["import", "api", "register", "hook", "validation", "duplicate"]
T = TypeVar("T")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What backends and networks may be called. No colon: that is for `distribution:name`."""


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """What went wrong with a plugin: where, why, and what to do about it.

    `entry_point` is the plugin's name, `distribution` and `version` say what to reinstall or report.
    """

    entry_point: str
    distribution: str
    version: str
    stage: Stage
    error: BaseException
    hint: str

    def __str__(self) -> str:
        reason = f"{type(self.error).__name__}: {self.error}"
        if self.stage == "duplicate":
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


def installed() -> list[EntryPoint]:
    """The entry points of all installed plugins."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, and not needed until here

    return list(entry_points(group=PROJECT_NAME))


def canonical(distribution: str) -> str:
    """A distribution's name in its canonical spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def check_backend(spec: object) -> BackendSpec:
    """Raise TypeError or ValueError, naming the field, unless `spec` is a usable BackendSpec."""
    if not isinstance(spec, BackendSpec):
        raise TypeError(f"{spec!r} is not a BackendSpec")
    _check_name(spec.name, "backend")
    if isinstance(spec.protocols, str) or not _all(spec.protocols, str) or not all(spec.protocols):
        raise TypeError(f"backend {spec.name}: protocols must be a sequence of names, not {spec.protocols!r}")
    if not spec.protocols:
        raise ValueError(f"backend {spec.name}: it must speak at least one protocol")
    for field in ("factory", "unavailable"):
        if not callable(getattr(spec, field)):
            raise TypeError(f"backend {spec.name}: {field} must be callable, not {getattr(spec, field)!r}")
    if spec.testnet is not None and not callable(spec.testnet):
        raise TypeError(f"backend {spec.name}: testnet must be callable, not {spec.testnet!r}")
    return spec


def check_network(network: object) -> NetworkDefinition:
    """Raise TypeError or ValueError, naming the field, unless `network` is a usable NetworkDefinition."""
    if not isinstance(network, NetworkDefinition):
        raise TypeError(f"{network!r} is not a NetworkDefinition")
    _check_name(network.name, "network")
    if not isinstance(network.protocol, str) or not network.protocol:
        raise TypeError(f"network {network.name}: protocol must be a name, not {network.protocol!r}")
    if not _all(network.bootstrap, KnownHost):
        raise TypeError(f"network {network.name}: bootstrap must be KnownHosts, not {network.bootstrap!r}")
    for contact in network.bootstrap:
        if contact.is_any or contact.port == 0:
            raise ValueError(f"network {network.name}: nobody can be reached at {contact}")
    if not isinstance(network.status, NetworkStatus):
        raise TypeError(f"network {network.name}: status must be a NetworkStatus, not {network.status!r}")
    return network


class Loader:
    """Loads plugins one by one; keeps those that work, and a problem for each that does not."""

    def __init__(self, *, strict: bool = False) -> None:
        """`strict`: raise PluginError at the first problem, instead of keeping it."""
        self.plugins: list[Plugin] = []
        self.problems: list[PluginProblem] = []
        self._strict = strict
        # Here, since pluggy takes longer to import than the rest of the core, and only discovery needs it.
        import pluggy  # noqa: PLC0415

        from .. import hookspecs  # noqa: PLC0415

        self._manager = pluggy.PluginManager(PROJECT_NAME)
        self._manager.add_hookspecs(hookspecs)

    def load(self, entry_point: EntryPoint, distribution: str, version: str) -> None:
        """Take the entry point of a distribution through all stages."""
        attempt = _Attempt(entry_point.name, distribution, version)
        with self._guarded(attempt):
            attempt.stage, attempt.hint = "import", f"reinstall or uninstall {distribution}"
            module = entry_point.load()
            self._check_api(module, attempt)
            attempt.stage, attempt.hint = "register", f"report it to the authors of {distribution}"
            self._register(module, attempt)
            attempt.stage = "hook"
            backends = self._call(module, "bitboot_backends")
            networks = self._call(module, "bitboot_networks")
            attempt.stage = "validation"
            plugin = Plugin(
                entry_point.name,
                distribution,
                version,
                tuple(_distinct(backends, check_backend, "backend")),
                tuple(_distinct(networks, check_network, "network")),
            )
            self.plugins.append(plugin)

    def problem(self, problem: PluginProblem) -> None:
        """Keep a problem. Raises PluginError where `strict`."""
        if self._strict:
            raise PluginError(str(problem), hint=problem.hint) from problem.error
        self.problems.append(problem)

    @contextmanager
    def _guarded(self, attempt: _Attempt) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise
        # A plugin may end in anything: sys.exit(), a panic of a native library, a skipped test's signal.
        except BaseException as error:  # noqa: BLE001 - reported as a PluginProblem
            if isinstance(error, ModuleNotFoundError) and error.name is not None:
                attempt.hint = f"it needs {error.name}, which is not installed: {attempt.hint}"
            self._unregister(attempt.registered_as)
            self.problem(
                PluginProblem(
                    attempt.entry_point,
                    attempt.distribution,
                    attempt.version,
                    attempt.stage,
                    error,
                    attempt.hint,
                )
            )

    def _check_api(self, module: Any, attempt: _Attempt) -> None:
        attempt.stage, attempt.hint = "api", f"its module must state BITBOOT_API = {API_VERSION}"
        stated = getattr(module, "BITBOOT_API", None)
        if stated == API_VERSION and isinstance(stated, int):
            return
        if isinstance(stated, int) and stated > API_VERSION:
            attempt.hint = "update bitboot-core"
        elif isinstance(stated, int):
            attempt.hint = f"update {attempt.distribution}"
        raise PluginError(f"it states BITBOOT_API = {stated!r}, and this core speaks {API_VERSION}")

    def _register(self, module: Any, attempt: _Attempt) -> None:
        if self._manager.is_registered(module):
            raise PluginError("another entry point names the same module")
        name = f"{attempt.distribution}:{attempt.entry_point}"
        if self._manager.has_plugin(name):
            raise PluginError("another entry point of this distribution has the same name")
        attempt.registered_as = name
        self._manager.register(module, name)
        self._manager.check_pending()  # a misspelt hook would never be called

    def _unregister(self, name: str | None) -> None:
        if name is not None and self._manager.has_plugin(name):
            self._manager.unregister(name=name)

    def _call(self, module: Any, hook: str) -> list[Any]:
        others = [plugin for plugin in self._manager.get_plugins() if plugin is not module]
        results = self._manager.subset_hook_caller(hook, others)()
        return [item for result in results for item in result]


@dataclass(slots=True, eq=False, repr=False)
class _Attempt:
    """How far the loading of one plugin has come."""

    entry_point: str
    distribution: str
    version: str
    stage: Stage = "import"
    hint: str = ""
    registered_as: str | None = None


def origin(entry_point: EntryPoint) -> tuple[str, str]:
    """The name and version of the distribution that an entry point belongs to."""
    name = version = None
    if entry_point.dist is not None:
        # Half-removed installations lack their metadata, and are asked before any guard is up.
        with suppress(Exception):
            metadata = entry_point.dist.metadata  # read and parsed anew each time it is asked for
            name, version = metadata["Name"], metadata["Version"]
    return name or entry_point.value.partition(".")[0], version or ""


def _distinct(items: Iterable[Any], check: Callable[[object], T], kind: str) -> Iterator[T]:
    names: set[str] = set()
    for item in items:
        checked = check(item)
        if item.name in names:
            raise ValueError(f"it brings two {kind}s named {item.name}")
        names.add(item.name)
        yield checked


def _check_name(name: object, kind: str) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a {kind}'s name: letters, digits, dots and dashes only")


def _all(items: object, kind: type) -> bool:
    return isinstance(items, Sequence) and all(isinstance(item, kind) for item in items)
