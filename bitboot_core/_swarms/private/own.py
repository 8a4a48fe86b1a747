"""Who a program is in a private swarm: its keys there, and its identity, as it says itself or as kept."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ..._networks.kept_contacts import folder_for
from ...config import BitBootConfig
from ...identity import Identity
from .epochs import Epochs
from .secret import SwarmSecret

FILE = "identity"
"""Its name in the state folder."""


@dataclass(frozen=True, slots=True, repr=False)
class Own:
    """What it takes to be a member. `static`: the key for handshakes; `public`: what others see of it."""

    epochs: Epochs
    identity: Identity
    static: X25519PrivateKey
    public: bytes


def own_keys(name: str, secret: SwarmSecret, config: BitBootConfig) -> Own:
    """What this program is in the swarm `name`. Blocks. Raises InvalidConfig."""
    static = X25519PrivateKey.generate()
    epochs = Epochs(name, secret.for_name(name))
    return Own(epochs, own_identity(config), static, static.public_key().public_bytes_raw())


def own_identity(config: BitBootConfig) -> Identity:
    """The identity that a program's settings mean: given, kept in its folder, or new where nothing is kept.

    Blocks. Raises InvalidConfig, LibraryMissing.
    """
    if config.identity is not None:
        return config.identity
    folder = folder_for(config.state_dir)
    return Identity.load(folder / FILE) if folder else Identity.generate()
