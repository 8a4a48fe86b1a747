"""`bitboot resolve`: what somebody has published under their key."""

from __future__ import annotations

import click

from ..errors import InvalidItem, UsageError
from ..items import KEY_BYTES, Item
from .help import Command, example
from .options import Settings, network_options
from .publish import salt_option
from .report.escaping import escaped
from .report.events import Failed, PeerFound
from .report.items import ItemFound
from .report.output import write_line
from .report.report import PeersReport
from .running import run
from .session import open_session
from .statuses import NOBODY


@click.command(
    cls=Command,
    short_help="Show what is published under a key.",
    epilog=example(
        "bitboot resolve d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "bitboot resolve d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a --salt clock -q",
    ),
)
@click.argument("key", metavar="KEY")
@salt_option
@click.option("-q", "--quiet", is_flag=True, help="Print only the value.")
@click.option("--fail-empty", is_flag=True, help="Exit with status 3 if nothing is published there.")
@network_options
def resolve(settings: Settings, *, key: str, salt: str, quiet: bool, fail_empty: bool) -> int:
    """Show the newest value that is published under the public key KEY, 64 hexadecimal digits.

    All nodes that should have it are asked; a value counts only where its signature holds. `bitboot publish`
    publishes one, `bitboot identity` shows a key.
    """
    if quiet and settings.as_json:
        raise UsageError("--json and --quiet exclude each other", hint="give one of the two")
    public_key = _public_key(key)
    found = run(_resolve(settings, public_key, salt.encode("utf-8", "surrogateescape"), quiet=quiet))
    if found is None:
        settings.report.tell(Failed(error="Interrupted", message="stopped before it was resolved", hint=""))
        return 1
    (item,) = found
    event = ItemFound.of(public_key.hex(), salt, item)
    if not quiet:
        settings.report.tell(event)
    elif item is not None:
        write_line(escaped(event.shown, keep="\t\n"))
    return NOBODY if fail_empty and item is None else 0


async def _resolve(settings: Settings, public_key: bytes, salt: bytes, *, quiet: bool) -> tuple[Item | None]:
    config = settings.config(read_only=True)  # gone in a moment, so nobody should rely on this node
    report = _Quiet() if quiet else settings.report
    async with open_session(config, report) as session:
        return (await session.bitboot.resolve(public_key, salt),)


class _Quiet(PeersReport):
    """Leaves stdout to the value."""

    def tell_peer(self, peer: PeerFound) -> None:
        """There are none."""


def _public_key(text: str) -> bytes:
    """Raises InvalidItem."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidItem(
            f"{text[:80]!r} is not a public key",
            hint="64 hexadecimal digits, as `bitboot identity` shows them",
        )
    return key
