"""What the daemon tells Prometheus, at `/metrics`.

Labels have few values, all of them known beforehand: the daemon's own networks, enumerations of the core, and
the names of its errors. Nothing that a client or a stranger says becomes one: it would be a series for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bitboot_core import Announcement, BitBoot, Reachability, errors

if TYPE_CHECKING:
    from bitboot_core import NetworkState, Peer

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0)
"""The buckets of lookups' times: from a warm node on loopback to the longest timeout that is usual."""

SEVERAL = "several"
"""The network of a lookup that asked more than one."""

OTHER = "other"

_COUNTERS = (
    ("bitboot_queries_received", "queries", "Queries of other nodes."),
    ("bitboot_queries_unanswered", "timeouts", "Queries of ours that nobody answered in time."),
    ("bitboot_datagrams_malformed", "malformed", "Datagrams that could not be read."),
    ("bitboot_datagrams_unsent", "unsent", "Datagrams that the system would not send."),
    ("bitboot_backend_errors", "errors", "Exceptions in a backend, which were logged."),
)
_GAUGES = (
    ("bitboot_stored_peers", "stored_peers", "Peers that are kept for other nodes."),
    ("bitboot_stored_keys", "stored_keys", "Keys that peers are kept under for other nodes."),
    ("bitboot_round_trip_seconds", "round_trip", "The smoothed round trip of queries, 0 before the first."),
)
"""Metrics, and the names in `Backend.stats` that they are read from, where a backend has them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the daemon has to do now. `peers`: by network, those known in swarms that it watches."""

    clients: int = 0
    lookups: int = 0
    announcements: int = 0
    watches: int = 0
    swarms: int = 0
    peers: Mapping[str, int] = field(default_factory=dict)


class Metrics:
    """The metrics of one daemon: what it is told, and what it reads when it is asked."""

    def __init__(self, bitboot: Callable[[], BitBoot], counts: Callable[[], Counts], *, version: str) -> None:
        """`bitboot`: the one in use now, read at each scrape."""
        self._registry = CollectorRegistry()
        self._standing: WeakKeyDictionary[Announcement, dict[str, _Standing]] = WeakKeyDictionary()
        self._bitboot = bitboot
        self._names: frozenset[str] = frozenset()
        self._lookup_seconds = Histogram(
            "bitboot_lookup_seconds",
            "How long lookups took, by the network that they asked and by what came of them.",
            ("network", "outcome"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._first_peer_seconds = Histogram(
            "bitboot_lookup_first_peer_seconds",
            "How long lookups took until their first peer.",
            ("network",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._lookup_peers = self._counter("lookup_peers", "Peers that lookups found.", "network")
        self._lookup_failures = self._counter(
            "lookup_failures", "Networks that failed in a lookup, by error.", "network", "error"
        )
        self._stores = self._counter(
            "announcements_stored",
            "Announcements that nodes stored: the first time, and renewed.",
            "network",
            "kind",
        )
        self._announce_failures = self._counter(
            "announcement_failures", "Attempts to announce that failed, by error.", "network", "error"
        )
        self._registry.register(_Reading(bitboot, counts, version))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"bitboot_{name}", words, labels, registry=self._registry)

    def lookup_ended(
        self,
        *,
        networks: Iterable[str],
        seconds: float,
        first: float | None,
        peers: Iterable[Peer],
        failures: Mapping[str, BaseException],
    ) -> None:
        """A lookup of these networks has ended after `seconds`, its first peer came after `first`.

        It counts as "failed" where it found nobody and all its networks failed: nobody answered, which is not
        that nobody is there ("empty").
        """
        asked = list(networks)
        label = self._network(asked[0]) if len(asked) == 1 else SEVERAL
        found = 0
        for peer in peers:
            found += 1
            for source in peer.sources:
                self._lookup_peers.labels(self._network(source)).inc()
        outcome = "found" if found else "failed" if len(failures) >= len(asked) else "empty"
        self._lookup_seconds.labels(label, outcome).observe(seconds)
        if first is not None:
            self._first_peer_seconds.labels(label).observe(first)
        for network, error in failures.items():
            self._lookup_failures.labels(self._network(network), _error(error)).inc()

    def announcement_changed(self, announcement: Announcement) -> None:
        """Count what became of it since the last call: to be called after each `Announcement.changed`."""
        before = self._standing.setdefault(announcement, {})
        for network, status in announcement.status.items():
            former = before.get(network, _Standing())
            new = max(0, status.successes - former.successes)
            if new and not former.successes:
                self._stores.labels(self._network(network), "first").inc()
                new -= 1
            if new:
                self._stores.labels(self._network(network), "renewal").inc(new)
            error = status.last_error
            if error is not None and error is not former.error:
                self._announce_failures.labels(self._network(network), _error(error)).inc()
            before[network] = _Standing(max(status.successes, former.successes), error)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics as text, and its media type: OpenMetrics where `accept` asks for that."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def _network(self, name: str) -> str:
        if name not in self._names:  # how all of them are doing takes long to find out
            self._names = frozenset(self._bitboot().networks())
        return name if name in self._names else OTHER


@dataclass(frozen=True, slots=True)
class _Standing:
    successes: int = 0
    error: BaseException | None = None


def _error(error: BaseException) -> str:
    """The name of an error of the core, "other" for what a plugin brings along."""
    name = type(error).__name__
    return name if name in errors.__all__ else OTHER


class _Reading(Collector):
    """What is read at each scrape."""

    def __init__(self, bitboot: Callable[[], BitBoot], counts: Callable[[], Counts], version: str) -> None:
        self._bitboot, self._counts, self._version = bitboot, counts, version

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not ask the networks before anybody does."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of it, anew."""
        bitboot, counts = self._bitboot(), self._counts()
        info = GaugeMetricFamily(
            "bitboot_build_info", "Always 1; the version is a label.", labels=["version"]
        )
        info.add_metric([self._version], 1)
        yield info
        yield from _of_daemon(counts)
        yield from _of_networks(bitboot.networks(), counts.peers)
        yield from _of_stats(bitboot.stats())


def _of_daemon(counts: Counts) -> Iterator[Metric]:
    yield GaugeMetricFamily("bitboot_clients", "Connections of programs.", counts.clients)
    yield GaugeMetricFamily("bitboot_lookups", "Lookups under way.", counts.lookups)
    yield GaugeMetricFamily("bitboot_announcements", "Announcements that are kept.", counts.announcements)
    yield GaugeMetricFamily("bitboot_watches", "Watches that are open.", counts.watches)
    yield GaugeMetricFamily("bitboot_swarms", "Swarms that are watched or announced.", counts.swarms)


def _of_networks(networks: Mapping[str, NetworkState], peers: Mapping[str, int]) -> Iterator[Metric]:
    ready = GaugeMetricFamily("bitboot_network_ready", "Whether a network is in touch.", labels=["network"])
    contacts = GaugeMetricFamily("bitboot_contacts", "Nodes that answered recently.", labels=["network"])
    known = GaugeMetricFamily(
        "bitboot_peers", "Peers known in the swarms that are watched.", labels=["network"]
    )
    reach = GaugeMetricFamily(
        "bitboot_reachability",
        "1 for who can begin a conversation with the node, 0 for the other answers.",
        labels=["network", "family", "reachability"],
    )
    for name, state in networks.items():
        ready.add_metric([name], state.ready)
        contacts.add_metric([name], state.contacts)
        known.add_metric([name], peers.get(name, 0))
        for family, place in sorted(state.places.items()):
            for value in Reachability:
                is_it = place.reachability is value
                reach.add_metric([name, "ipv6" if family == 6 else "ipv4", value.value], is_it)
    yield from (ready, contacts, known, reach)


def _of_stats(stats: Mapping[str, Mapping[str, int | float]]) -> Iterator[Metric]:
    datagrams = CounterMetricFamily(
        "bitboot_datagrams", "Datagrams that were sent and received.", labels=["network", "direction"]
    )
    carried = CounterMetricFamily(
        "bitboot_datagram_bytes", "Bytes that datagrams carried.", labels=["network", "direction"]
    )
    nodes = GaugeMetricFamily(
        "bitboot_network_nodes", "About how many nodes a network has.", labels=["network", "family"]
    )
    for name, one in stats.items():
        for direction in ("sent", "received"):
            _add(datagrams, [name, direction], one.get(direction))
            _add(carried, [name, direction], one.get(f"{direction}_bytes"))
        for family in ("ipv4", "ipv6"):
            _add(nodes, [name, family], one.get(f"nodes_{family}") or None)  # 0 is "not known yet"
    yield from (datagrams, carried, nodes)
    for kind, table in ((CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES)):
        for metric, source, words in table:
            found = kind(metric, words, labels=["network"])
            for name, one in stats.items():
                _add(found, [name], one.get(source))
            yield found


def _add(metric: CounterMetricFamily | GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None:
        metric.add_metric(labels, value)
