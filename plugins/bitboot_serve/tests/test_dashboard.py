"""The Grafana dashboard asks for what `/metrics` has, by the labels that it has."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import bitboot_serve
import pytest
from bitboot_btdht.testnet import Testnet
from bitboot_serve.metrics import Counts, Metrics
from bitboot_serve.paths import default_token
from prometheus_client.parser import text_string_to_metric_families

from bitboot_core import AnnounceFailed, BackendTimeout, BitBoot, BitBootConfig, KnownHost, Peer

DASHBOARD: dict[str, Any] = json.loads(
    (resources.files(bitboot_serve) / "dashboard" / "grafana.json").read_text(encoding="utf-8")
)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel, target["expr"]) for panel in PANELS for target in panel["targets"]]
BY_PROMETHEUS = {"job", "instance", "le"}
SELECTOR = re.compile(r"\b((?:bitboot|process)_\w+)\{([^}]*)\}")


@pytest.fixture
async def labels() -> AsyncIterator[dict[str, set[str]]]:
    """The labels of each sample that a daemon on mainline tells, once everything has happened."""
    async with Testnet(4) as testnet:
        config = BitBootConfig(bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False)
        async with BitBoot(config) as bitboot:
            metrics = Metrics(lambda: bitboot, Counts, version="0")
            async with bitboot.announce("a swarm", KnownHost("127.0.0.1", 7001)) as announcement:
                await announcement.announced()
                metrics.announcement_changed(announcement)
            peers = [Peer("127.0.0.1", 7001, ("mainline",))]
            failures = {"mainline": BackendTimeout("nobody answered")}
            metrics.lookup_ended(
                networks=["mainline"], seconds=1.0, first=0.5, peers=peers, failures=failures
            )
            metrics._announce_failures.labels("mainline", AnnounceFailed.__name__).inc()
            yield {
                sample.name: set(sample.labels)
                for family in text_string_to_metric_families(metrics.render()[0].decode())
                for sample in family.samples
            } | {"bitboot_network_nodes": {"network", "family"}, "bitboot_reachability": REACHABILITY}


REACHABILITY = {"network", "family", "reachability"}
"""Of these a young node has nothing to tell yet: `test_metrics` has them."""


async def test_every_query_asks_for_a_metric_that_there_is(labels: dict[str, set[str]]) -> None:
    for panel, query in QUERIES:
        selectors = SELECTOR.findall(query)
        assert selectors, query
        assert set(re.findall(r"\b(?:bitboot|process)_\w+", query)) == {name for name, _ in selectors}
        for name, matchers in selectors:
            assert name in labels, name
            asked = set(re.findall(r"(\w+)=", matchers))
            grouped = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
            assert asked | grouped <= labels[name] | BY_PROMETHEUS, query
            shown = {
                label
                for target in panel["targets"]
                if target["expr"] == query
                for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            }
            assert shown <= (grouped or labels[name]), query


async def test_every_metric_of_ours_is_on_it(labels: dict[str, set[str]]) -> None:
    asked = {name for _, query in QUERIES for name, _ in SELECTOR.findall(query)}
    parts = re.compile(r"_(sum|count|bucket)$")
    told = {name for name in labels if name.startswith("bitboot_") and not name.endswith("_created")}
    ours = {parts.sub("", name) for name in told}
    assert ours - {parts.sub("", name) for name in asked} == {"bitboot_build_info"}  # its variables ask that


async def test_every_metric_of_ours_is_in_the_docs(labels: dict[str, set[str]]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "serve.md").read_text(encoding="utf-8")
    parts = re.compile(r"_(sum|count|bucket)$")
    told = {parts.sub("", name): found for name, found in labels.items() if not name.endswith("_created")}
    listed = {}
    for row in re.findall(r"^\| `bitboot_\w+`.*$", page, re.MULTILINE):
        names, columns, _ = row.strip("| ").split(" | ", 2) if " | | " not in row else (row, "", "")
        for name in re.findall(r"`(bitboot_\w+)`", names):
            listed[name] = set(re.findall(r"`(\w+)`", columns))
    assert listed == {name: found - {"le"} for name, found in told.items() if name.startswith("bitboot_")}


def test_what_prometheus_is_shown_to_scrape_is_where_it_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "serve.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (address,) = re.findall(r"bitboot serve --tcp (\S+)$", page, re.MULTILINE)
    assert f'targets: ["{address}"]' in shown
    assert f"/bitboot/{default_token(None).name}\n" in shown


def test_counters_are_asked_for_their_growth() -> None:
    for _, query in QUERIES:
        for counter in re.findall(r"\w+_(?:total|bucket|count)\{", query):
            assert re.search(rf"(rate|increase)\({counter}", query), query


def test_every_panel_says_what_it_shows_and_none_covers_another() -> None:
    assert len(PANELS) > 15
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "${source}"
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for number, one in enumerate(places):
        assert one["x"] + one["w"] <= 24
        for other in places[number + 1 :]:
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert beside or apart, (one, other)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
