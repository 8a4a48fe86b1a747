"""Announcing in one process, looking up in another, over a mainline network on loopback."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence

import pytest

from bitboot_core import KnownHost

from .conftest import Cli, next_event, process


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals that one process can send another")
def test_what_one_process_announces_another_finds(cli: Cli, contacts: Sequence[KnownHost]) -> None:
    shared = ["--listen", "127.0.0.1:0", "--json"]
    for contact in contacts:
        shared += ["--bootstrap", str(contact)]
    with process("announce", "mynet", "--port", "6881", *shared) as announcing:
        ready = next_event(announcing)
        assert ready["network"] == "mainline"
        assert ready["backend"] == "btdht"
        assert ready["contacts"] > 0
        assert next_event(announcing)["stored_on"] > 0
        result = cli("lookup", "mynet", *shared)
        announcing.send_signal(signal.SIGINT)
        out, err = announcing.communicate()
    assert result.status == 0
    assert [(peer["host"], peer["port"]) for peer in result.named("peer")] == [("127.0.0.1", 6881)]
    assert announcing.returncode == 0
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["done"]
    assert err == ""


def test_port_0_announces_the_nodes_own_port(cli: Cli, contacts: Sequence[KnownHost]) -> None:
    shared = ["--listen", "127.0.0.1:0", "--json"]
    for contact in contacts:
        shared += ["--bootstrap", str(contact)]
    with process("announce", "mynet", "--port", "0", *shared) as running:
        ready = next_event(running)
        assert next_event(running)["event"] == "announced"
        found = cli("lookup", "mynet", *shared).named("peer")
    assert [f"{peer['host']}:{peer['port']}" for peer in found] == [ready["listen"]]
