"""The secrets of private swarms: files of the daemon's own. Clients name them, and never send or see one."""

from __future__ import annotations

import re
from pathlib import Path

from bitboot_core import InvalidConfig, SwarmSecret

from .problems import NotFound

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
MAX_BYTES = 4096


class Secrets:
    """A folder with a file for each secret, as `bitboot secret new --secret-file F` writes them."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, tuple[str, SwarmSecret]] = {}  # passphrases take long to stretch

    def read(self, name: str) -> SwarmSecret:
        """The secret in that file. Blocks. Raises NotFound or InvalidConfig, which do not show it."""
        if not NAME.fullmatch(name):
            raise InvalidConfig(
                f"{name!r:.80} cannot be a secret's name", hint="give the name of its file alone"
            )
        if self._folder is None:
            raise NotFound("this daemon has no folder of secrets", hint="start it with --secrets FOLDER")
        path = self._folder / name
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1).decode("utf-8").strip()
        except FileNotFoundError:
            raise NotFound(f"this daemon has no secret named {name}", hint="ask whoever runs it") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfig(f"the secret {name} cannot be read: {type(error).__name__}") from None
        known = self._known.get(name)
        if known is None or known[0] != text:
            secret = (
                SwarmSecret(text) if text.lower().startswith("bbs1") else SwarmSecret.from_passphrase(text)
            )
            self._known[name] = known = text, secret
        return known[1]
