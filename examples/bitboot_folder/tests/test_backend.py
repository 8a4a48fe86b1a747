"""Which folder it is, and what happens where it cannot be used."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bitboot_folder.backend import FolderBackend, folder_of, own_host

from bitboot_core import BackendConfig, BackendUnavailable, BitBoot, KnownHost

KEY = b"k" * 20


def config(state_dir: Path | None = None, listen: KnownHost | None = None) -> BackendConfig:
    return BackendConfig(network="folder", protocol="folder", state_dir=state_dir, listen=listen)


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITBOOT_FOLDER", str(tmp_path / "shared"))
    assert folder_of(config(tmp_path)) == tmp_path / "shared"


def test_else_it_lies_in_the_program_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BITBOOT_FOLDER", raising=False)
    assert folder_of(config(tmp_path)) == tmp_path / "folder"


def test_without_a_folder_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BITBOOT_FOLDER", raising=False)
    with pytest.raises(BackendUnavailable, match="has no folder") as caught:
        asyncio.run(FolderBackend(config()).start())
    assert "set BITBOOT_FOLDER" in caught.value.hint


def test_a_folder_that_cannot_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("BITBOOT_FOLDER", str(tmp_path / "file"))
    with pytest.raises(BackendUnavailable, match="cannot be used"):
        asyncio.run(FolderBackend(config()).start())


def test_an_address_that_is_left_out_is_the_one_it_listens_on() -> None:
    assert own_host(KnownHost("192.0.2.7", 0)) == "192.0.2.7"
    for listen in (None, KnownHost("0.0.0.0", 6881)):
        assert KnownHost(own_host(listen), 0).family == 4
        assert not KnownHost(own_host(listen), 0).is_any


def test_a_renewal_in_the_middle_of_a_lookup_hides_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files it has listed are gone when it comes to read them."""
    monkeypatch.delenv("BITBOOT_FOLDER", raising=False)
    peers = [KnownHost("192.0.2.7", port) for port in (1, 2, 3)]

    async def look() -> set[KnownHost]:
        backend = FolderBackend(config(tmp_path))
        await backend.start()
        for peer in peers:
            await backend.announce(KEY, peer, lifetime=60)
        found: set[KnownHost] = set()
        async for peer in backend.lookup(KEY):
            if not found:
                for other in peers:
                    await backend.announce(KEY, other, lifetime=90)
            found.add(peer)
        await backend.aclose()
        return found

    assert asyncio.run(look()) == set(peers)


def test_through_the_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BITBOOT_FOLDER", raising=False)

    async def meet() -> list[str]:
        async with (
            BitBoot(network="folder", state_dir=tmp_path) as one,
            BitBoot(network="folder", state_dir=tmp_path) as other,
        ):
            await one.announce_peer("unique_network", KnownHost("127.0.0.1", 6881))
            return [f"{peer} from {', '.join(peer.sources)}" for peer in await other.lookup("unique_network")]

    assert asyncio.run(meet()) == ["127.0.0.1:6881 from folder"]
