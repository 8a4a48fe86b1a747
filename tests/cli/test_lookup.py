"""`bitboot lookup`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    BackendError,
    BootstrapFailed,
    Capabilities,
    KnownHost,
    Offline,
    Scope,
)
from bitboot_core.testing import FakeBackend, fails, hangs

from .conftest import Cli, Served

ONE = KnownHost("192.0.2.1", 6881)
TWO = KnownHost("2001:db8::2", 6882)
BROKEN = BackendError("it broke", hint="mend it")


def test_peers_are_printed_as_json(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[ONE, TWO, ONE], known=[ONE]))
    result = cli("lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 0
    assert result.err == ""
    *events, done = result.events
    ready = {
        "event": "ready",
        "network": "fake",
        "backend": "fake",
        "listen": "127.0.0.1:40000",
        "contacts": 1,
    }
    peer = {"event": "peer", "swarm": "mynet", "sources": ["fake"]}
    assert events == [
        ready,
        {**peer, "host": "192.0.2.1", "port": 6881},
        {**peer, "host": "2001:db8::2", "port": 6882},
    ]
    assert isinstance(done.pop("seconds"), float)
    assert done == {"event": "done", "swarm": "mynet", "peers": 2}


def test_peers_are_printed_as_plain_lines_where_stdout_is_no_terminal(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[ONE, TWO]))
    result = cli("lookup", "mynet", "--network", "fake")
    assert result.status == 0
    ready, *peers, done = result.out.splitlines()
    assert ready == "ready: fake through fake, on 127.0.0.1:40000, 0 contacts"
    assert peers == ["peer: 192.0.2.1:6881 from fake", "peer: [2001:db8::2]:6882 from fake"]
    assert done.startswith("done: mynet, 2 peers found in ")


def test_a_peer_s_id_is_told_where_it_has_one(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[KnownHost("192.0.2.1", 4001, "12D3KooWid"), TWO]))
    first, second = cli("lookup", "mynet", "--network", "fake", "--json").named("peer")
    assert first["peer_id"] == "12D3KooWid"
    assert "peer_id" not in second
    plain = cli("lookup", "mynet", "--network", "fake").out
    assert "peer: /ip4/192.0.2.1/tcp/4001/p2p/12D3KooWid from fake" in plain


EARLY = Capabilities(
    can_withdraw=False, announces=Announces.ANY_ADDRESS, scope=Scope.PUBLIC, early_lookups=True
)


def test_peers_are_found_while_the_network_is_being_reached(cli: Cli, served: Served) -> None:
    backend = FakeBackend(capabilities=EARLY, peers=[ONE], known=[TWO], bootstrap=hangs())
    served.add("fake", backend, bootstrap=[TWO])
    result = cli("lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 0
    assert [event["event"] for event in result.events] == ["ready", "peer", "done"]
    assert result.events[0]["contacts"] == 1


def test_offline_it_says_so_at_once_and_does_not_wait_for_the_lookup(cli: Cli, served: Served) -> None:
    offline = Offline("this machine is offline", hint="connect it to a network")
    backend = FakeBackend(capabilities=EARLY, bootstrap=fails(offline), lookup_through=hangs())
    served.add("fake", backend, bootstrap=[TWO])
    result = cli("lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 1
    assert [event["error"] for event in result.events] == ["Offline"]


def test_a_lookup_that_fails_is_told_of_before_the_network_is_reached(cli: Cli, served: Served) -> None:
    backend = FakeBackend(capabilities=EARLY, lookup_through=fails(ValueError("it broke")), bootstrap=hangs())
    served.add("fake", backend, bootstrap=[TWO])
    result = cli("lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 1
    assert "it broke" in result.events[-1]["message"]


def test_nobody_found_is_done_and_says_so(cli: Cli) -> None:
    result = cli("lookup", "mynet", "--network", "local")
    assert result.status == 0
    assert "done: mynet, nobody found in " in result.out


def test_the_limit_is_kept(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[ONE, TWO], lookup=hangs()))
    result = cli("lookup", "mynet", "--network", "fake", "--limit", "1", "--json")
    assert result.status == 0
    assert [peer["host"] for peer in result.named("peer")] == ["192.0.2.1"]


def test_what_fails_after_peers_were_found_is_told_and_does_not_count_as_failure(
    cli: Cli, served: Served
) -> None:
    served.add("fake", FakeBackend(peers=[ONE], lookup=fails(BROKEN)))
    result = cli("lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 0
    assert len(result.named("peer")) == 1
    assert result.named("error") == [
        {
            "event": "error",
            "error": "BackendError",
            "message": "it broke",
            "hint": "mend it",
            "network": "fake",
        }
    ]
    assert result.events[-1]["event"] == "done"


def test_of_two_networks_one_may_fail(cli: Cli, served: Served) -> None:
    served.add("good", FakeBackend(peers=[ONE]))
    served.add("bad", FakeBackend(lookup=fails(BROKEN)))
    result = cli("lookup", "mynet", "--network", "good", "--network", "bad", "--json")
    assert result.status == 0
    assert {ready["network"] for ready in result.named("ready")} == {"good", "bad"}
    assert [peer["sources"] for peer in result.named("peer")] == [["good"]]
    assert [error["network"] for error in result.named("error")] == ["bad"]


def test_nothing_found_and_everything_failed_is_a_failure(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(lookup=fails(BROKEN)))
    result = cli("lookup", "mynet", "--network", "fake")
    assert result.status == 1
    assert result.err == "error: it broke\nhint: mend it\n"
    assert "done" not in result.out


def test_bootstrap_contacts_that_do_not_answer_are_named(cli: Cli, served: Served) -> None:
    unanswered = fails(BootstrapFailed("no answer"))
    served.add("fake", FakeBackend(bootstrap=unanswered))
    result = cli(
        "lookup", "mynet", "--network", "fake", "--bootstrap", "192.0.2.9:1", "--timeout", "0.05", "--json"
    )
    assert result.status == 1
    (error,) = result.events
    assert error["error"] == "BootstrapFailed"


def test_the_options_reach_the_backend(cli: Cli, served: Served) -> None:
    backend = FakeBackend()
    served.add("fake", backend, bootstrap=[ONE])
    options = ["--network", "fake", "--backend", "fake", "--listen", "127.0.0.1:0"]
    result = cli("lookup", "mynet", *options, "--bootstrap", "192.0.2.7:7", "--bootstrap", "192.0.2.8:8")
    assert result.status == 0
    (config,) = served.configs
    assert config.listen == KnownHost("127.0.0.1", 0)
    assert config.read_only
    assert ("bootstrap", (KnownHost("192.0.2.7", 7), KnownHost("192.0.2.8", 8))) in backend.calls


def test_an_interrupted_lookup_is_not_done(cli: Cli, served: Served) -> None:
    async def interrupted() -> Any:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    backend = FakeBackend(peers=[ONE], lookup=interrupted)
    served.add("fake", backend)
    result = cli("lookup", "mynet", "--network", "fake", "--json")
    assert result.status == 1
    assert [event["event"] for event in result.events][-1] == "error"
    assert result.events[-1]["error"] == "Interrupted"
    assert backend.count("aclose") == 1


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_number_of_peers(cli: Cli, limit: str) -> None:
    assert cli("lookup", "mynet", "--network", "local", "--limit", limit).status == 2


def test_quiet_prints_addresses_alone(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[ONE, TWO]))
    result = cli("lookup", "mynet", "--network", "fake", "-q")
    assert (result.status, result.out, result.err) == (0, "192.0.2.1:6881\n[2001:db8::2]:6882\n", "")


def test_a_format_of_one_s_own(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[ONE]))
    pattern = "{{server}} {host}:{port:05d} {sources} {swarm} {peer}"
    result = cli("lookup", "mynet", "--network", "fake", "--format", pattern)
    assert result.out == "{server} 192.0.2.1:06881 fake mynet 192.0.2.1:6881\n"


@pytest.mark.parametrize(
    "pattern", ["{", "{nix}", "{host.__class__}", "{0}", "{}", "{host!z}", "{port:q}", "{host:{nix}}"]
)
def test_a_format_that_cannot_be_read(cli: Cli, pattern: str) -> None:
    result = cli("lookup", "mynet", "--network", "local", "--format", pattern)
    assert result.status == 2
    assert "--format" in result.err
    assert "{host}, {port}" in result.err


def test_formats_exclude_each_other(cli: Cli) -> None:
    for formats in (["-q", "--json"], ["-q", "--format", "x"], ["--json", "--format", "x"]):
        assert cli("lookup", "mynet", "--network", "local", *formats).status == 2


def test_errors_go_to_stderr_where_stdout_is_for_addresses(cli: Cli, served: Served) -> None:
    served.add("good", FakeBackend(peers=[ONE]))
    served.add("bad", FakeBackend(lookup=fails(BROKEN)))
    result = cli("lookup", "mynet", "--network", "good", "--network", "bad", "-q")
    assert result.out == "192.0.2.1:6881\n"
    assert "it broke" in result.err


@pytest.mark.parametrize("peers", [[], [ONE]], ids=["nobody", "somebody"])
def test_nobody_found_can_be_a_status_of_its_own(cli: Cli, served: Served, peers: list[KnownHost]) -> None:
    served.add("fake", FakeBackend(peers=peers))
    assert cli("lookup", "mynet", "--network", "fake", "--fail-empty").status == (0 if peers else 3)
    assert cli("lookup", "mynet", "--network", "fake").status == 0


def test_waiting_until_enough_are_there(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[ONE, TWO]))
    result = cli("lookup", "mynet", "--network", "fake", "--wait", "2", "-q")
    assert (result.status, len(result.out.splitlines())) == (0, 2)
    result = cli("lookup", "mynet", "--network", "fake", "--wait", "3", "--timeout", "0.2", "--json")
    assert result.status == 1
    assert len(result.named("peer")) == 2
    assert result.events[-1]["error"] == "BackendTimeout"
    assert "2 of 3 peers found" in result.events[-1]["message"]


def test_a_state_folder(cli: Cli, served: Served, tmp_path: Path) -> None:
    served.add("fake", FakeBackend(known=[ONE]), [ONE])
    assert cli("lookup", "mynet", "--network", "fake", "--state-dir", str(tmp_path / "kept")).status == 0
    assert (tmp_path / "kept" / "contacts-fake.json").is_file()
