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

FORMAT = "bitboot-contacts-1"

log = logger(__name__)


def default_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where state is kept unless told otherwise: BITBOOT_STATE_DIR, or the platform's folder for it.

    None where the user has no folder: then nothing is kept.
    """
    environ = os.environ if environ is None else environ
    if environ.get("BITBOOT_STATE_DIR"):
        return Path(environ["BITBOOT_STATE_DIR"])
    return users_folder("state")


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
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("the contacts in %s cannot be read: %s", self.path, error)
            return []
        try:
            return self._parse(content)
        except (ValueError, TypeError, KeyError, RecursionError, InvalidEndpoint) as error:
            self._set_aside(error)
            return []

    def write(self, contacts: Sequence[KnownHost]) -> None:
        """Keep these contacts, so that a reader or a crash meets the old file or the new, never a half."""
        # Here, since tempfile brings the archive formats along, and would double the core's import.
        import json  # noqa: PLC0415
        import tempfile  # noqa: PLC0415

        content = {
            "format": FORMAT,
            "network": self.network,
            "saved": int(time.time()),
            "contacts": [str(contact) for contact in contacts[:MAX_CONTACTS]],
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
            self._sweep(time.time())
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

    def _parse(self, content: bytes) -> list[KnownHost]:
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
        return list(dict.fromkeys(contacts))[:MAX_CONTACTS]

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_suffix(".damaged")
        try:
            os.replace(self.path, aside)
        except OSError as failure:
            log.warning("%s is damaged (%s), and cannot be set aside: %s", self.path, error, failure)
        else:
            log.warning("%s is damaged, and was set aside as %s: %s", self.path, aside.name, error)
