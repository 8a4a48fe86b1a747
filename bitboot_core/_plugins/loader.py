"""Finding plugins, checking them, and keeping a broken one from harming the others.

Each plugin goes through the stages below on its own. One that fails at any of them is dropped
whole, and a `PluginProblem` tells of it; the others never notice.

    metadata    its distribution is read (in `installed`)
    import      its module is imported
    api         the module states the `BITBOOT_API` that this core speaks
    register    pluggy checks its hooks' names and signatures
    hook        each hook is called, alone
    validation  what the hooks returned is checked
    duplicate   names are compared with everybody else's (in `discovery`, where nobody is dropped)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ..backend import API_VERSION, PROJECT_NAME
from ..errors import PluginError
from .checks import check_backend, check_network, check_port_mapper
from .commands import Hook
from .installed import EntryPoint
from .plugin import Plugin, PluginProblem, Stage

T = TypeVar("T")


class Loader:
    """Loads plugins one by one; keeps those that work, and a problem for each that does not."""

    def __init__(self, *, strict: bool = False) -> None:
        """`strict`: raise PluginError at the first problem, instead of keeping it."""
        self.plugins: list[Plugin] = []
        self.problems: list[PluginProblem] = []
        self._modules: list[tuple[Plugin, Any]] = []
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
            port_mappers = self._call(module, "bitboot_port_mappers")
            attempt.stage = "validation"
            plugin = Plugin(
                entry_point.name,
                distribution,
                version,
                tuple(_distinct(backends, check_backend, "backend")),
                tuple(_distinct(networks, check_network, "network")),
                tuple(_distinct(port_mappers, check_port_mapper, "port mapper")),
            )
            self.plugins.append(plugin)
            self._modules.append((plugin, module))

    def command_hooks(self) -> list[tuple[Plugin, Hook]]:
        """The plugins that work, each with its hook for commands."""
        return [
            (plugin, partial(self._call, module, "bitboot_commands"))
            for plugin, module in self._modules
            if any(plugin is one for one in self.plugins)
        ]

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
        callers = self._manager.get_hookcallers(module) or []
        hooks = [one for caller in callers if caller.name == hook for one in caller.get_hookimpls()]
        results: list[Any] = [one.function() for one in hooks if one.plugin is module]
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


def _distinct(items: Iterable[Any], check: Callable[[object], T], kind: str) -> Iterator[T]:
    names: set[str] = set()
    for item in items:
        checked = check(item)
        if item.name in names:
            raise ValueError(f"it brings two {kind}s named {item.name}")
        names.add(item.name)
        yield checked
