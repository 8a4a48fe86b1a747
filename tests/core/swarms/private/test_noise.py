"""The handshake against vectors of others: of XX, NNpsk0, XXpsk3, XXpsk0+psk3 and XXpsk0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bitboot_core._swarms.private.noise import NAME, XX_PSK0, CipherState, Handshake, NoiseError

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "noise.json").read_text("utf-8"))[
    "vectors"
]

XX = ("e", "e ee s es", "s se")
PATTERNS = {
    "XX": XX,
    "NNpsk0": ("psk e", "e ee"),
    "XXpsk3": ("e", "e ee s es", "s se psk"),
    "XXpsk0": XX_PSK0,
    "XXpsk0+psk3": ("psk e", "e ee s es", "s se psk"),
}


def private(raw: str | None) -> X25519PrivateKey | None:
    return None if raw is None else X25519PrivateKey.from_private_bytes(bytes.fromhex(raw))


def side(vector: dict[str, Any], who: str) -> Handshake:
    """The initiator ("init") or the responder ("resp") of a vector."""
    name = vector["protocol_name"]
    psks = vector.get(f"{who}_psks") or ([vector["psk"]] if "psk" in vector else [])
    return Handshake(
        initiates=who == "init",
        static=private(vector.get(f"{who}_static")),
        ephemeral=private(vector[f"{who}_ephemeral"]),
        prologue=bytes.fromhex(vector.get("prologue") or vector[f"{who}_prologue"]),
        psks=[bytes.fromhex(psk) for psk in psks],
        name=name.encode(),
        pattern=PATTERNS[name.split("_")[1]],
    )


def test_there_is_one_of_each() -> None:
    assert {one["protocol_name"].split("_")[1] for one in VECTORS} == set(PATTERNS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["protocol_name"])
def test_each_vector(vector: dict[str, Any]) -> None:
    sides = {"initiator": side(vector, "init"), "responder": side(vector, "resp")}
    names = list(sides)
    handshakes = len(PATTERNS[vector["protocol_name"].split("_")[1]])
    states: dict[str, tuple[CipherState, CipherState]] = {}
    for number, message in enumerate(vector["messages"]):
        payload, sealed = bytes.fromhex(message["payload"]), bytes.fromhex(message["ciphertext"])
        sender = message.get("from", names[number % 2])
        receiver = names[1 - names.index(sender)]
        if number < handshakes:
            assert sides[sender].write(payload) == sealed
            assert sides[receiver].read(sealed) == payload
            continue
        if not states:
            states = {name: one.split() for name, one in sides.items()}
            assert sides["initiator"].hash == sides["responder"].hash
            if "handshake_hash" in vector:
                assert sides["initiator"].hash.hex() == vector["handshake_hash"]
        assert states[sender][0].encrypt(b"", payload) == sealed
        assert states[receiver][1].decrypt(b"", sealed) == payload
    assert states


def pair(psk: bytes = bytes(32), other_psk: bytes = bytes(32)) -> tuple[Handshake, Handshake]:
    return (
        Handshake(initiates=True, static=X25519PrivateKey.generate(), psks=[psk]),
        Handshake(initiates=False, static=X25519PrivateKey.generate(), psks=[other_psk]),
    )


def test_a_copy_goes_on_from_where_it_was_made() -> None:
    one, other = pair()
    other.skip_psk()
    first = one.write(b"hello")
    for _ in range(2):  # each copy opens it as if it were the first to
        assert other.copy().read(first) == b"hello"
    assert other.read(first) == b"hello"
    assert one.read(other.write(b"yes")) == b"yes"
    before = other.copy()
    assert other.read(one.write(b"done")) == b"done"
    assert other.their_static is not None
    assert before.their_static is None


@pytest.mark.parametrize("number", range(3))
def test_every_byte_counts(number: int) -> None:
    for position in range(0, 96, 7):
        sides = pair()
        for step in range(number + 1):
            writer, reader = sides[step % 2], sides[1 - step % 2]
            message = writer.write(bytes(60))
            if step == number:
                changed = bytearray(message)
                changed[position % len(message)] ^= 1
                with pytest.raises(NoiseError):
                    reader.read(bytes(changed))
            else:
                reader.read(message)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 47])
def test_what_is_cut_off_is_none(length: int) -> None:
    one, other = pair()
    with pytest.raises(NoiseError):
        other.read(one.write(b"")[:length])


def test_whoever_has_another_psk_is_not_understood() -> None:
    one, other = pair(other_psk=b"x" * 32)
    with pytest.raises(NoiseError):
        other.read(one.write(b""))


def test_keys_of_small_order_are_none() -> None:
    """Whatever our key is, they give zeros (RFC 7748, section 6.1)."""
    one, other = pair()
    one._ephemeral = X25519PrivateKey.generate()
    state = one._state
    one._psk()
    state.mix_hash(bytes(32))
    state.mix_key(bytes(32))
    assert other.read(bytes(32) + state.seal(b"")) == b""
    with pytest.raises(NoiseError, match="no key"):
        other.write(b"")


def test_the_name_is_the_protocol_s() -> None:
    assert NAME == b"Noise_XXpsk0_25519_ChaChaPoly_SHA256"
