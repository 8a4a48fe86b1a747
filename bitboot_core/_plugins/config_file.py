"""A configuration file: networks of one's own, other contacts for known ones, and defaults.

    timeout = 10                        # any field of BitBootConfig
    network = "office"

    [networks.office]                   # a network of one's own
    protocol = "kademlia"
    bootstrap = ["dht1.example.org:4000", "dht2.example.org:4000"]
    description = "our own DHT"

    [networks.mainline]                 # a known one, with other contacts
    bootstrap = ["192.0.2.7:6881"]

TOML, or the JSON that BitBootPy wrote (`bootstrap_nodes`, `network_names`, `continuous_mode` and all
the above under the same names). The API reads none unless it is told to; the command line does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

from .._settings import contacts, networks, users_folder
from ..config import BitBootConfig, Settings
from ..errors import InvalidConfig, UnknownNetwork, UsageError
from ..model import KnownHost
from ..networks import NetworkDefinition
from .checks import check_network
from .config_text import ConfigText
from .registry import Registry, default_registry

__all__ = ["ConfigFile"]

SETTINGS = tuple(name for name in Settings.__annotations__ if name != "identity")
NETWORK_KEYS = ("protocol", "bootstrap", "description")
IGNORED = ("rate_limit_delay", "max_retries", "retry_delay", "print_discovered_peers")
"""What BitBootPy's configuration says and nobody has to say here: retries look after themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNetwork:
    """What a file says of one network. `protocol` is None where it only changes a known one."""

    protocol: str | None = None
    bootstrap: tuple[KnownHost, ...] | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """What a configuration file says. Made by `read`.

    `path`: the file, None where there is none. `settings`: fields of BitBootConfig. `networks`: by
    name. `network_names` and `continuous`: the swarms that BitBootPy's configuration names, and
    those of them that are to be watched.
    """

    path: Path | None = None
    settings: Settings = field(default_factory=Settings)
    networks: Mapping[str, OwnNetwork] = field(default_factory=dict)
    network_names: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | os.PathLike[str] | None = None) -> ConfigFile:
        """Read a file: the one given, else the one that BITBOOT_CONFIG names, else the user's, if any.

        Raises InvalidConfig, which names the file, the line and the key, and says what would do.
        """
        named = path if path is not None else os.environ.get("BITBOOT_CONFIG") or None
        if named is None:
            named = default_file()
            if named is None or not os.path.lexists(named):
                return cls()
        return _Reader(Path(named)).read()

    def definitions(self, registry: Registry | None = None) -> dict[str, NetworkDefinition]:
        """The networks that the file speaks of, as they are with what it says. Raises InvalidConfig."""
        return {name: self._definition(name, registry) for name in self.networks}

    def config(self, registry: Registry | None = None, **fields: Unpack[Settings]) -> BitBootConfig:
        """A BitBootConfig with the file's settings and networks; `fields` go before the file's.

        `registry`: where to find the networks that the file changes. Raises InvalidConfig.
        """
        chosen: Settings = {**self.settings, **fields}
        wanted = networks(chosen.get("network", "mainline"))
        if any(one in self.networks for one in wanted if isinstance(one, str)):
            chosen["network"] = [
                self._definition(one, registry) if isinstance(one, str) and one in self.networks else one
                for one in wanted
            ]
        return BitBootConfig(**chosen)

    def _definition(self, name: str, registry: Registry | None) -> NetworkDefinition:
        own = self.networks[name]
        if own.protocol is not None:
            base = NetworkDefinition(name, own.protocol)
        else:
            try:
                base = (registry if registry is not None else default_registry()).network(name)
            except UnknownNetwork as error:
                raise InvalidConfig(
                    f"{self.path}: the network {name} has no protocol, and none is known by that name",
                    hint=f'write protocol = "mainline" (or another) below [networks.{name}]; {error.hint}',
                ) from error
        changes: dict[str, Any] = {"bootstrap": own.bootstrap, "description": own.description}
        return replace(base, **{key: value for key, value in changes.items() if value is not None})


def default_file() -> Path | None:
    """The user's own file: `config.toml` in the platform's folder for configuration, if there is one."""
    folder = users_folder("config")
    return None if folder is None else folder / "config.toml"


class _Reader:
    """Reads one file, and says where in it something is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ConfigText.read(path)

    def read(self) -> ConfigFile:
        found = self._text.parsed()
        unknown = sorted(found.keys() - {*SETTINGS, *IGNORED, *_OTHERS})
        if unknown:
            raise self._unknown(unknown[0], (*SETTINGS, *_OTHERS))
        nodes = found.get("bootstrap_nodes")
        if nodes:
            found["bootstrap"] = self._checked("bootstrap_nodes", lambda: [_node(node) for node in nodes])
        settings = Settings()
        for key in SETTINGS:
            if key in found:
                settings[key] = self._setting(key, found[key])  # type: ignore[literal-required]
        watched = self._table("continuous_mode", found.get("continuous_mode", {}))
        return ConfigFile(
            path=self._path,
            settings=settings,
            networks={
                name: self._network(name, table)
                for name, table in self._table("networks", found.get("networks", {})).items()
            },
            network_names=self._names(found.get("network_names", [])),
            continuous=tuple(str(name) for name, wanted in watched.items() if wanted),
        )

    def _setting(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            raise self._wrong(
                f"{key} is a table", "it takes one value; networks stand in [networks.NAME]", key
            )
        if key == "state_dir" and isinstance(value, str) and value:
            value = str(self._path.parent / os.path.expanduser(value))
        if key == "network" and not all(isinstance(one, str) for one in _listed(value)):
            raise self._wrong(
                f"{key}={value!r} is not a network", 'give a name, or a list such as ["one"]', key
            )
        self._checked(key, lambda: BitBootConfig(**{key: value}))
        return value

    def _network(self, name: str, table: Any) -> OwnNetwork:
        where = f"networks.{name}"
        table = self._table(where, table)
        unknown = sorted(table.keys() - set(NETWORK_KEYS))
        if unknown:
            raise self._unknown(f"{where}.{unknown[0]}", NETWORK_KEYS)
        for key in ("protocol", "description"):
            if key in table and not (isinstance(table[key], str) and table[key]):
                raise self._wrong(
                    f"{where}.{key} is {table[key]!r}", 'give text, such as "mainline"', where, key
                )
        bootstrap = None
        if "bootstrap" in table:
            bootstrap = self._checked(f"{where}.bootstrap", lambda: contacts(table["bootstrap"]))
        try:
            check_network(NetworkDefinition(name, table.get("protocol", "any")))
        except (TypeError, ValueError) as error:
            raise self._wrong(f"{where}: {error}", "choose another name", where) from error
        return OwnNetwork(
            protocol=table.get("protocol"), bootstrap=bootstrap, description=table.get("description")
        )

    def _names(self, names: Any) -> tuple[str, ...]:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._wrong("network_names is not a list", 'such as ["one", "two"]', "network_names")
        return tuple(names)

    def _table(self, key: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(f"{key} is {value!r}", f"it is a table: write [{key}] above its keys", key)
        return value

    def _checked(self, key: str, check: Any) -> Any:
        try:
            return check()
        except (UsageError, TypeError) as error:
            hint = getattr(error, "hint", "") or 'such as [["router.example.org", 6881]]'
            raise self._wrong(f"{key}: {error}", hint, key) from error

    def _unknown(self, key: str, known: Sequence[str]) -> InvalidConfig:
        import difflib  # noqa: PLC0415 - only to help with a misspelt name

        near = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(known))}"
        return self._wrong(f"{key} is not a known setting", hint, key)

    def _wrong(self, what: str, hint: str, *keys: str) -> InvalidConfig:
        line = self._text.line([part for key in keys for part in key.split(".")])
        where = f"{self._path}, line {line}" if line else str(self._path)
        return InvalidConfig(f"{where}: {what}", hint=hint)


_OTHERS = ("networks", "bootstrap_nodes", "network_names", "continuous_mode")


def _listed(value: Any) -> Iterable[Any]:
    """The elements of a list, or the value alone."""
    return value if isinstance(value, list) else [value]


def _node(node: object) -> str:
    """A bootstrap node as BitBootPy wrote it: ["host", port], {"host": ..., "port": ...} or "host:port"."""
    match node:
        case [str(host), int(port)] | {"host": str(host), "port": int(port)}:
            return str(KnownHost(host, port))
        case str(text):
            return text
    raise InvalidConfig(f"{node!r} is not a bootstrap node", hint='write ["router.example.org", 6881]')
