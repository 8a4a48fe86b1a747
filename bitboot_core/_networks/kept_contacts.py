"""What is kept between two runs: the contacts of a network, in a folder of the user's.

One file a network, `contacts-NETWORK.json`. In a folder that the program names itself (`state_dir=`)
that is all. The user's own folder is shared by all programs, and not everything that is called
"mainline" is the same network: there the file's name also holds a digest of the protocol and of the
contacts that the network starts from, and nothing is kept of a network that starts from nobody. So
a testnet's contacts never get among the public network's. Old files are removed there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .._settings import users_folder
from ..aio.logs import logger
from ..errors import InvalidEndpoint
from ..model import KnownHost
from .kept_order import Kept, best_first

MAX_CONTACTS = 200
"""How many contacts are kept, the best first."""

MAX_BYTES = 64 * 1024
"""A file that is larger than this is not one of ours."""

TEMPORARY_AGE = 3600.0
"""Seconds after which a file that is being written is one that a crash left."""

OLDEST = 90 * 86_400.0
"""Seconds that a file is kept in the shared folder after it was written last: 90 days."""

MAX_FILES = 100
"""How many files are kept in the shared folder, those written last."""

LONGEST = 60.0
"""Seconds. A longer round trip is none."""

FORMAT = "bitboot-contacts-1"

DAMAGE = (ValueError, TypeError, KeyError, RecursionError, InvalidEndpoint)
"""What a file raises that is none of ours, whatever is in it."""

log = logger(__name__)


def default_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where state is kept unless told otherwise: BITBOOT_STATE_DIR, or the platform's folder for it.

    None where the user has no folder: then nothing is kept.
    """
    environ = os.environ if environ is None else environ
    if environ.get("BITBOOT_STATE_DIR"):
        return Path(environ["BITBOOT_STATE_DIR"])
    return users_folder("state")


def folder_for(setting: str | os.PathLike[str] | Literal[False] | None) -> Path | None:
    """The folder that the setting `state_dir` means: the default one for None; None where nothing is kept."""
    if setting is False:
        return None
    return default_folder() if setting is None else Path(setting)


@cache
def _warn_of_no_folder() -> None:
    log.warning(
        "this user has no home folder, so no contacts are kept for the next start: "
        "name a folder with BITBOOT_STATE_DIR or state_dir="
    )


def contact_file(
    setting: str | os.PathLike[str] | Literal[False] | None,
    network: str,
    protocol: str,
    bootstrap: Iterable[KnownHost],
) -> ContactFile | None:
    """The file for a network's contacts under the setting `state_dir`, None where none are kept."""
    if setting is False:
        return None
    if setting is not None:
        return ContactFile(Path(setting) / f"contacts-{network}.json", network)
    starts_from = sorted(map(str, bootstrap))
    if not starts_from:
        return None
    folder = default_folder()
    if folder is None:
        _warn_of_no_folder()
        return None
    digest = hashlib.sha256("\n".join([protocol, *starts_from]).encode()).hexdigest()[:12]
    return ContactFile(folder / f"contacts-{network}-{digest}.json", network, is_shared=True)


class ContactFile:
    """A network's contacts on disk. All methods block, and none raises: what fails is logged."""

    def __init__(self, path: Path, network: str, *, is_shared: bool = False) -> None:
        """`is_shared`: whether all of the user's programs keep their contacts in that folder."""
        self.path: Path = path
        self.network: str = network
        self._is_shared = is_shared
        self._warned = False

    def read(self) -> list[KnownHost]:
        """The contacts, best first. A file that is no such file is set aside with a warning."""
        try:
            content = self._content()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("the contacts in %s cannot be read: %s", self.path, error)
            return []
        try:
            return best_first(self._parse(content))
        except DAMAGE as error:
            self._set_aside(error)
            return []

    def _content(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    def write(
        self, contacts: Sequence[KnownHost], round_trips: Mapping[KnownHost, float] | None = None
    ) -> None:
        """Keep these contacts, which answered recently, and those kept before as far as there is room.

        `round_trips`: in seconds, of those that were measured. A reader or a crash meets the old file or the
        new, never a half.
        """
        # Here, since tempfile brings the archive formats along, and would double the core's import.
        import json  # noqa: PLC0415
        import tempfile  # noqa: PLC0415

        now = time.time()
        kept = self._with_former(contacts, round_trips or {}, now)
        content = {
            "format": FORMAT,
            "network": self.network,
            "saved": int(now),
            "contacts": [str(one.contact) for one in kept],
            # Beside them, not in them: earlier versions read the contacts alone.
            "seen": [int(one.seen) for one in kept],
            "round_trips": [one.round_trip and round(one.round_trip, 4) for one in kept],
        }
        temporary: str | None = None
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(".tmp", f"{self.path.stem}-", self.path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
            self._sweep(now)
        except OSError as error:
            # Once is enough: a disk that is full or read-only will be so the next time.
            log.log(
                logging.DEBUG if self._warned else logging.WARNING,
                "the contacts of %s are not kept: %s",
                self.network,
                error,
            )
            self._warned = True
            if temporary is not None:
                with suppress(OSError):
                    os.unlink(temporary)

    def _sweep(self, now: float) -> None:
        """Remove what nobody will read: what a crash left half written, and from a shared folder what is old.

        Every list of bootstrap contacts has a file of its own there, so that there can be any number.
        """
        kept: list[tuple[float, Path]] = []
        for path in self.path.parent.glob("contacts-*"):
            with suppress(OSError):  # another program has removed it
                age = now - path.stat().st_mtime
                if path.suffix == ".tmp" and age > TEMPORARY_AGE:
                    path.unlink()
                elif self._is_shared and path.suffix in (".json", ".damaged") and path != self.path:
                    kept.append((age, path))
        for number, (age, path) in enumerate(sorted(kept)):
            if age > OLDEST or number >= MAX_FILES - 1:
                with suppress(OSError):
                    path.unlink()

    def _with_former(
        self, contacts: Sequence[KnownHost], round_trips: Mapping[KnownHost, float], now: float
    ) -> list[Kept]:
        """These, and as many of those kept before as there is room for: a short run meets only a few."""
        kept = {contact: Kept(contact, now, round_trips.get(contact)) for contact in contacts}
        try:
            former = self._parse(self._content())
        except (OSError, *DAMAGE):
            former = []  # who reads it tells of that
        for one in sorted(former, key=lambda one: -one.seen):
            if now - one.seen < OLDEST:
                kept.setdefault(one.contact, one)
        return list(kept.values())[:MAX_CONTACTS]

    def _parse(self, content: bytes) -> list[Kept]:
        import json  # noqa: PLC0415 - as in `write`

        if len(content) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES} bytes")
        found: Any = json.loads(content)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError("it is not a list of contacts")
        if found.get("network") != self.network:
            raise ValueError(f"it is another network's: {found.get('network')!r}")
        contacts = [KnownHost.parse(text) for text in found["contacts"]]
        if any(contact.family is None or contact.is_any or not contact.port for contact in contacts):
            raise ValueError("what it holds are not all addresses")
        columns = [
            _numbers(found.get(name), len(contacts), most)
            for name, most in (("seen", time.time()), ("round_trips", LONGEST))
        ]
        if None in columns[0]:  # as earlier versions wrote it: all were good then
            (columns[0],) = [_numbers([found.get("saved")] * len(contacts), len(contacts), time.time())]
        kept: dict[KnownHost, Kept] = {}
        for contact, seen, round_trip in zip(contacts, *columns, strict=True):
            kept.setdefault(contact, Kept(contact, seen or 0.0, round_trip))
        return list(kept.values())[:MAX_CONTACTS]

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_suffix(".damaged")
        try:
            os.replace(self.path, aside)
        except OSError as failure:
            log.warning("%s is damaged (%s), and cannot be set aside: %s", self.path, error, failure)
        else:
            log.warning("%s is damaged, and was set aside as %s: %s", self.path, aside.name, error)


def _numbers(column: object, length: int, most: float) -> list[float | None]:
    """A column of a file, with None for each entry that is not a number from 0 to `most`, or is missing."""
    found = column if isinstance(column, list) and len(column) == length else [None] * length
    return [
        float(one)
        if isinstance(one, (int, float)) and not isinstance(one, bool) and 0 <= one <= most
        else None
        for one in found
    ]
