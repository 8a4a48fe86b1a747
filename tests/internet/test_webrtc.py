"""examples/webrtc_chat behind two NATs: a data channel is opened with no signalling server at all."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from bitboot_core import SwarmSecret

from .lab import ROOT, Lab, wait_for
from .nodes import PROGRAMS, start_few_nodes
from .process import Process
from .topology import PUBLIC

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("aiortc") is None, reason="not installed: pip install aiortc"
    ),
]

CHAT = ROOT / "examples" / "webrtc_chat" / "webrtc_chat.py"
STUN, STUN_PORT = "free0", 3478


def start_chat(lab: Lab, host: str, name: str, secret: Path, bootstrap: list[str]) -> Process:
    """A member, which never types anything."""
    options = [word for contact in bootstrap for word in ("--bootstrap", contact)]
    options += [
        "--secret-file",
        str(secret),
        "--stun",
        f"stun:{PUBLIC[STUN]}:{STUN_PORT}",
        "--listen",
        ":7001",
    ]
    command = 'sleep 1000 | "$0" "$@"'
    return lab.start(host, "sh", "-c", command, sys.executable, str(CHAT), name, *options, label=name)


def test_two_behind_nats_open_a_data_channel(lab: Lab, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SwarmSecret.generate().reveal(), encoding="utf-8")
    bootstrap = start_few_nodes(lab)
    lab.start(STUN, sys.executable, str(PROGRAMS / "stun.py"), str(STUN_PORT), label="stun")
    start_chat(lab, "cone1", "Ada", secret, bootstrap)
    start_chat(lab, "cgn1", "Bob", secret, bootstrap)
    wait_for(lambda: "* Bob is here" in lab.log_of("Ada").read_text(), "Ada to meet Bob")
    wait_for(lambda: "* Ada is here" in lab.log_of("Bob").read_text(), "Bob to meet Ada")
