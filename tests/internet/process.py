"""A program on a host of the lab, as seen from outside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO


class Process:
    """A command behind `nsenter`, which stays as its parent: signals go to the command itself."""

    def __init__(self, command: Sequence[str], log: IO[bytes]) -> None:
        self._entry = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._entry.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal. It is waited for, where it was started only just now."""
        children = Path(f"/proc/{self._entry.pid}/task/{self._entry.pid}/children")
        while self.is_running and not (child := children.read_text().split()):
            time.sleep(0.01)
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child[0]), number)

    def stop(self) -> int:
        """End it as a service manager would; its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it without a word to anybody."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout: float = 30) -> int:
        """Wait for its end; its exit status."""
        return self._entry.wait(timeout)
