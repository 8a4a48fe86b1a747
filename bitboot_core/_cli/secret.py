"""`bitboot secret new`: what makes a swarm private."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .._swarms.private.secret import SwarmSecret
from ..errors import InvalidConfig
from .help import Command, example
from .options import json_option
from .report.choice import report_for
from .report.output import write_line
from .report.secrets import SecretMade


@click.command(
    cls=Command,
    short_help="Make the secret of a private swarm.",
    epilog=example(
        "bitboot secret new --secret-file ~/friends.secret",
        "bitboot join friends --port 6881 --secret-file ~/friends.secret",
    ),
)
@click.argument("action", type=click.Choice(["new"]))
@click.option(
    "--secret-file",
    metavar="F",
    type=click.Path(),
    help="Write it to F, which only you can read, and print nothing.",
)
@json_option
def secret(action: str, secret_file: str | None, as_json: bool) -> None:
    """Make a new secret and print it, or write it to a file. Whoever has it is a member of the swarm."""
    made = SwarmSecret.generate().reveal()
    if secret_file is not None:
        _write(Path(secret_file), made)
    if as_json:
        report_for(as_json).tell(SecretMade(secret=None if secret_file else made, file=secret_file))
    elif secret_file is None:
        write_line(made)  # alone, for `> F`


def _write(path: Path, text: str) -> None:
    """Write it to a file that is not there yet, with mode 0600. Raises InvalidConfig."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidConfig(
            f"{path} is there already", hint="name another file: what is in this one may be needed"
        ) from None
    except OSError as error:
        raise InvalidConfig(
            f"{path} cannot be written: {error.strerror or error}", hint="name a file in a folder of yours"
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text + "\n")
