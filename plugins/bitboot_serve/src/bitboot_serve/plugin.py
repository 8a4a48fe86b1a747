"""What this distribution brings to Bitboot. Imports nothing until the command line asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bitboot_core import hookimpl

if TYPE_CHECKING:
    import click

BITBOOT_API = 1


@hookimpl
def bitboot_commands() -> Iterable[click.Command]:
    """The command `serve`."""
    from .command import serve  # noqa: PLC0415 - it needs click, which libraries do not have

    return [serve]
