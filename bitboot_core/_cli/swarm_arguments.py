"""Which swarms are meant: names, and raw keys by `--key`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from .._swarms.keys import SwarmKey, SwarmName, looks_like_key, swarm_key
from ..errors import UsageError
from .secret_option import secret_option

F = TypeVar("F", bound=Callable[..., Any])

_key_option = click.option(
    "--key",
    "keys",
    metavar="HEX|MAGNET",
    multiple=True,
    help="Raw key of a swarm instead of its name: 40 hexadecimal digits, or a magnet link.",
)
_as_name_option = click.option(
    "--as-name", is_flag=True, help="Use NAME as a name, even if it looks like a key."
)


def swarms_argument(command: F) -> F:
    """Give `command` NAME... and the options beside it; it gets them as `swarms`, each once, and `secret`.

    Raises InvalidSwarmName, and UsageError where none is named.
    """

    @click.argument("names", metavar="NAME...", nargs=-1)
    @_key_option
    @_as_name_option
    @secret_option
    @functools.wraps(command)
    def with_swarms(
        *arguments: Any, names: Sequence[str], keys: Sequence[str], as_name: bool, **options: Any
    ) -> Any:
        return command(*arguments, swarms=meant(names, keys, as_name=as_name), **options)

    decorated: Any = with_swarms
    return decorated  # type: ignore[no-any-return]


def swarm_argument(command: F) -> F:
    """Give `command` NAME and the options beside it; it gets the one swarm as `swarm`, and `secret`."""

    @click.argument("names", metavar="NAME", nargs=-1)
    @_key_option
    @_as_name_option
    @secret_option
    @functools.wraps(command)
    def with_swarm(
        *arguments: Any, names: Sequence[str], keys: Sequence[str], as_name: bool, **options: Any
    ) -> Any:
        return command(*arguments, swarm=only(meant(names, keys, as_name=as_name)), **options)

    decorated: Any = with_swarm
    return decorated  # type: ignore[no-any-return]


def swarm_and_words(command: F) -> F:
    """The same, and further words: they come as `words`. With `--key` all words are further ones."""

    @click.argument("words", metavar="NAME -- CMD...", nargs=-1, type=click.UNPROCESSED)
    @_key_option
    @_as_name_option
    @secret_option
    @functools.wraps(command)
    def with_swarm(
        *arguments: Any, words: Sequence[str], keys: Sequence[str], as_name: bool, **options: Any
    ) -> Any:
        names, rest = ((), words) if keys else (words[:1], words[1:])
        swarm = only(meant(names, keys, as_name=as_name))
        return command(*arguments, swarm=swarm, words=rest, **options)

    decorated: Any = with_swarm
    return decorated  # type: ignore[no-any-return]


def meant(names: Sequence[str], keys: Sequence[str], *, as_name: bool) -> tuple[SwarmName, ...]:
    """The swarms of a command line, each once. Raises InvalidSwarmName or UsageError."""
    swarms = [name if as_name or not looks_like_key(name) else _asked(name) for name in names]
    swarms += [SwarmKey.parse(key) for key in keys]
    if not swarms:
        raise UsageError("no swarm was named", hint="give a NAME, or --key with a raw key")
    for swarm in swarms:  # what makes no sense is told of before anything is opened
        swarm_key(swarm)
    return tuple(dict.fromkeys(swarms))


def only(swarms: Sequence[SwarmName]) -> SwarmName:
    """The swarm, where it is one. Raises UsageError where there are several."""
    if len(swarms) > 1:
        raise UsageError(f"one swarm at a time, not {len(swarms)}", hint="put a name with spaces in quotes")
    return swarms[0]


def _asked(name: str) -> SwarmName:
    """Ask the user which of the two a name that looks like a key is. Raises UsageError with nobody there."""
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty():
        question = f"{name} looks like a key. Is the key meant, not a swarm of that name?"
        return SwarmKey.parse(name) if click.confirm(question, default=True, err=True) else name
    raise UsageError(
        f"{name} looks like a swarm's key, not like a name",
        hint=f"write --key {name} for the key, or --as-name for a swarm of that name",
    )
