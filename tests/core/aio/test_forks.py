"""A child of os.fork, in processes of their own: the child's end leaves the parent as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

SOCKET = """\
import asyncio, os, socket, sys
from bitboot_core.aio.udp import UdpSocket, open_socket

async def main():
    heard, child_heard = asyncio.Event(), []
    def receive(datagram, sender):
        child_heard.append(datagram)
        heard.set()
    udp = UdpSocket(open_socket(4, "127.0.0.1", 0), receive)
    to = udp.address.host, udp.address.port
    parent = os.getpid()
    child = os.fork()
    if not child:
        try:
            udp.send(b"from the child", to)
            sys.stderr.write("the child has sent")
        except OSError:
            pass
        udp.close()
        udp.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"hello", to)
        async with asyncio.timeout(20):
            await heard.wait()
    assert child_heard == [b"hello"], child_heard
    await udp.aclose()

asyncio.run(main())
"""

BLOCKING = """\
import os, sys
from bitboot_core import NotRunning
from bitboot_core.blocking import BitBoot

def run(in_child):
    child = os.fork()
    if not child:
        in_child()
        sys.exit(3)  # through all that is open
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def lookup():
    try:
        bitboot.lookup("unique_network")
    except NotRunning as error:
        assert "fork" in str(error), error
        os._exit(4)

with BitBoot(network="local") as bitboot, bitboot.announce("unique_network", port=7001) as announcement:
    announcement.announced()
    assert run(lambda: None) == 3
    assert run(lookup) == 4
    assert run(bitboot.close) == 3
    with BitBoot(network="local") as another:
        assert run(lambda: another.close()) == 3
    assert [peer.port for peer in bitboot.lookup("unique_network")] == [7001]
"""


@pytest.mark.parametrize("program", [SOCKET, BLOCKING], ids=["a socket", "blocking"])
def test_a_childs_end_leaves_the_parent_as_it_was(program: str) -> None:
    """Else the parent is deaf, since its event loop watches by the same epoll, or the child hangs."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
