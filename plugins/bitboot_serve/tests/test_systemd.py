"""What systemd hands over and hears: sd_listen_fds(3) and sd_notify(3)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitboot_serve.systemd import Notifier, passed_sockets

from bitboot_core import ListenFailed

HANDING_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="x")
from bitboot_serve.systemd import passed_sockets
(passed,) = passed_sockets()
assert not {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} & set(os.environ)
assert not os.get_inheritable(3)
connection, _ = passed.accept()
connection.sendall(b"here")
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux's")


def test_who_is_handed_nothing_has_nothing() -> None:
    assert passed_sockets({}) == []


def test_what_is_meant_for_a_parent_is_not_ours() -> None:
    environ = {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "HOME": "/"}
    assert passed_sockets(environ) == []
    assert environ == {"HOME": "/"}, "nor is it a child's"


def test_a_socket_that_is_handed_over_is_listened_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        child = subprocess.Popen([sys.executable, "-c", HANDING_OVER, str(fd)], pass_fds=[fd])
        with socket.create_connection(listening.getsockname(), timeout=30) as connection:
            assert connection.recv(9) == b"here"
        assert child.wait(30) == 0


@pytest.mark.parametrize("number", ["x", "", "-1", "9", "1e1", "99999999999999999999"])
def test_a_number_of_sockets_that_cannot_be(number: str) -> None:
    with pytest.raises(ListenFailed, match="LISTEN_FDS"):
        passed_sockets({"LISTEN_PID": "77", "LISTEN_FDS": number}, pid=77)


NOT_LISTENING = """
import os, socket, sys
if sys.argv[1] == "file":
    fd = os.open(os.devnull, os.O_RDONLY)
elif sys.argv[1] == "datagram":
    fd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()
elif sys.argv[1] == "connected":
    fd = socket.socketpair()[0].detach()
if sys.argv[1] == "closed":
    os.closerange(3, 9)
else:
    os.dup2(fd, 3)
from bitboot_core import ListenFailed
from bitboot_serve.systemd import passed_sockets
try:
    passed_sockets({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
except ListenFailed as error:
    assert "file descriptor 3" in str(error) and error.hint, error
else:
    sys.exit("it was taken")
"""


@pytest.mark.parametrize("kind", ["file", "datagram", "connected", "closed"])
def test_what_is_no_listening_socket_is_refused(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOT_LISTENING, kind], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        yield manager


def test_it_hears_how_the_service_is_doing(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "HOME": "/"}
    notifier = Notifier.from_environment(environ)
    assert environ == {"HOME": "/"}, "no child speaks for it"
    notifier.ready("3 networks")
    assert manager.recv(999) == b"READY=1\nSTATUS=3 networks"
    notifier.reloading()
    first, second = manager.recv(999).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.removeprefix(b"MONOTONIC_USEC=").isdigit()
    notifier.status("two\nlines\x00READY=1")
    assert manager.recv(999) == b"STATUS=two lines\x00READY=1"
    notifier.stopping()
    assert manager.recv(999) == b"STOPPING=1"


@pytest.mark.skipif(sys.platform != "linux", reason="names without a file are Linux's")
def test_the_manager_may_have_a_name_without_a_file() -> None:
    name = f"bitboot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(5)
        Notifier.from_environment({"NOTIFY_SOCKET": "@" + name}).ready()
        assert manager.recv(99) == b"READY=1"


def test_without_systemd_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    Notifier.from_environment({}).ready()
    assert caplog.messages == []


def test_a_manager_that_does_not_listen_ends_no_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Notifier(str(tmp_path / "nobody")).ready()
    (message,) = caplog.messages
    assert message.startswith("systemd could not be told READY=1: ")


def test_a_manager_that_does_not_read_is_not_waited_for(
    manager: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(manager.getsockname())
    for _ in range(5000):
        if caplog.messages:
            break
        notifier.status("busy")
    assert "STATUS=busy" in caplog.messages[0]
