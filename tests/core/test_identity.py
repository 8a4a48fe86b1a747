"""Who somebody is: made, kept, shown; signatures of RFC 8032's own vectors."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from bitboot_core import Identity, InvalidConfig, LibraryMissing, fingerprint, verify
from bitboot_core.identity import _verifying

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
OF_NOTHING = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)
"""RFC 8032, section 7.1, test 1: the signature of the empty message."""


def test_it_signs_as_the_rfc_says() -> None:
    identity = Identity.from_seed(SEED)
    assert identity.public_key == PUBLIC
    assert identity.sign(b"") == OF_NOTHING
    assert verify(PUBLIC, b"", OF_NOTHING)


@pytest.mark.parametrize(
    ("public_key", "message", "signature"),
    [
        (PUBLIC, b"x", OF_NOTHING),
        (PUBLIC, b"", bytes(64)),
        (PUBLIC, b"", OF_NOTHING[:-1]),
        (PUBLIC[:-1], b"", OF_NOTHING),
        (b"", b"", b""),
        (bytes(32), b"", OF_NOTHING),
    ],
    ids=["message", "signature", "short signature", "short key", "nothing", "another key"],
)
def test_what_is_no_signature_is_none(public_key: bytes, message: bytes, signature: bytes) -> None:
    assert not verify(public_key, message, signature)


@pytest.mark.parametrize("seed", [b"", SEED[:-1], SEED + b"x", SEED.hex(), None])
def test_what_is_no_seed_is_refused_and_not_shown(seed: object) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Identity.from_seed(seed)  # type: ignore[arg-type]
    assert SEED.hex()[:8] not in str(caught.value)


def test_two_that_are_made_differ_and_show_no_secret() -> None:
    one, other = Identity.generate(), Identity.generate()
    assert one != other
    assert len({one, other, Identity.from_seed(SEED), Identity.from_seed(SEED)}) == 3
    kept = Identity.from_seed(SEED)
    assert repr(kept) == f"<Identity {kept.fingerprint}>"
    assert SEED.hex()[:8] not in repr(vars(kept))


def test_the_fingerprint_is_short_and_the_key_s() -> None:
    assert fingerprint(PUBLIC) == Identity.from_seed(SEED).fingerprint == "eh7d-dx5b-ksrg-cytl"
    assert fingerprint(bytes(32)) != fingerprint(PUBLIC)


def test_it_is_kept_in_a_file_of_one_s_own(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "identity"
    made = Identity.load(file)
    assert Identity.load(file) == made
    assert Identity.load(str(file), make=False) == made
    assert [one.name for one in file.parent.iterdir()] == ["identity"]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_it_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="there is no identity") as caught:
        Identity.load(tmp_path / "identity", make=False)
    assert "bitboot identity --new" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", [True, False])
def test_all_who_make_it_at_once_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    file = tmp_path / "identity"
    if links:
        ready = threading.Barrier(8)
        found: list[Identity] = []

        def load() -> None:
            ready.wait()
            found.append(Identity.load(file))

        threads = [threading.Thread(target=load) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(found) == 8
        assert len(set(found)) == 1
    else:

        def no_links(*_: object) -> None:
            raise OSError("no hard links here")

        monkeypatch.setattr(os, "link", no_links)
        assert Identity.load(file) == Identity.load(file)
    assert [one.name for one in tmp_path.iterdir()] == ["identity"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"bitboot-identity-1\n",
        b"bitboot-identity-1\nabc\n",
        b"\xff" * 5000,
        b"bitboot-identity-9\n" + b"00" * 32,
    ],
    ids=["empty", "no seed", "short", "noise", "another format"],
)
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "identity"
    file.write_bytes(content)
    with pytest.raises(InvalidConfig, match="holds no identity"):
        Identity.load(file)
    assert file.read_bytes() == content


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file" / "identity"):
        with pytest.raises(InvalidConfig, match="cannot be used") as caught:
            Identity.load(place)
        assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("missing", ["cryptography", "cryptography.hazmat.primitives.asymmetric"])
def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    _verifying.cache_clear()
    with pytest.raises(LibraryMissing, match="cryptography") as caught:
        Identity.generate()
    assert caught.value.hint == 'pip install "bitboot-core[private]"'
    with pytest.raises(LibraryMissing):
        verify(PUBLIC, b"", OF_NOTHING)
