"""Real mainline peers to test against: libtorrent sessions on loopback, which know only each other."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import libtorrent as lt

from bitboot_core import KnownHost

from .conftest import PATIENCE


class Sampled(NamedTuple):
    """What libtorrent was told of a node's keys, and how many nodes with it."""

    keys: set[bytes]
    stored: int
    interval: float
    nodes: int


class Session:
    """One libtorrent session that runs a DHT node and nothing else."""

    def __init__(self, host: str = "127.0.0.1", *, overrides: dict[str, Any] | None = None) -> None:
        listen = f"[{host}]:0" if ":" in host else f"{host}:0"
        self.host = host
        self._session = lt.session(  # type: ignore[call-overload]
            {
                "listen_interfaces": listen,
                "enable_dht": True,
                "dht_bootstrap_nodes": "",  # else it goes to the public routers
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
                "dht_restrict_routing_ips": False,
                "dht_restrict_search_ips": False,
                "dht_ignore_dark_internet": False,
                "dht_enforce_node_id": False,
                "dht_prefer_verified_node_ids": False,
                "dht_block_ratelimit": 1_000_000,
                "dht_upload_rate_limit": 100_000_000,
                "alert_mask": lt.alert.category_t.dht_notification
                | lt.alert.category_t.dht_operation_notification
                | lt.alert.category_t.status_notification,
                **(overrides or {}),
            }
        )
        self._announced: set[tuple[Any, int]] = set()
        self.port = 0
        self._pump(self._listening, "to listen")

    def _listening(self) -> bool:
        for alert in self._take(lt.listen_succeeded_alert):
            if alert.socket_type == lt.socket_type_t.utp or "UDP" in alert.message().upper():
                self.port = alert.port
        return bool(self.port)

    @property
    def address(self) -> KnownHost:
        return KnownHost(self.host, self.port)

    def know(self, contacts: Iterable[KnownHost]) -> None:
        """Give it contacts to join through."""
        for contact in contacts:
            self._session.add_dht_node((contact.host, contact.port))

    def nodes(self) -> int:
        """How many contacts are in its routing table."""
        self._session.post_dht_stats()
        seen = -1

        def arrived() -> bool:
            nonlocal seen
            for alert in self._take(lt.dht_stats_alert):
                seen = sum(bucket["num_nodes"] for bucket in alert.routing_table)
            return seen >= 0

        self._pump(arrived, "to tell its routing table")
        return seen

    def knows(self, count: int) -> bool:
        """Whether it has so many contacts."""
        return self.nodes() >= count

    def announce(self, info_hash: bytes, port: int, *, seed: bool = False) -> None:
        """Announce; takes effect when other nodes have stored it (see `Swarm.announce`)."""
        self._session.dht_announce(lt.sha1_hash(info_hash), port, int(seed))

    def stored(self, info_hash: bytes, port: int) -> bool:
        """Whether somebody has announced this to us."""
        self._take()
        return (lt.sha1_hash(info_hash), port) in self._announced

    def get_peers(
        self, info_hash: bytes, wanted: set[tuple[str, int]], seconds: float
    ) -> set[tuple[str, int]]:
        """Look up, until all `wanted` peers are found or the time is up; what was found."""
        found: set[tuple[str, int]] = set()
        asked = lt.sha1_hash(info_hash)
        end = time.monotonic() + seconds
        self._session.dht_get_peers(asked)
        while not wanted <= found and (left := end - time.monotonic()) > 0:
            self._session.wait_for_alert(int(min(left, 0.25) * 1000) + 1)
            for alert in self._take(lt.dht_get_peers_reply_alert):
                if alert.info_hash == asked:
                    found.update((str(host), port) for host, port in alert.peers())
        return found

    def sample(self, node: KnownHost, target: bytes) -> Sampled:
        """What a node shows of the keys that it stores (BEP 51)."""
        self._session.dht_sample_infohashes((node.host, node.port), lt.sha1_hash(target))
        found: list[Sampled] = []

        def arrived() -> bool:
            for alert in self._take(lt.dht_sample_infohashes_alert):
                keys = {one.to_bytes() for one in alert.samples}
                seconds = alert.interval.total_seconds()
                found.append(Sampled(keys, alert.num_infohashes, seconds, alert.num_nodes))
            return bool(found)

        self._pump(arrived, "to sample keys")
        return found[0]

    # For benchmarks

    def begin(self, info_hash: bytes) -> None:
        """Begin a lookup; `replied` tells of it."""
        self._session.dht_get_peers(lt.sha1_hash(info_hash))

    def replied(self) -> list[bytes]:
        """The info-hashes for which peers have arrived since the last call, after a short wait for some."""
        self._session.wait_for_alert(20)
        alerts = self._take(lt.dht_get_peers_reply_alert)
        return [alert.info_hash.to_bytes() for alert in alerts if alert.num_peers()]

    def first_peers(self, info_hash: bytes, seconds: float) -> set[tuple[str, int]]:
        """Look up until the first reply with peers; these."""
        asked = lt.sha1_hash(info_hash)
        end = time.monotonic() + seconds
        self._session.dht_get_peers(asked)
        while (left := end - time.monotonic()) > 0:
            self._session.wait_for_alert(int(left * 1000) + 1)
            for alert in self._take(lt.dht_get_peers_reply_alert):
                if alert.info_hash == asked and (peers := alert.peers()):
                    return {(str(host), port) for host, port in peers}
        return set()

    def datagrams(self) -> int:
        """DHT messages sent and received so far."""
        self._session.post_session_stats()
        counted: list[int] = []

        def arrived() -> bool:
            for alert in self._take(lt.session_stats_alert):
                counted.append(sum(alert.values[f"dht.dht_messages_{way}"] for way in ("in", "out")))
            return bool(counted)

        self._pump(arrived, "to tell its counters")
        return counted[-1]

    def idle(self) -> None:
        """Wait until its counters stand still: what was begun has ended."""
        before = -1
        while (now := self.datagrams()) != before:
            before = now
            time.sleep(0.005)

    def wait_for_alert(self) -> None:
        """Wait a moment, or less where there is something to look at."""
        self._session.wait_for_alert(20)

    def put(self, value: Any) -> bytes:
        """Store an immutable item (BEP 44); returns its target once some node has it."""
        target = self._session.dht_put_immutable_item(value)

        def done() -> bool:
            return any(alert.num_success > 0 for alert in self._take(lt.dht_put_alert))

        self._pump(done, "to store an item")
        return bytes(target.to_bytes())

    def get_item(self, target: bytes) -> Any:
        """Get an immutable item (BEP 44)."""
        wanted = lt.sha1_hash(target)
        found: list[Any] = []

        def arrived() -> bool:
            found.extend(
                alert.item for alert in self._take(lt.dht_immutable_item_alert) if alert.target == wanted
            )
            return bool(found)

        self._session.dht_get_immutable_item(wanted)
        self._pump(arrived, "to get an item")
        return found[0]

    def put_signed(self, seed: bytes, public_key: bytes, value: bytes, salt: bytes = b"") -> int:
        """Publish the next version of a mutable item (BEP 44); its number, once some node has it."""
        put: list[int] = []

        def done() -> bool:
            for alert in self._take(lt.dht_put_alert):
                if alert.public_key == public_key and alert.salt == salt:
                    put.extend([alert.seq] if alert.num_success else [])
            return bool(put)

        # Its private keys are what RFC 8032 makes of the seed (section 5.1.5).
        expanded = bytearray(hashlib.sha512(seed).digest())
        expanded[0] &= 248
        expanded[31] = (expanded[31] & 127) | 64
        self._session.dht_put_mutable_item(bytes(expanded), public_key, value, salt)
        self._pump(done, "to publish an item")
        return put[0]

    def get_signed(self, public_key: bytes, salt: bytes = b"") -> tuple[Any, int, bytes]:
        """The newest version of a mutable item: its value, number and signature."""
        found: list[tuple[Any, int, bytes]] = []

        def arrived() -> bool:
            for alert in self._take(lt.dht_mutable_item_alert):
                if alert.authoritative and alert.key == public_key and alert.salt == salt:
                    found.append((alert.item, alert.seq, alert.signature))
            return bool(found)

        self._session.dht_get_mutable_item(public_key, salt)
        self._pump(arrived, "to get an item")
        return found[0]

    def close(self) -> None:
        del self._session  # its destructor ends it, and waits for that

    def _take(self, kind: type | None = None) -> list[Any]:
        """The new alerts of one kind. They are gone with the next call, as libtorrent has it."""
        alerts = self._session.pop_alerts()
        for alert in alerts:
            if isinstance(alert, lt.dht_announce_alert):
                self._announced.add((alert.info_hash, alert.port))
        return [alert for alert in alerts if kind is not None and isinstance(alert, kind)]

    def _pump(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {PATIENCE} s for libtorrent {what}")
            self._session.wait_for_alert(50)


class Swarm:
    """Sessions that have found each other. All calls block: use `asyncio.to_thread`."""

    def __init__(self, size: int, host: str = "127.0.0.1", *, hosts: Iterable[str] = ()) -> None:
        """`hosts`: an address for each, in place of one for all."""
        self.sessions = [Session(one) for one in list(hosts) or [host] * size]
        for session in self.sessions:
            session.know(other.address for other in self.sessions if other is not session)
        for session in self.sessions:
            wait_for(partial(session.knows, min(size - 1, 4)), "the swarm to form")

    @property
    def bootstrap(self) -> list[KnownHost]:
        return [session.address for session in self.sessions[:3]]

    def announce(self, info_hash: bytes, ports: Iterable[int], *, seeds: int = 0) -> None:
        """Let each port be announced by one session after another; returns once all are stored.

        libtorrent loses some when it is busy, and does not say so: those are announced again.
        `seeds`: so many, the first, say that they have the whole torrent.
        """
        ports = list(ports)
        pending = {port: self.sessions[number % len(self.sessions)] for number, port in enumerate(ports)}
        enough = min(len(self.sessions) - 1, 4)
        end = time.monotonic() + PATIENCE
        while pending:
            if time.monotonic() > end:
                raise TimeoutError(f"libtorrent did not store the announcements of {sorted(pending)}")
            for port, announcer in pending.items():
                announcer.announce(info_hash, port, seed=port in ports[:seeds])
            again = time.monotonic() + 1.0
            while pending and time.monotonic() < again:
                self.sessions[0].wait_for_alert()
                pending = {
                    port: announcer
                    for port, announcer in pending.items()
                    if sum(session.stored(info_hash, port) for session in self.sessions) < enough
                }

    def close(self) -> None:
        for session in self.sessions:
            session.close()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Block until something holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE} s for {what}")
        time.sleep(0.02)
