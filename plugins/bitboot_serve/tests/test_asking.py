"""`bitboot serve --status` and `--stop`: whom they ask, and what they believe."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from bitboot_serve import asking

from bitboot_core import NotRunning

from .conftest import answering_on

OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that were sent a signal."""
    found: list[int] = []

    def kill(pid: int, number: int) -> None:
        assert number == signal.SIGTERM
        found.append(pid)

    monkeypatch.setattr(os, "kill", kill)
    return found


def test_a_daemon_of_another_user_is_not_believed(
    tmp_path: Path, signalled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "serve.sock"
    path.touch()
    if os.getuid() == 0:
        os.chown(path, 4711, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(NotRunning, match="another user") as refused:
        asking.stop(path)
    assert "as that user" in refused.value.hint
    assert signalled == []


@pytest.mark.parametrize(
    "status", [b"[]", b"{}", b"0", b'{"pid": 0}', b'{"pid": -1}', b'{"pid": "1"}', b'{"pid": null}']
)
def test_no_other_process_is_signalled(tmp_path: Path, signalled: list[int], status: bytes) -> None:
    path = tmp_path / "serve.sock"
    with answering_on(str(path), OK + status), pytest.raises(NotRunning, match="no daemon answers"):
        asking.stop(path)
    assert signalled == []


def test_the_daemon_is_sent_sigterm(
    tmp_path: Path, signalled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "serve.sock"
    monkeypatch.setattr(asking, "_has_ended", lambda pid, path: True)
    with answering_on(str(path), OK + b'{"pid": 4711}'):
        assert asking.stop(path) == 0
    assert signalled == [4711]
