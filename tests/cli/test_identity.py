"""`bitboot identity`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitboot_core import Identity

from .conftest import Cli


def test_it_is_made_on_request_then_shown(cli: Cli, tmp_path: Path) -> None:
    asked = cli("identity", "--state-dir", str(tmp_path), "--json")
    assert asked.status == 2
    assert asked.events[0]["error"] == "InvalidConfig"
    assert "--new" in asked.events[0]["hint"]
    assert not list(tmp_path.iterdir())

    (made,) = cli("identity", "--new", "--state-dir", str(tmp_path), "--json").events
    kept = Identity.load(tmp_path / "identity", make=False)
    assert made == {
        "event": "identity",
        "public_key": kept.public_key.hex(),
        "fingerprint": kept.fingerprint,
        "file": str(tmp_path / "identity"),
        "new": True,
    }
    for words in ([], ["--new"]):
        (again,) = cli("identity", *words, "--state-dir", str(tmp_path), "--json").events
        assert again == {**made, "new": False}
    shown = cli("identity", "--state-dir", str(tmp_path))
    assert shown.out.startswith(f"identity: {kept.fingerprint}, public key {kept.public_key.hex()}, in ")


def test_it_may_be_in_a_file_of_any_name(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "me"
    (made,) = cli("identity", "--new", "--key-file", str(file), "--json").events
    assert made["public_key"] == Identity.load(file, make=False).public_key.hex()


def test_it_is_the_user_s_own_by_default(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(tmp_path))
    (made,) = cli("identity", "--new", "--json").events
    assert made["file"] == str(tmp_path / "identity")


def test_without_a_folder_it_asks_for_a_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitboot_core._networks.kept_contacts.default_folder", lambda: None)
    result = cli("identity", "--new")
    assert result.status == 2
    assert "--key-file" in result.err
