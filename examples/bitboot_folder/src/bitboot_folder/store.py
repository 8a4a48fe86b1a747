"""Announcements as files: FOLDER/KEY/ENDPOINT-EXPIRY.json. Everything here blocks.

A file is never changed. It is written under another name and then renamed, so that nobody sees
half of it, and its own name says when it ends. A renewal is a new file, after which the earlier
ones are deleted; what has expired may be deleted by anybody, since its name can never come to life again.
So any number of processes can write, read and tidy up at once, without a lock.

Names are made of hexadecimal digits, which every file system takes. Times are seconds since 1970,
by the clocks of all the machines that share the folder: they should agree within a few seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from bitboot_core import AnnounceFailed, BitBootError, KnownHost

MAX_LIFETIME = 86_400.0
"""The longest that an announcement lives, in seconds. A file that claims to live longer is ignored."""

MAX_FILES = 10_000
"""How many files of one key are looked at; an announcement that would add another is refused."""

MAX_BYTES = 512
"""The longest announcement: a DNS name, a port and some JSON around them."""

CLOCK_SKEW = 60.0
"""How far the clocks of the machines may be apart: what has expired is deleted this much later."""

ABANDONED = 3600.0
"""A file that was not renamed within an hour never will be: its writer has died."""

ATTEMPTS = 100
"""Tries to write into a key's folder that others, finding it empty, remove at the same moment."""

MAX_KEYS = 1_000
"""How many keys are tidied up when the folder is opened."""

_KEY = re.compile(r"(?:[0-9a-f]{2})+")
_NAME = re.compile(r"([0-9a-f]{32})-([0-9]{1,16})\.json")
_UNFINISHED = "unfinished-"


class Store:
    """The announcements in `root`, a folder that may be shared with anybody. `now` is always the time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, now: float) -> None:
        """Make the folder where it does not exist, and tidy up. Raises OSError where it cannot write."""
        self.root.mkdir(parents=True, exist_ok=True)
        probe = self.root / f"{_UNFINISHED}{secrets.token_hex(8)}"
        probe.touch(exist_ok=False)
        probe.unlink()
        for entry in _entries(self.root, MAX_KEYS):
            if _KEY.fullmatch(entry.name):
                self._tidy(Path(entry.path), now)
                _remove_if_empty(Path(entry.path))

    def add(self, key: bytes, endpoint: KnownHost, expires: float, now: float) -> None:
        """Keep `endpoint` under `key` until `expires`. Raises OSError, AnnounceFailed where it is full."""
        folder = self._folder(key)
        self._tidy(folder, now)
        digest = _digest(endpoint)
        names = self.names(key, now)
        if len(names) >= MAX_FILES and not any(name.startswith(digest) for name in names):
            raise AnnounceFailed(f"{folder} is full: it holds {MAX_FILES} announcements")
        milliseconds = int(expires * 1000)
        name = f"{digest}-{milliseconds}.json"
        content = json.dumps({"host": endpoint.host, "port": endpoint.port})
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._write(folder, name, content)
                break
            except (FileNotFoundError, FileExistsError):
                # Somebody removed the folder, which was empty: before the file came, or while mkdir looked.
                if attempt == ATTEMPTS:
                    raise
        # Not those that end later: they are of others, who announce the same and do the same.
        self._delete(key, endpoint, before=milliseconds / 1000)

    def _write(self, folder: Path, name: str, content: str) -> None:
        folder.mkdir(exist_ok=True)
        unfinished = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            # Not a temporary file of the library's, which only its owner could read.
            with unfinished.open("x", encoding="utf-8") as file:
                file.write(content)
            os.replace(unfinished, folder / name)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def remove(self, key: bytes, endpoint: KnownHost) -> None:
        """Forget `endpoint` under `key`, if it is there."""
        self._delete(key, endpoint)
        _remove_if_empty(self._folder(key))

    def _delete(self, key: bytes, endpoint: KnownHost, before: float = math.inf) -> None:
        digest = _digest(endpoint)
        for entry in _entries(self._folder(key)):
            match = _NAME.fullmatch(entry.name)
            if match and match[1] == digest and _expires(match) < before:
                _unlink(entry.path)

    def names(self, key: bytes, now: float) -> list[str]:
        """The names of the files under `key` that have not expired."""
        return [entry.name for entry in _entries(self._folder(key)) if _is_alive(entry, now)]

    def read(self, key: bytes, names: Sequence[str]) -> tuple[list[KnownHost], bool]:
        """The endpoints in these files, and whether a file has gone since they were listed.

        One that has gone may have been renewed meanwhile, under a name that the list does not have.
        What is no announcement is ignored: anybody may put anything there.
        """
        found, gone = [], False
        for name in names:
            try:
                with (self._folder(key) / name).open("rb") as file:
                    content = file.read(MAX_BYTES + 1)
                endpoint = _parse(content)
            except FileNotFoundError:
                gone = True
            except (OSError, ValueError, TypeError, KeyError, RecursionError, BitBootError):
                continue
            else:
                if name.startswith(_digest(endpoint)):
                    found.append(endpoint)
        return found, gone

    def _tidy(self, folder: Path, now: float) -> None:
        """Delete what has expired, and what its writer never finished."""
        for entry in _entries(folder):
            match = _NAME.fullmatch(entry.name)
            if match and _expires(match) < now - CLOCK_SKEW:
                _unlink(entry.path)
            elif entry.name.startswith(_UNFINISHED):
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < now - ABANDONED:
                        _unlink(entry.path)

    def _folder(self, key: bytes) -> Path:
        return self.root / key.hex()


def _entries(folder: Path, limit: int = MAX_FILES) -> Iterator[os.DirEntry[str]]:
    """At most so many entries of a folder; none where it does not exist."""
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(limit), entries, strict=False):
                yield entry
    except (FileNotFoundError, NotADirectoryError):
        return


def _expires(name: re.Match[str]) -> float:
    return int(name[2]) / 1000


def _is_alive(entry: os.DirEntry[str], now: float) -> bool:
    """Whether a file's name is that of an announcement for some time between now and the longest."""
    match = _NAME.fullmatch(entry.name)
    if match is None or not now < _expires(match) <= now + MAX_LIFETIME + CLOCK_SKEW:
        return False
    try:
        return entry.is_file(follow_symlinks=False)  # to open a pipe would block
    except OSError:
        return False


def _parse(content: bytes) -> KnownHost:
    if len(content) > MAX_BYTES:
        raise ValueError("too long")
    fields = json.loads(content)
    endpoint = KnownHost(fields["host"], fields["port"])
    if endpoint.is_any or endpoint.port == 0:
        raise ValueError("nobody can be reached there")
    return endpoint


def _digest(endpoint: KnownHost) -> str:
    """32 hexadecimal digits that stand for an endpoint in the names of its files."""
    return hashlib.blake2s(str(endpoint).encode(), digest_size=16).hexdigest()


def _unlink(path: str) -> None:
    # Somebody else was quicker; or, on Windows, somebody has it open: then it expires by itself.
    with contextlib.suppress(OSError):
        os.unlink(path)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is not empty, or gone already
        folder.rmdir()
