"""Private swarms at the command line: secrets from files and the environment, members by fingerprint."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitboot_core import Identity, SwarmSecret, blocking, fingerprint

from .conftest import Cli

SECRET = SwarmSecret.generate()
ADA = Identity.from_seed(b"a" * 32)
LOCAL = ["--network", "local"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(SECRET.reveal() + "\n")
    return str(path)


@pytest.fixture
def ada() -> Iterator[None]:
    """A member, in the swarm "x" of the network in memory."""
    with (
        blocking.BitBoot(network="local", state_dir=False, identity=ADA) as bitboot,
        bitboot.announce("x", port=7001, secret=SECRET) as announcement,
    ):
        announcement.announced()
        yield


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(tmp_path / "state"))


def test_a_secret_is_made(cli: Cli, tmp_path: Path) -> None:
    made = cli("secret", "new").out
    assert SwarmSecret(made).reveal() + "\n" == made
    (event,) = cli("secret", "new", "--json").events
    assert SwarmSecret(event["secret"]) != SwarmSecret(made)
    path = tmp_path / "new"
    assert cli("secret", "new", "--secret-file", str(path)).out == ""
    SwarmSecret(path.read_text())
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (event,) = cli("secret", "new", "--secret-file", str(tmp_path / "other"), "--json").events
    assert event == {"event": "secret", "file": str(tmp_path / "other")}


def test_no_secret_is_overwritten(cli: Cli, file: str, tmp_path: Path) -> None:
    for wrong in (file, str(tmp_path / "no" / "folder")):
        result = cli("secret", "new", "--secret-file", wrong)
        assert result.status == 2
        assert "hint:" in result.err
    assert SwarmSecret(Path(file).read_text()) == SECRET


def test_lookup_tells_of_members(cli: Cli, ada: None, file: str) -> None:
    (peer,) = cli("lookup", "x", *LOCAL, "--secret-file", file, "--json").named("peer")
    assert peer["member"] == ADA.public_key.hex()
    shown = cli("lookup", "x", *LOCAL, "--secret-file", file).out
    assert f"127.0.0.1:7001 from local, member {ADA.fingerprint}\n" in shown
    assert cli("lookup", "x", *LOCAL, "--json").named("peer") == []
    assert cli("lookup", "x", *LOCAL, "--secret-file", file, "--wait", "1", "-q").out == "127.0.0.1:7001\n"


def test_the_environment_will_do_and_the_option_goes_before(
    cli: Cli, ada: None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITBOOT_SECRET", SECRET.reveal())
    assert len(cli("lookup", "x", *LOCAL, "--json").named("peer")) == 1
    assert len(cli("--lookup", "x", *LOCAL, "--json").named("peer")) == 1  # BitBootPy's spelling
    monkeypatch.setenv("BITBOOT_SECRET", "another secret of mine")
    assert cli("lookup", "x", *LOCAL, "--json").named("peer") == []
    assert len(cli("lookup", "x", *LOCAL, "--secret-file", file, "--json").named("peer")) == 1


def test_a_secret_makes_no_sense_where_public_swarms_are_counted(cli: Cli, file: str) -> None:
    result = cli("lookup", "x", *LOCAL, "--secret-file", file, "--size")
    assert result.status == 2
    assert "a secret has nothing to do" in result.err


@pytest.mark.once
def test_join_shows_members_by_their_fingerprint(cli: Cli, ada: None, file: str, tmp_path: Path) -> None:
    words = ["x", "--port", "7002", *LOCAL, "--secret-file", file, "--for", "1"]
    events = cli("join", *words, "--json").named("peer-joined")
    members = {event["port"]: event["member"] for event in events}
    own = Identity.load(tmp_path / "state" / "identity", make=False)
    assert members == {7001: ADA.public_key.hex(), 7002: own.public_key.hex()}
    out = cli("join", *words).out
    assert f"member {fingerprint(ADA.public_key)}" in out
    assert f"member {own.fingerprint}" in out


@pytest.mark.once
def test_each_command_that_names_a_swarm_takes_it(cli: Cli, ada: None, file: str, tmp_path: Path) -> None:
    secret = [*LOCAL, "--secret-file", file]
    assert cli("announce", "x", "--port", "7003", *secret, "--for", "0.5", "--json").named("announced")
    assert cli("watch", "x", *secret, "--for", "1", "--json").named("peer-joined")
    out = tmp_path / "out"
    program = f"import os; open({str(out)!r}, 'w').write(os.environ['BITBOOT_MEMBER'])"
    assert cli("run", "x", *secret, "--fail-empty", "--", sys.executable, "-c", program).status == 0
    assert out.read_text() == ADA.public_key.hex()


WRONG = {
    "no file": (None, "cannot be read"),
    "empty": (b"", "at least 12"),
    "a short passphrase": (b"elevenchars", "at least 12"),
    "a secret that is cut off": (b"bbs1aaaqeayeaudaocaj", "not a swarm's secret"),
    "no text": (b"\xff\xfe\x00", "holds no secret"),
    "too large": (b"x" * 5000, "too large"),
}


@pytest.mark.parametrize(("content", "tells"), WRONG.values(), ids=WRONG)
def test_what_is_no_secret_is_told_and_not_shown(
    cli: Cli, tmp_path: Path, content: bytes | None, tells: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    result = cli("lookup", "x", *LOCAL, "--secret-file", str(path), "--json")
    assert result.status == 2
    (event,) = result.events
    assert event["error"] == "InvalidConfig"
    assert tells in event["message"]
    assert event["hint"]
    assert not content or content.decode("latin-1") not in result.out


@pytest.mark.parametrize("value", ["", "bbs1nonsense", "too short"])
def test_a_wrong_variable_makes_no_swarm_public(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BITBOOT_SECRET", value)
    for words in (["announce", "x", "--port", "1"], ["--announce", "x"], ["lookup", "x"]):
        result = cli(*words, *LOCAL)
        assert result.status == 2
        assert "BITBOOT_SECRET" in result.err
