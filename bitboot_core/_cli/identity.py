"""`bitboot identity`: who this user is to others."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .._networks.kept_contacts import folder_for
from .._plugins.config_file import ConfigFile
from .._plugins.registry import default_registry
from ..errors import InvalidConfig
from ..identity import Identity
from .help import Command, example
from .options import config_option, json_option, state_dir_option
from .report.choice import report_for
from .report.secrets import IdentityShown

FILE = "identity"
"""Its name in the state folder."""


@click.command(
    cls=Command,
    short_help="Show who you are to others, or be somebody.",
    epilog=example("bitboot identity --new"),
)
@click.option(
    "--key-file",
    metavar="F",
    type=click.Path(),
    help="File with the identity.  [default: `identity` in the state folder]",
)
@click.option("--new", is_flag=True, help="Make an identity where there is none.")
@state_dir_option
@config_option
@json_option
def identity(
    key_file: str | None, new: bool, state_dir: str | None, config_file: str | None, as_json: bool
) -> None:
    """Show your identity: its public key, which others know you by, and a fingerprint to compare.

    It is an Ed25519 key pair in a file that only you can read. Whoever has the file can be you.
    """
    path = identity_file(state_dir, config_file) if key_file is None else Path(key_file)
    is_new = new and not os.path.lexists(path)
    found = Identity.load(path, make=new)
    report_for(as_json).tell(
        IdentityShown(
            public_key=found.public_key.hex(), fingerprint=found.fingerprint, file=str(path), new=is_new
        )
    )


def identity_file(state_dir: str | None, config_file: str | None) -> Path:
    """Where the identity is kept that programs of this user have. Raises InvalidConfig."""
    chosen = {} if state_dir is None else {"state_dir": state_dir}
    config = ConfigFile.read(config_file).config(default_registry(), **chosen)  # type: ignore[arg-type]
    folder = folder_for(config.state_dir)
    if folder is None:
        raise InvalidConfig("there is no folder to keep an identity in", hint="name a file with --key-file")
    return folder / FILE
