"""Where the socket is, and the folders of the daemon's own files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import platformdirs

VARIABLE = "BITBOOT_SOCKET"
"""The environment's own path for the socket, for the daemon and for `bitboot lookup`."""


def socket_path(environ: Mapping[str, str] | None = None) -> Path:
    """The socket: as BITBOOT_SOCKET says, else `bitboot/serve.sock` in the user's runtime folder."""
    environ = os.environ if environ is None else environ
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    with warnings.catch_warnings():  # without XDG_RUNTIME_DIR, as under cron, there is a folder all the same
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("bitboot", appauthor=False) / "serve.sock"


def default_secrets() -> Path:
    """The folder of the secrets of private swarms."""
    return platformdirs.user_config_path("bitboot", appauthor=False) / "secrets"


def default_token(
    state_dir: str | os.PathLike[str] | Literal[False] | None, environ: Mapping[str, str] | None = None
) -> Path:
    """The file with the token of the TCP port, in the state folder: `state_dir` is the setting for that.

    Where nothing else is kept it is in the platform's folder: the token has to stay.
    """
    environ = os.environ if environ is None else environ
    named = state_dir or (environ.get("BITBOOT_STATE_DIR") if state_dir is None else None)
    folder = Path(named) if named else platformdirs.user_state_path("bitboot", appauthor=False)
    return folder / "serve-token"
