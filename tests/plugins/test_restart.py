"""A mainline node that starts again where its bootstrap contacts are gone: it remembers others."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitboot_btdht.testnet import Testnet

from bitboot_core import BitBoot, BootstrapFailed, KnownHost


async def test_a_node_finds_its_network_by_those_it_knew(tmp_path: Path, unused_udp_port: int) -> None:
    dead = [KnownHost("127.0.0.1", unused_udp_port)]
    async with Testnet(8) as testnet:
        listen = "127.0.0.1:0"
        async with BitBoot(bootstrap=testnet.bootstrap, listen=listen, state_dir=tmp_path) as bitboot:
            await bitboot.ready()
            await bitboot.announce_peer("swarm", KnownHost("", 6881))
        assert (tmp_path / "contacts-mainline.json").is_file()
        async with BitBoot(bootstrap=dead, listen=listen, state_dir=tmp_path) as bitboot:
            await bitboot.ready()
            assert [peer.port for peer in await bitboot.lookup("swarm")] == [6881]
        async with BitBoot(bootstrap=dead, listen=listen, state_dir=False) as bitboot:
            with pytest.raises(BootstrapFailed):
                await bitboot.ready(timeout=0.5)


async def test_the_engine_is_at_hand() -> None:
    async with BitBoot(bootstrap=[], listen="127.0.0.1:0") as bitboot:
        node = bitboot.backend("mainline").node  # type: ignore[attr-defined]
        assert node.extensions is not None
