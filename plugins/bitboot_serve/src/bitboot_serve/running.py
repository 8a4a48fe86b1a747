"""The daemon's life: from its sockets to its last withdrawal."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bitboot_core import BitBootConfig, BitBootError, InvalidConfig
from bitboot_core.aio.logs import logger

from .app import create_app
from .daemon import Daemon
from .paths import default_token
from .secrets import Secrets
from .serving import Servers
from .sockets import has_unix_sockets, tcp_socket, token_in, unix_socket
from .systemd import Notifier, passed_sockets

_log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the daemon listens, and where its own files are. `tcp`: "host:port", None for no such port.
    `token_file`: None for the one in the state folder.
    """

    socket: Path
    tcp: str | None
    token_file: Path | None
    secrets: Path


async def serve(read_config: Callable[[], BitBootConfig], place: Place, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `tell`: prints a line for people.

    `read_config`: reads the configuration, now and at each SIGHUP. Raises what that raises, what
    `BitBoot.create` does, ListenFailed, and InvalidConfig.
    """
    config = read_config()
    systemd = Notifier.from_environment()
    with ExitStack() as stack:
        sockets = _sockets(place, stack)
        has_tcp = any(one.family in (socket.AF_INET, socket.AF_INET6) for one in sockets)
        token = token_in(place.token_file or default_token(config.state_dir)) if has_tcp else None
        stopped = asyncio.Event()
        reload = asyncio.Event()
        stack.enter_context(_signals(stopped, reload))
        async with Daemon(config, secrets=Secrets(place.secrets)) as daemon:
            servers = Servers(daemon, create_app(daemon), sockets, token)
            await servers.start()
            try:
                for one in sockets:
                    tell(f"serving on {_spelt(one, token)}")
                systemd.ready(_serving(daemon))
                _log.info("%s", _serving(daemon))
                await reload_until(stopped, reload, daemon, read_config, systemd)
            finally:
                systemd.stopping()
                daemon.closing.set()
                await servers.stop()


async def reload_until(
    stopped: asyncio.Event,
    reload: asyncio.Event,
    daemon: Daemon,
    read_config: Callable[[], BitBootConfig],
    systemd: Notifier,
) -> None:
    """Read the configuration again whenever `reload` is set, until `stopped` is, whatever goes on then."""
    reloading = asyncio.create_task(_reload_for_ever(reload, daemon, read_config, systemd))
    ending = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({reloading, ending}, return_when=asyncio.FIRST_COMPLETED)
        if reloading.done():
            reloading.result()  # it goes on for ever: what it raises is a fault of our own
    finally:
        reloading.cancel()
        ending.cancel()
        await asyncio.gather(reloading, ending, return_exceptions=True)


async def _reload_for_ever(
    reload: asyncio.Event, daemon: Daemon, read_config: Callable[[], BitBootConfig], systemd: Notifier
) -> None:
    """Read the configuration again whenever that is asked for."""
    while True:
        await reload.wait()
        reload.clear()
        systemd.reloading()
        try:
            waiting = await daemon.reconfigure(await asyncio.to_thread(read_config))
        except BitBootError as error:
            daemon.tell_reload_failed(error)
            _log.error("the configuration stays as it was: %s", error)
        else:
            _log.info("the configuration has been read again")
            for name in waiting:
                _log.warning("%s in the configuration has changed: restart to apply", name)
        systemd.ready(_serving(daemon))


def _serving(daemon: Daemon) -> str:
    return f"serving {', '.join(daemon.bitboot.networks())}"


def _sockets(place: Place, stack: ExitStack) -> Sequence[socket.socket]:
    inherited = passed_sockets()
    if inherited:
        return [stack.enter_context(one) for one in inherited]
    found = []
    if has_unix_sockets():
        found.append(stack.enter_context(unix_socket(place.socket)))
    elif place.tcp is None:
        raise InvalidConfig("this system has no unix sockets", hint="give --tcp 127.0.0.1:PORT")
    if place.tcp is not None:
        found.append(stack.enter_context(tcp_socket(place.tcp)))
    return found


def _spelt(one: socket.socket, token: str | None) -> str:
    """A socket as people use it: for a browser with the token, after the # that no request carries."""
    if one.family not in (socket.AF_INET, socket.AF_INET6):
        return str(one.getsockname())
    host, port = one.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/#token={token}"


@contextmanager
def _signals(stopped: asyncio.Event, reload: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT end the daemon, SIGHUP has it read its configuration again."""
    loop = asyncio.get_running_loop()
    meant = {"SIGTERM": stopped, "SIGINT": stopped, "SIGBREAK": stopped, "SIGHUP": reload}
    events = {getattr(signal, name): event for name, event in meant.items() if hasattr(signal, name)}
    # signal.signal() rather than loop.add_signal_handler(), which Windows does not have.
    before = {
        number: signal.signal(number, lambda number, _: loop.call_soon_threadsafe(events[number].set))
        for number in events
    }
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
