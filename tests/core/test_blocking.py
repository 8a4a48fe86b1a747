"""The same calls for programs without asyncio."""

import asyncio
import gc
import inspect
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

import bitboot_core
from bitboot_core import (
    Announces,
    Backend,
    BackendTimeout,
    BitBootConfig,
    Capabilities,
    Identity,
    KnownHost,
    NetworkDefinition,
    NotRunning,
    PeerJoined,
    Registry,
    Scope,
    UnknownNetwork,
    blocking,
)
from bitboot_core.testing import FakeBackend, FakePortMapper, hangs, mapper_spec_of, spec_of

HERE = KnownHost("192.0.2.7", 6881)


def made(registry: Registry, backend: Backend, **fields: Any) -> blocking.BitBoot:
    registry.register_backend(spec_of(backend, "fake-backend", ["fake"]))
    settings: dict[str, Any] = {"network": NetworkDefinition("fake", "fake"), "state_dir": False} | fields
    return blocking.BitBoot(BitBootConfig(**settings), registry=registry)


def test_announce_find_and_look_up(registry: Registry) -> None:
    backend = FakeBackend(peers=[HERE, KnownHost("192.0.2.8", 6881)])
    with made(registry, backend) as bitboot:
        bitboot.ready()
        with bitboot.announce("swarm", HERE) as announcement:
            announcement.announced(timeout=5)
            assert announcement.status["fake"].stored_on > 0
            assert announcement.status_of("swarm")["fake"].successes == 1
            with bitboot.find("swarm", limit=1) as found:
                assert [peer.host for peer in found] == ["192.0.2.7"]
                assert not found.failures
            assert len(bitboot.lookup("swarm")) == 2
        assert bitboot.networks()["fake"].ready
    assert backend.count("aclose") == 1


def test_items(registry: Registry) -> None:
    ada = Identity.generate()
    with made(registry, FakeBackend()) as bitboot:
        with bitboot.publishing(ada, b"hello") as publication:
            publication.published(timeout=5)
            publication.update(b"hello again")
            item = bitboot.resolve(ada.public_key)
            assert item == publication.item
            assert item.value == b"hello again"
            assert publication.status["fake"].stored_on == 1
            assert not publication.is_over("fake")
        bitboot.publish(ada, b"salted", salt=b"salt").close()
        salted = bitboot.resolve(ada.public_key, b"salt")
        assert salted is not None
        assert salted.value == b"salted"
        assert bitboot.get_item(bitboot.put_item(b"value")) == b"value"
        with bitboot.join("swarm", HERE, publish=ada) as swarm:
            while swarm.publication is None:
                swarm.announced()
            swarm.publication.published()
            assert [peer.endpoint for peer in bitboot.find_member(ada.public_key)] == [HERE]


def test_a_swarm_is_counted(registry: Registry) -> None:
    can = Capabilities(can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PROCESS, sizes=True)
    with made(registry, FakeBackend(peers=[HERE], capabilities=can)) as bitboot:
        assert bitboot.size("swarm").total == 1
        assert bitboot.size("swarm", timeout=1.0).networks["fake"].peers == 1


def test_join_and_watch_give_events_until_they_are_closed(registry: Registry) -> None:
    with made(registry, FakeBackend(peers=[HERE])) as bitboot:
        with bitboot.join("swarm", HERE) as swarm:
            swarm.announced()
            assert isinstance(next(swarm), PeerJoined)
            assert [peer.port for peer in swarm.peers] == [6881]
            assert swarm.announcement.status["fake"].stored_on
        watch = bitboot.watch("swarm")
        with watch:
            next(watch)
        assert list(watch) == []


def test_a_port_is_mapped_and_announced(registry: Registry) -> None:
    mapper = FakePortMapper("81.2.69.160")
    registry.register_port_mapper(mapper_spec_of(mapper))
    with made(registry, FakeBackend()) as bitboot:
        with bitboot.map_port(7001, transport="udp") as mapping:
            assert mapping.external == mapping.mapped() == KnownHost("81.2.69.160", 7001)
            assert mapping.externals == {4: mapping.external}
            assert (mapping.method, mapping.error) == ("fake", None)
            assert mapping.expires_in
        assert not mapper.open
        with bitboot.announce("swarm", port=7002, map_port=True) as announcement:
            announcement.announced(timeout=5)
            assert announcement.mapping is not None
            assert announcement.mapping.external == KnownHost("81.2.69.160", 7002)
        with bitboot.join("swarm", port=7003, map_port=True) as swarm:
            swarm.announced(timeout=5)
            assert mapper.open.keys() == {("tcp", 7003), ("udp", 7003)}
        assert not mapper.open


def test_errors_are_the_same(registry: Registry) -> None:
    with made(registry, FakeBackend(lookup=hangs()), timeout=0.05) as bitboot:
        with pytest.raises(BackendTimeout):
            bitboot.lookup("swarm")
        with pytest.raises(UnknownNetwork):
            bitboot.remove_network("nowhere")
    with pytest.raises(NotRunning, match="closed"):
        bitboot.lookup("swarm")
    bitboot.close()


def test_no_thread_is_left(registry: Registry) -> None:
    before = threading.active_count()
    with made(registry, FakeBackend()) as bitboot:
        assert threading.active_count() > before
        announcement = bitboot.announce_peer("swarm", HERE)
    announcement.close()
    assert threading.active_count() == before


def test_several_threads_use_one_bitboot(registry: Registry) -> None:
    with made(registry, FakeBackend(peers=[HERE])) as bitboot:
        counts: list[int] = []
        threads = [
            threading.Thread(target=lambda: counts.append(len(bitboot.lookup("swarm")))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counts == [1] * 8


def test_closing_ends_what_other_threads_wait_for(registry: Registry) -> None:
    bitboot = made(registry, FakeBackend(peers=[HERE], lookup=hangs())).__enter__()
    seen: list[object] = []
    reading = threading.Event()

    def read() -> None:
        for event in bitboot.watch("swarm").__enter__():
            seen.append(event)
            reading.set()
        seen.append("end")

    def look_up() -> None:
        with suppress(NotRunning):
            seen.append(bitboot.lookup("swarm"))

    threads = [threading.Thread(target=one) for one in (read, look_up)]
    for thread in threads:
        thread.start()
    assert reading.wait(timeout=30)
    bitboot.close()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert "end" in seen


def test_it_cannot_wait_for_itself(registry: Registry) -> None:
    with made(registry, FakeBackend()) as bitboot:
        loop = bitboot._loop
        with pytest.raises(NotRunning, match="own event loop"):
            loop.ask(lambda: bitboot.lookup("swarm"))


@pytest.mark.filterwarnings("error")
def test_ctrl_c_anywhere_in_a_call_leaves_no_coroutine_behind_and_no_lock_taken(registry: Registry) -> None:
    """Python acts on a signal where a function begins or ends: here in each of them in turn."""
    moments_left = 0
    here = ("blocking", "threading", "concurrent", "asyncio", "queue")

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal moments_left
        if event in ("call", "return") and any(one in frame.f_code.co_filename for one in here):
            moments_left -= 1
            if moments_left == 0:
                raise KeyboardInterrupt
        return trace

    async def act() -> None:
        await asyncio.sleep(0.001)  # so that the caller waits for it

    with made(registry, FakeBackend()) as bitboot:
        for moments in range(1, 400):
            moments_left = moments
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                bitboot._loop.call(act)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(before)
            gc.collect()
            assert bitboot.lookup("swarm") == []
            if moments_left > 0:
                break
        assert moments_left > 0, "it never came to its end"


PROGRAM = """
import logging
logging.getLogger("asyncio").setLevel(logging.ERROR)  # not what a busy machine did slowly
from bitboot_core import KnownHost
from bitboot_core.blocking import BitBoot
bitboot = BitBoot.create(network="local")
bitboot.announce_peer("swarm", KnownHost("127.0.0.1", 6881))
try:
    for event in bitboot.watch("swarm").__enter__():
        print(event.peer, flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to one process")
def test_ctrl_c_ends_the_wait_and_what_is_left_open_is_closed_at_the_end() -> None:
    pytest.importorskip("bitboot_local")
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "127.0.0.1:6881\n"
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()  # or the end of the block waits for one that did not stop
    assert (out, err, process.returncode) == ("stopped\n", "", 0)


PAIRS = [
    (bitboot_core.BitBoot, blocking.BitBoot),
    (bitboot_core.Announcement, blocking.Announcement),
    (bitboot_core.PortMapping, blocking.PortMapping),
    (bitboot_core.Lookup, blocking.Lookup),
    (bitboot_core.Watch, blocking.Watch),
    (bitboot_core.Swarm, blocking.Swarm),
]

INTERNAL = {"open", "end", "join", "leave"}
"""`with` opens and closes; the rest is for BitBoot to call."""

LEFT_OUT: dict[str, set[str]] = {
    "BitBoot": {"backend"},  # it lives on the loop's thread
    "Announcement": INTERNAL,
    "PortMapping": INTERNAL,
    "Lookup": INTERNAL | {"endpoints", "details", "changed"},  # for a Watch to read
    "Watch": INTERNAL | {"scan_once_stored"},  # for a Swarm to call
    "Swarm": set(),
}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda pair: pair.__name__)
def test_nothing_is_missing(ours: type, theirs: type) -> None:
    for name, method in inspect.getmembers(ours, callable):
        if not name.startswith("_") and name not in LEFT_OUT[ours.__name__]:
            other = getattr(theirs, "close" if name == "aclose" else name)
            assert inspect.signature(other).parameters.keys() == inspect.signature(method).parameters.keys()
