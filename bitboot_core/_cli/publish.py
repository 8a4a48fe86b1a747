"""`bitboot publish`: keep a value under one's own key, where others find it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import NoReturn

import click

from .._networks.per_network import one_error
from .._swarms.items.publication import Publication
from ..errors import BitBootError, InvalidItem, PublishFailed
from ..identity import Identity
from ..items import MAX_BYTES
from .help import Command, example
from .identity import identity_file
from .options import Settings, Stay, network_options, stay_options
from .report.items import Published
from .running import run
from .session import Session, open_session
from .staying import follow_networks, together

key_file_option = click.option(
    "--key-file",
    metavar="F",
    type=click.Path(),
    help="File with the identity to publish as.  [default: `identity` in the state folder]",
)

salt_option = click.option(
    "--salt",
    metavar="TEXT",
    default="",
    help="Which of the key's values, at most 64 bytes: one key has many.",
)


@click.command(
    cls=Command,
    short_help="Keep a value where others find it by your key, until Ctrl-C.",
    epilog=example(
        "bitboot identity --new",
        "bitboot publish 'hello, world'",
        "date | bitboot publish --salt clock --for 60 -",
    ),
)
@click.argument("value", metavar="VALUE")
@key_file_option
@salt_option
@click.option(
    "--cas",
    metavar="SEQ",
    type=int,
    help="Fail unless version SEQ is what is published now: for several who share a key.",
)
@stay_options
@network_options
def publish(
    settings: Settings,
    *,
    stay: Stay,
    value: str,
    key_file: str | None,
    salt: str,
    cas: int | None,
) -> int:
    """Publish VALUE, at most 996 bytes, under your identity's public key, until Ctrl-C.

    The network keeps it for up to two hours after that. VALUE is stored as UTF-8; `-` reads it from stdin, as
    it is. `bitboot resolve KEY` finds it, from anywhere. Says so whenever a network has stored it: at first,
    and again every hour. Where no network can be reached it says why, and goes on trying.
    """
    path = identity_file(settings.state_dir, settings.config_file) if key_file is None else Path(key_file)
    identity = Identity.load(path, make=False)
    run(_publish(settings, stay, identity, _bytes(value), salt=_salt(salt), cas=cas))
    return 0


def _bytes(value: str) -> bytes:
    """The value that is meant. Raises InvalidItem where stdin has more than can be stored."""
    if value != "-":
        return value.encode("utf-8", "surrogateescape")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidItem(
            f"stdin has more than the {MAX_BYTES} bytes that can be stored",
            hint="store it in parts, or store where it can be had",
        )
    return data


def _salt(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


async def _publish(
    settings: Settings, stay: Stay, identity: Identity, value: bytes, *, salt: bytes, cas: int | None
) -> None:
    async with (
        open_session(settings.config(), settings.report, wait=False) as session,
        session.bitboot.publishing(identity, value, salt=salt, cas=cas) as publication,
    ):
        await together(
            stay.seconds,
            lambda: _first_attempts(publication),
            follow_networks(session),
            _follow(session, publication),
            _published(publication, stay.give_up),
        )


async def _follow(session: Session, publication: Publication) -> NoReturn:
    """Tell of each success, and of each failure. Raises where no later attempt can succeed."""
    successes: dict[str, int] = {}
    errors: dict[str, BitBootError | None] = {}
    while True:
        session.tell_ready()
        statuses = publication.status
        final = {
            name: one.last_error
            for name, one in statuses.items()
            if one.last_error is not None and publication.is_over(name)
        }
        if final and len(final) == len(statuses):
            raise one_error(final, "publishing")
        for network, status in statuses.items():
            if status.expires_in is not None and status.successes > successes.get(network, 0):
                successes[network] = status.successes
                session.forget_failure(network)
                session.report.tell(
                    Published(
                        public_key=publication.item.public_key.hex(),
                        salt=publication.item.salt.decode("utf-8", "backslashreplace"),
                        seq=publication.item.seq,
                        network=network,
                        stored_on=status.stored_on,
                        expires_in=round(status.expires_in),
                    )
                )
            if status.last_error is not errors.get(network):
                errors[network] = status.last_error
                if status.last_error is not None:
                    session.tell_failure(network, status.last_error)
        await publication.changed()


async def _published(publication: Publication, give_up: float | None) -> None:
    """Wait until it is stored, however often that fails. Raises PublishFailed after `give_up` seconds."""
    try:
        async with asyncio.timeout(give_up):
            while True:
                try:
                    await publication.published()
                except BitBootError:  # which `_follow` tells
                    await publication.changed()
                else:
                    return
    except TimeoutError:
        raise PublishFailed(
            f"not published after {give_up:g} s",
            hint="`bitboot doctor` looks for the cause; without --give-up it keeps trying",
        ) from None


async def _first_attempts(publication: Publication) -> None:
    """Wait until it was put once on each network, well or not."""
    while any(not one.successes and one.last_error is None for one in publication.status.values()):
        await publication.changed()
