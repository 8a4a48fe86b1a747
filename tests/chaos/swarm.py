"""Processes of `bitboot join` to be unkind to, and what their events say of whom they see."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

SWARM = "chaos"
LIFETIME = 15
"""Seconds after which announcements are renewed at the latest: minutes have to do for days."""

PATIENCE = 150.0
"""Seconds that any state may take on a machine that is busy with other things."""

LOOK_EVERY = 0.2
AT_ONCE = 5
"""Processes that start at the same time: a Python needs its processor for a while."""


class Member:
    """One process of `bitboot`, with its own state folder, loopback address and announced port."""

    def __init__(self, folder: Path, number: int, command: str = "join") -> None:
        self.port = 10_000 + number
        self.seen: set[int] = set()
        self.address = ""
        """Where its node listens, once it is ready."""
        self.is_ready = False
        self.errors: list[dict[str, Any]] = []
        self._command = command
        # Linux has all of 127.0.0.0/8: there nobody else takes an address between two runs.
        host = f"127.77.0.{number + 1}" if sys.platform == "linux" else "127.0.0.1"
        self._listen = f"{host}:0"
        self._folder = folder / str(number)
        self._folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self._runs = self._read_to = 0

    def start(self, bootstrap: Sequence[str]) -> None:
        """Run it, with these contacts and whatever it has kept."""
        config = self._folder / "config.json"
        settings: dict[str, object] = {
            "bootstrap": list(bootstrap),
            "listen": self._listen,
            "state_dir": str(self._folder / "state"),
            "lifetime": LIFETIME,
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        arguments = [self._command, SWARM if self._command == "join" else "nobody is here"]
        if self._command == "join":
            arguments += ["--port", str(self.port)]
        self._runs += 1
        self._read_to = 0
        self.seen.clear()
        self.is_ready = False
        with self._output.open("wb") as out, (self._folder / f"errors-{self._runs}").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bitboot_core", *arguments, "--config", str(config), "--json"],
                stdout=out,
                stderr=errors,
            )

    @property
    def _output(self) -> Path:
        return self._folder / f"events-{self._runs}"

    @property
    def is_running(self) -> bool:
        """Whether the process is there, stopped or not."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, without a word to anybody."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def read(self) -> None:
        """Take note of its latest events."""
        with self._output.open("rb") as file:
            file.seek(self._read_to)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            if event["event"] == "peer-joined":
                self.seen.add(event["port"])
            elif event["event"] == "peer-left":
                self.seen.discard(event["port"])
            elif event["event"] == "ready":
                self.is_ready = True
                self.address = self._listen = event["listen"]  # the same at the next start
            elif event["event"] == "error":
                self.errors.append(event)

    def __repr__(self) -> str:
        state = "running" if self.is_running else "not running"
        return f"{self.port} ({state}, sees {len(self.seen)}, last error: {self.errors[-1:]})"


def start_all(members: Iterable[Member], bootstrap: Sequence[str]) -> None:
    """Start them, a few at a time, and wait until they are ready."""
    waiting = list(members)
    while waiting:
        some, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        for member in some:
            member.start(bootstrap)
        wait_until(some, lambda member: member.is_ready, "is ready")


def settle(members: Sequence[Member]) -> None:
    """Wait until every one of them sees every one of them."""
    ports = {member.port for member in members}
    wait_until(members, lambda member: ports <= member.seen, f"sees all {len(ports)}")


def wait_until(members: Iterable[Member], holds: Callable[[Member], bool], what: str) -> None:
    """Read events until something holds for each of them. Fails after PATIENCE, and says for whom."""
    deadline = time.monotonic() + PATIENCE
    waiting = list(members)
    while True:
        for member in waiting:
            member.read()
            assert member.is_running, f"{member} has ended by itself"
        waiting = [member for member in waiting if not holds(member)]
        if not waiting:
            return
        assert time.monotonic() < deadline, f"not for all holds that it {what}: {waiting}"
        time.sleep(LOOK_EVERY)
