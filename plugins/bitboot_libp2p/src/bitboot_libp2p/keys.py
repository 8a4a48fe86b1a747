"""The key pair that makes a host who it is, kept in the state folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from libp2p.crypto.ed25519 import Ed25519PrivateKey, create_new_key_pair
from libp2p.crypto.keys import KeyPair

from bitboot_core.aio.logs import logger

SEED_BYTES = 32

_log = logger(__name__)


def key_pair(folder: Path | None, network: str) -> Any:
    """The key pair of this network's host: the one that is kept, or a new one. Never raises."""
    if folder is None:
        return create_new_key_pair()
    path = folder / f"libp2p-{network}.key"
    try:
        seed = path.read_bytes()
        if len(seed) == SEED_BYTES:
            private = Ed25519PrivateKey.from_bytes(seed)
            return KeyPair(private, private.get_public_key())
        _log.warning("%s holds no key: a new one is made", path)
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning("the key in %s cannot be read: %s", path, error)
    pair = create_new_key_pair()
    _write(path, pair.private_key.to_bytes())
    return pair


def _write(path: Path, seed: bytes) -> None:
    temporary = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(".tmp", path.stem, path.parent)  # readable by its owner only
        with os.fdopen(handle, "wb") as file:
            file.write(seed)
        os.replace(temporary, path)
    except OSError as error:
        _log.warning("the key of this host is not kept: %s", error)
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
