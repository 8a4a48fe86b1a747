"""Results by network: what one call got from each of several networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from ..errors import AllBackendsFailed, BitBootError

__all__ = ["PerNetwork"]

T = TypeVar("T")


class PerNetwork(Mapping[str, T], Generic[T]):
    """A mapping from network names to values.

    Where a backend serves just one of the active networks, its name finds that network's value too:
    `found.failures["btdht"]` is `found.failures["mainline"]`. Iteration gives network names only.
    """

    def __init__(self, values: Mapping[str, T], backends: Mapping[str, str]) -> None:
        """`backends`: the backend's name of every active network, also of those without a value."""
        self._values = dict(values)
        self._backends = dict(backends)

    def __getitem__(self, name: str) -> T:
        if name in self._values:
            return self._values[name]
        served = [network for network, backend in self._backends.items() if backend == name]
        if len(served) == 1 and served[0] in self._values:
            return self._values[served[0]]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"PerNetwork({self._values!r})"


def one_error(errors: Mapping[str, BitBootError], what: str) -> BitBootError:
    """The error to raise where every network failed: its own for one, AllBackendsFailed for several.

    `errors`: each network's, by name. `what`: what failed, to begin the message with.
    """
    if len(errors) == 1:
        (error,) = errors.values()
        # The same object may be raised again by the next call, and would collect traceback on traceback.
        return error.with_traceback(None)
    causes = "; ".join(f"{name}: {error}" for name, error in errors.items())
    hints = dict.fromkeys(error.hint for error in errors.values() if error.hint)
    return AllBackendsFailed(f"{what} failed on every network: {causes}", errors, hint="; ".join(hints))
