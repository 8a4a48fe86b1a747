"""Secrets: read, made, stretched, and never shown."""

from __future__ import annotations

import pickle
import unicodedata

import pytest

from bitboot_core import InvalidConfig, InvalidSwarmName
from bitboot_core._swarms.keys import SwarmKey
from bitboot_core._swarms.private.secret import SwarmSecret, checked_secret, private_name

TEXT = "bbs1aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
PHRASE = "correct horse battery staple"
"""Both of the protocol's page."""


def test_it_is_read_from_text() -> None:
    secret = SwarmSecret(TEXT)
    assert secret.for_name("whatever") == bytes(range(32))
    assert secret.reveal() == TEXT
    assert SwarmSecret(f" {TEXT.upper()}\n") == secret


def test_a_passphrase_is_stretched_for_each_name() -> None:
    secret = SwarmSecret.from_passphrase(PHRASE)
    assert secret.for_name("unique_network").hex() == (
        "530203b32cdb28750d856f721c3efffe4696c18ec34f718926e1cc706b81862c"
    )
    assert secret.for_name("another") != secret.for_name("unique_network")
    assert secret.reveal() == PHRASE


def test_two_that_are_made_differ() -> None:
    made = SwarmSecret.generate()
    assert SwarmSecret(made.reveal()) == made
    assert hash(SwarmSecret(made.reveal())) == hash(made)
    assert made != SwarmSecret.generate()
    assert made != made.reveal()
    assert SwarmSecret.from_passphrase(PHRASE) == SwarmSecret.from_passphrase(PHRASE) != made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bbs1",
        TEXT[:-1],
        TEXT + "a",
        TEXT[:-1] + "r",
        "bbs2" + TEXT[4:],
        TEXT.replace("q", "1"),
        None,
        b"x",
    ],
    ids=["empty", "nothing", "short", "long", "spare bits", "version", "no base32", "None", "bytes"],
)
def test_what_is_no_secret_is_refused_and_not_shown(text: object) -> None:
    with pytest.raises(InvalidConfig, match="not a swarm's secret") as caught:
        SwarmSecret(text)  # type: ignore[arg-type]
    assert caught.value.hint
    assert "aaaqeaye" not in f"{caught.value} {caught.value.hint}"


def test_short_passphrases_are_refused() -> None:
    for short in ("", "elf letters", "a\u0308" * 11):
        with pytest.raises(InvalidConfig, match="12 characters"):
            SwarmSecret.from_passphrase(short)
    SwarmSecret.from_passphrase("twelve chars")


def test_the_same_letters_are_the_same_passphrase() -> None:
    words = "grüße aus zürich"
    decomposed = unicodedata.normalize("NFD", words)
    assert decomposed != words
    assert SwarmSecret.from_passphrase(decomposed) == SwarmSecret.from_passphrase(words)


@pytest.mark.parametrize("secret", [SwarmSecret(TEXT), SwarmSecret.from_passphrase(PHRASE)])
def test_nothing_shows_it(secret: SwarmSecret) -> None:
    shown = f"{secret} {secret!r} {[secret]} {secret:}"
    assert not any(part in shown for part in ("aaaqeaye", "horse", "0001"))
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_only_a_secret_will_do() -> None:
    secret = SwarmSecret(TEXT)
    assert checked_secret(secret) is secret
    with pytest.raises(InvalidConfig, match="takes a SwarmSecret, not str") as caught:
        checked_secret(TEXT)
    assert TEXT not in str(caught.value)


def test_names_are_taken_in_one_form() -> None:
    assert private_name(unicodedata.normalize("NFD", "büro")) == "büro"
    for wrong in (SwarmKey(bytes(20)), "", None):
        with pytest.raises(InvalidSwarmName):
            private_name(wrong)  # type: ignore[arg-type]
