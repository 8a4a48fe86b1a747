"""docs/private-swarms.md: its programs and commands run. The protocol's page: its vectors are the code's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import BitBoot, Identity, SwarmSecret, blocking
from bitboot_core._cli import main
from bitboot_core._swarms.private.epochs import Epochs

pytestmark = pytest.mark.once

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "private-swarms.md").read_text(encoding="utf-8")
PROTOCOL = (DOCS / "private-swarms-protocol.md").read_text(encoding="utf-8")
PROGRAM, ADMITTING = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(COMMANDS,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ADA = Identity.from_seed(b"a" * 32)


class Enough(Exception):
    """The program has told what it was to tell."""


def test_its_program_tells_of_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = SwarmSecret.generate()
    (tmp_path / "friends.secret").write_text(secret.reveal())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(tmp_path))
    told = []

    def tell(*words: Any) -> None:
        told.append(" ".join(map(str, words)))
        if len(told) == 2:
            raise Enough

    with (
        blocking.BitBoot(network="local", state_dir=False, identity=ADA) as bitboot,
        bitboot.announce("friends", port=7001, secret=secret, data=b"hi"),
    ):
        program = PROGRAM.replace('"mainline"', '"local"')
        with pytest.raises(Enough):
            exec(compile(program, "private-swarms.md", "exec"), {"__name__": "__main__", "print": tell})
    own = Identity.load(tmp_path / "identity", make=False)
    assert sorted(told) == [
        f"127.0.0.1:6881 {own.fingerprint} b'hello, I am Ada'",
        f"127.0.0.1:7001 {ADA.fingerprint} b'hi'",
    ]


async def test_its_other_program_admits_friends_alone() -> None:
    names: dict[str, Any] = {}
    exec(compile(ADMITTING.replace('"friends"', '"page"'), "private-swarms.md", "exec"), names)
    async with BitBoot(network="local", state_dir=False) as bitboot:
        await names["friends_alone"](bitboot, SwarmSecret.generate())


def test_its_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(tmp_path))
    for line in COMMANDS.splitlines():
        words = shlex.split(line)[1:]
        stays = ["--network", "local", "--for", "0.5"] if words[0] == "join" else []
        assert main([*words, *stays]) == 0, line
    assert "peer-joined: 127.0.0.1:6881 from local, member " in capsys.readouterr().out


def test_the_protocol_s_vectors_are_the_code_s() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \| (.+?) \| `(\w{64})` \| (\d+) \| (\d+) \| (.*) \|$", PROTOCOL, re.MULTILINE
    )
    assert len(rows) == 3
    for name, secret, raw, phase, epoch, rest in rows:
        passphrase = re.fullmatch(r"passphrase '(.*)'", secret)
        if passphrase:
            assert SwarmSecret.from_passphrase(passphrase[1]).for_name(name).hex() == raw
        epochs = Epochs(name, bytes.fromhex(raw))
        number = int(epoch)
        assert (epochs.phase, epochs.at(1_800_000_000)) == (int(phase), number)
        found = [epochs.keys(number).key, epochs.keys(number + 1).key, epochs.keys(number).psk]
        assert re.findall(r"`(\w+)`", rest) == [one.hex() for one in found]
    (text,) = re.findall(r"Text form of the first: `(\w+)`", PROTOCOL)
    assert SwarmSecret(text).for_name("x").hex() == rows[0][2]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["probes", "--count", "2000"], "2000 probes without the secret: 0 answered"),
        (["flood", "--seconds", "0.05"], "a second of 10000 first messages"),
    ],
)
def test_the_experiments_of_the_page_run(words: list[str], told: str) -> None:
    command = [sys.executable, "-m", "benchmarks.private", *words]
    done = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, check=False, timeout=60)
    assert told in done.stdout, done.stderr
