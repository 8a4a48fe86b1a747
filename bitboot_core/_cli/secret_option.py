"""The secret of a private swarm: from a file, or the environment; never from the command line itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .._swarms.private.secret import SwarmSecret
from ..errors import InvalidConfig

VARIABLE = "BITBOOT_SECRET"

_MAX_BYTES = 4096
"""A file that is larger than this holds no secret."""


def _given(context: click.Context, parameter: click.Parameter, value: str | None) -> SwarmSecret | None:
    return secret_from_environment() if value is None else _in_file(Path(value))


secret_option = click.option(
    "--secret-file",
    "secret",
    metavar="F",
    type=click.Path(),
    callback=_given,
    help=f"File with the secret of a private swarm; or in {VARIABLE}.",
)


def secret_from_environment() -> SwarmSecret | None:
    """What BITBOOT_SECRET holds, None where it is not set. Raises InvalidConfig, which does not show it."""
    text = os.environ.get(VARIABLE)
    return None if text is None else _read(text, VARIABLE)


def _in_file(path: Path) -> SwarmSecret:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise InvalidConfig(
            f"the secret in {path} cannot be read: {error.strerror or error}",
            hint="make one with `bitboot secret new --secret-file F`",
        ) from error
    except UnicodeDecodeError:
        raise InvalidConfig(f"{path} holds no secret", hint="it is text, bbs1... or a passphrase") from None
    if len(content) > _MAX_BYTES:
        raise InvalidConfig(f"{path} is too large to hold a secret", hint="it is bbs1... or a passphrase")
    return _read(text, str(path))


def _read(text: str, where: str) -> SwarmSecret:
    """A secret, or a passphrase. Whatever begins as a secret and is none is a mistake, not a passphrase."""
    words = text.strip()
    try:
        if words.lower().startswith("bbs1"):
            return SwarmSecret(words)
        return SwarmSecret.from_passphrase(words)
    except InvalidConfig as error:
        raise InvalidConfig(f"{where} holds no secret: {error}", hint=error.hint) from None
