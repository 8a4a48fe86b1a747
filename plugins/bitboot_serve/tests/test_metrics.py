"""What `/metrics` says: read as Prometheus reads it, and compared with what happened."""

from __future__ import annotations

import gc
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from bitboot_serve.metrics import OTHER, SEVERAL, Counts, Metrics
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bitboot_core import (
    AnnounceFailed,
    AnnouncementStatus,
    BackendTimeout,
    BitBoot,
    BitBootConfig,
    KnownHost,
    Peer,
)

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def bitboot() -> AsyncIterator[BitBoot]:
    config = BitBootConfig(network="local", state_dir=False)
    async with BitBoot(config) as bitboot:
        yield bitboot


def made(bitboot: BitBoot, counts: Counts | None = None) -> Metrics:
    return Metrics(lambda: bitboot, lambda: counts or Counts(), version="0.2.0")


def series(metrics: Metrics) -> Series:
    text, media_type = metrics.render()
    assert media_type.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return series(metrics).get((name, frozenset(labels.items())))


async def test_what_the_daemon_has_to_do_and_its_networks_are_read_when_asked(bitboot: BitBoot) -> None:
    counts = Counts(clients=4, lookups=1, announcements=2, watches=3, swarms=5, peers={"local": 7})
    metrics = made(bitboot, counts)
    assert value(metrics, "bitboot_build_info", version="0.2.0") == 1
    said = {"clients": 4, "lookups": 1, "announcements": 2, "watches": 3, "swarms": 5}
    for name, number in said.items():
        assert value(metrics, f"bitboot_{name}") == number
    assert value(metrics, "bitboot_peers", network="local") == 7
    assert value(metrics, "bitboot_network_ready", network="local") == 1
    assert value(metrics, "bitboot_contacts", network="local") == bitboot.networks()["local"].contacts


async def test_a_network_that_comes_and_goes_is_one_that_is_told_of_and_no_more(bitboot: BitBoot) -> None:
    metrics = made(bitboot)
    await bitboot.remove_network("local")
    assert value(metrics, "bitboot_network_ready", network="local") is None
    await bitboot.add_network("local")
    assert value(metrics, "bitboot_network_ready", network="local") == 1


async def test_lookups_are_counted_by_what_came_of_them(bitboot: BitBoot) -> None:
    metrics = made(bitboot)
    peers = [Peer("192.0.2.1", 1, ("local",)), Peer("192.0.2.2", 2, ("local",))]
    failed = {"local": BackendTimeout("nobody answered")}
    metrics.lookup_ended(networks=["local"], seconds=0.2, first=0.03, peers=peers, failures={})
    metrics.lookup_ended(networks=["local"], seconds=3.0, first=None, peers=[], failures={})
    metrics.lookup_ended(networks=["local"], seconds=20.0, first=None, peers=[], failures=failed)
    metrics.lookup_ended(networks=["local", "lan"], seconds=1.0, first=0.5, peers=peers, failures=failed)
    metrics.lookup_ended(networks=["local", "lan"], seconds=1.0, first=None, peers=[], failures=failed)
    for network, outcome, number, seconds in (
        ("local", "found", 1, 0.2),
        ("local", "empty", 1, 3.0),
        ("local", "failed", 1, 20.0),
        (SEVERAL, "found", 1, 1.0),
        (SEVERAL, "empty", 1, 1.0),  # one of the two networks did answer
    ):
        labels = {"network": network, "outcome": outcome}
        assert value(metrics, "bitboot_lookup_seconds_count", **labels) == number
        assert value(metrics, "bitboot_lookup_seconds_sum", **labels) == seconds
    bucket = {"network": "local", "outcome": "found"}
    assert value(metrics, "bitboot_lookup_seconds_bucket", le="0.1", **bucket) == 0
    assert value(metrics, "bitboot_lookup_seconds_bucket", le="0.25", **bucket) == 1
    assert value(metrics, "bitboot_lookup_first_peer_seconds_sum", network="local") == 0.03
    assert value(metrics, "bitboot_lookup_first_peer_seconds_count", network="local") == 1
    assert value(metrics, "bitboot_lookup_peers_total", network="local") == 4
    failures = {"network": "local", "error": "BackendTimeout"}
    assert value(metrics, "bitboot_lookup_failures_total", **failures) == 3


class Announced:
    """As much of an Announcement as is counted."""

    def __init__(self) -> None:
        self.status: Mapping[str, AnnouncementStatus] = {}


async def test_renewals_and_failures_of_announcements_are_counted_once_each(bitboot: BitBoot) -> None:
    metrics, announcement = made(bitboot), Announced()
    lost, lost_again = AnnounceFailed("lost"), AnnounceFailed("lost again")

    def stands(successes: int, error: AnnounceFailed | None = None) -> None:
        announcement.status = {"local": AnnouncementStatus(successes=successes, last_error=error)}
        metrics.announcement_changed(announcement)  # type: ignore[arg-type]

    def counted() -> tuple[float | None, float | None, float | None]:
        name = "bitboot_announcements_stored_total"
        failures = {"network": "local", "error": "AnnounceFailed"}
        return (
            value(metrics, name, network="local", kind="first"),
            value(metrics, name, network="local", kind="renewal"),
            value(metrics, "bitboot_announcement_failures_total", **failures),
        )

    stands(0, lost)
    stands(0, lost)  # the same failure, looked at twice
    assert counted() == (None, None, 1)
    stands(1)
    stands(1)
    assert counted() == (1, None, 1)
    stands(3)  # two renewals between two looks
    stands(3, lost_again)
    assert counted() == (1, 2, 2)


async def test_a_real_announcement_is_counted(bitboot: BitBoot) -> None:
    metrics = made(bitboot)
    async with bitboot.announce("a swarm", KnownHost("127.0.0.1", 7001)) as announcement:
        await announcement.announced()
        metrics.announcement_changed(announcement)
    labels = {"network": "local", "kind": "first"}
    assert value(metrics, "bitboot_announcements_stored_total", **labels) == 1


class Bespoke(Exception):
    """An error that a plugin brings along."""


async def test_the_words_of_strangers_and_clients_never_become_labels(bitboot: BitBoot) -> None:
    metrics = made(bitboot)
    for number in range(50):
        name = f'evil"{number}\n# HELP'
        metrics.lookup_ended(
            networks=[name],
            seconds=1.0,
            first=0.5,
            peers=[Peer(f"192.0.2.{number}", 1, (name,), data=name.encode())],
            failures={name: Bespoke(name)},
        )
    found = {text for _, labels in series(metrics) for _, text in labels}
    assert not any("evil" in text or "Bespoke" in text or "192.0.2" in text for text in found)
    assert value(metrics, "bitboot_lookup_failures_total", network=OTHER, error=OTHER) == 50


def backend_stats(**numbers: float) -> Any:
    return {"local": numbers}


async def test_a_backends_counters_are_told_where_it_has_them(
    bitboot: BitBoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = made(bitboot)
    said = backend_stats(
        sent=10, received=9, sent_bytes=1000, timeouts=2, nodes_ipv4=8e6, nodes_ipv6=0, odd=3
    )
    monkeypatch.setattr(bitboot, "stats", lambda: said)
    local = {"network": "local"}
    assert value(metrics, "bitboot_datagrams_total", direction="sent", **local) == 10
    assert value(metrics, "bitboot_datagrams_total", direction="received", **local) == 9
    assert value(metrics, "bitboot_datagram_bytes_total", direction="sent", **local) == 1000
    assert value(metrics, "bitboot_datagram_bytes_total", direction="received", **local) is None
    assert value(metrics, "bitboot_queries_unanswered_total", **local) == 2
    assert value(metrics, "bitboot_network_nodes", family="ipv4", **local) == 8e6
    assert value(metrics, "bitboot_network_nodes", family="ipv6", **local) is None  # not known is not none
    assert not any("odd" in name for name, _ in series(metrics))


async def test_names_units_and_helps_are_as_prometheus_wants_them(bitboot: BitBoot) -> None:
    """What `promtool check metrics` would say of ours."""
    families = list(text_string_to_metric_families(made(bitboot).render()[0].decode()))
    ours = [family for family in families if family.name.startswith("bitboot_")]
    assert len(ours) > 20
    assert len({family.name for family in families}) == len(families)
    for family in ours:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name)
        assert re.fullmatch(r"[A-Z1][^\n]*\.", family.documentation), family.name
        assert not re.search(r"_(milliseconds|minutes|kilobytes|ms|kb|count|sum|bucket|total)$", family.name)
        if family.type == "counter":
            assert all(sample.name == f"{family.name}_total" for sample in family.samples)
        else:
            assert family.type in ("gauge", "histogram")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        for sample in family.samples:
            assert all(re.fullmatch(r"[a-z]+", label) for label in sample.labels)


async def test_openmetrics_is_spoken_to_who_asks_for_it(bitboot: BitBoot) -> None:
    metrics = made(bitboot)
    metrics.lookup_ended(networks=["local"], seconds=0.2, first=None, peers=[], failures={})
    text, media_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert {"bitboot_lookup_seconds", "bitboot_contacts", "bitboot_datagrams"} <= names


async def test_two_daemons_in_one_process_do_not_mix(bitboot: BitBoot) -> None:
    one, other = made(bitboot), made(bitboot)
    one.lookup_ended(networks=["local"], seconds=0.2, first=None, peers=[], failures={})
    labels = {"network": "local", "outcome": "empty"}
    assert value(one, "bitboot_lookup_seconds_count", **labels) == 1
    assert value(other, "bitboot_lookup_seconds_count", **labels) is None


async def test_what_is_known_of_an_announcement_goes_with_it(bitboot: BitBoot) -> None:
    metrics, announcement = made(bitboot), Announced()
    metrics.announcement_changed(announcement)  # type: ignore[arg-type]
    assert len(metrics._standing) == 1
    del announcement
    gc.collect()
    assert len(metrics._standing) == 0
