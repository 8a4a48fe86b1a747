"""Where the socket is, and the folders of the daemon's own files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

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


def default_token() -> Path:
    """The file with the token of the TCP port."""
    return platformdirs.user_state_path("bitboot", appauthor=False) / "serve-token"
