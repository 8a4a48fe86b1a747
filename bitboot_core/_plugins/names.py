"""Names and who claims them, so that of two plugins with one name neither silently wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from ..backend import BackendSpec
from ..networks import NetworkDefinition
from ..port_mapper import PortMapperSpec
from .plugin import Plugin, canonical

T = TypeVar("T", BackendSpec, NetworkDefinition, PortMapperSpec)


class Claim(NamedTuple, Generic[T]):
    """A name's use by a plugin (or by the program or core itself: `plugin` is None)."""

    value: T
    plugin: Plugin | None

    @property
    def distribution(self) -> str:
        return canonical(self.plugin.distribution) if self.plugin else ""


class Names(Generic[T]):
    """Names, and who claims them. A name claimed by two plugins is neither's."""

    def __init__(self) -> None:
        self._claims: dict[str, list[Claim[T]]] = {}

    def add(self, value: T, plugin: Plugin | None) -> list[Claim[T]]:
        """Note a claim, and return all those there are on this name now."""
        claims = self._claims.setdefault(value.name, [])
        claims.append(Claim(value, plugin))
        return list(claims)

    def remove(self, name: str) -> bool:
        """Take back the program's own claim. False where there is none."""
        claims = self._claims.get(name, [])
        own = [claim for claim in claims if claim.plugin is None]
        for claim in own:
            claims.remove(claim)
        return bool(own)

    def claims(self, name: str) -> list[Claim[T]]:
        """Who claims `name`, or `distribution:name`."""
        distribution, colon, plain = name.rpartition(":")
        claims = list(self._claims.get(plain, []))
        return (
            [claim for claim in claims if claim.distribution == canonical(distribution)] if colon else claims
        )

    def reachable(self) -> dict[str, T]:
        """Everything, under the shortest name that is its own, in alphabetical order."""
        found: dict[str, T] = {}
        for name, claims in self._claims.items():
            owner = sole(claims)
            for claim in claims:
                found[name if claim is owner else f"{claim.distribution}:{name}"] = claim.value
        return dict(sorted(found.items()))


def sole(claims: Sequence[Claim[T]]) -> Claim[T] | None:
    """Who owns a plain name: the program or core, else the only plugin that claims it, else nobody."""
    own = [claim for claim in claims if claim.plugin is None]
    if own:
        return own[0]
    return claims[0] if len(claims) == 1 else None
