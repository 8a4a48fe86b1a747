"""Text of strangers: endpoints and multiaddrs, magnet links, files of kept contacts and of configuration."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path

from bitboot_core import ConfigFile, InvalidEndpoint, KnownHost
from bitboot_core._networks.kept_contacts import FORMAT, MAX_CONTACTS, ContactFile
from bitboot_core._swarms.keys import SwarmKey
from bitboot_core.errors import BitBootError, InvalidConfig, InvalidSwarmName

PEER_ID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
ENDPOINTS = [
    "router.example.org:6881",
    "192.0.2.7:6881",
    "[2001:db8::7]:6881",
    "[fe80::1%eth0]:4000",
    "[::ffff:192.0.2.1]:1",
    ":6881",
    f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER_ID}",
    "/dns6/node.example.org/tcp/4001",
    f"/ip6/2001:db8::1/tcp/4001/ipfs/{PEER_ID}",
]
MAGNETS = [
    "magnet:?xt=urn:btih:" + "c1" * 20,
    "magnet:?dn=a&xt=urn:btih:" + "A2" * 16 + "&tr=udp%3A%2F%2Fx",
    "bitboot:unique_network",
]
TOML = '''\
timeout = 10
network = "office"   # a comment
lifetime = 600.5
state_dir = false
listen = ["0.0.0.0:6881", "[::]:0"]
network_names = ["one", "two"]
[continuous_mode]
one = true
[networks.office]
protocol = "kademlia"
bootstrap = ["dht1.example.org:4000", "192.0.2.1:4000"]
description = """our
own"""
[networks.mainline]
bootstrap = [["192.0.2.7", 6881]]
'''
OLD = {
    "bootstrap_nodes": [["router.example.org", 6881], {"host": "192.0.2.1", "port": 1}, "192.0.2.2:2"],
    "network_names": ["one"],
    "continuous_mode": {"one": True, "two": False},
    "rate_limit_delay": 1,
    "networks": {"n": {"protocol": "mainline", "bootstrap": ["192.0.2.1:4000"]}},
}

FOLDER = Path(tempfile.mkdtemp(prefix="bitboot-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))

# The warnings of damaged files are as they should be, and millions.
logging.getLogger("bitboot_core").setLevel(logging.CRITICAL)


def seeds() -> list[bytes]:
    kept = {
        "format": FORMAT,
        "network": "mainline",
        "saved": 1,
        "contacts": ["192.0.2.7:6881", "[2001:db8::7]:6881"],
    }
    return [
        *(b"\x00" + one.encode() for one in ENDPOINTS),
        *(b"\x01" + one.encode() for one in MAGNETS),
        b"\x02" + json.dumps(kept).encode(),
        b"\x03" + TOML.encode(),
        b"\x04" + json.dumps(OLD).encode(),
    ]


def one_input(data: bytes) -> None:
    kind, rest = data[:1], data[1:]
    if kind == b"\x00":
        _endpoint(rest.decode("utf-8", "surrogateescape"))
    elif kind == b"\x01":
        _key(rest.decode("utf-8", "surrogateescape"))
    elif kind == b"\x02":
        _contacts(rest)
    elif kind == b"\x03":
        _configuration(FOLDER / "config.toml", rest)
    elif kind == b"\x04":
        _configuration(FOLDER / "config.json", rest)


def _endpoint(text: str) -> None:
    try:
        host = KnownHost.parse(text)
    except InvalidEndpoint as error:
        assert str(error).isprintable(), "an error that says raw what a stranger wrote"
        assert error.hint
        return
    _check(host)


def _check(host: KnownHost) -> None:
    assert KnownHost.parse(str(host)) == host, f"{host!r} is written as another"
    assert str(host).isprintable()
    host.host.encode("idna")  # as whoever resolves it does
    assert not host.host.startswith("-")


def _key(text: str) -> None:
    try:
        key = SwarmKey.parse(text)
    except InvalidSwarmName as error:
        assert str(error).isprintable()
        return
    assert len(key.value) == 20
    assert SwarmKey.parse(str(key)) == key


def _contacts(content: bytes) -> None:
    file = ContactFile(FOLDER / "contacts-mainline.json", "mainline")
    file.path.write_bytes(content)
    contacts = file.read()
    assert len(contacts) <= MAX_CONTACTS
    for contact in contacts:
        _check(contact)
        assert contact.family
        assert contact.port
    assert contacts or not file.path.exists() or b"[" in content, "damaged, and not set aside"


def _configuration(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        config = ConfigFile.read(path)
    except InvalidConfig as error:
        assert str(error).startswith(str(path)), "an error that does not name the file"
        assert error.hint
        return
    for look in (config.definitions, config.config):
        try:
            look()
        except BitBootError as error:
            assert error.hint
