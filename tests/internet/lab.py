"""A small internet out of Linux network namespaces, and programs that run on its hosts.

`python -m tests.internet.lab --help` builds one to look around in; see README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import topology
from .process import Process

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds that a process may take to get ready on a machine that is busy with other things."""

PACKAGES = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "nft": "nftables",
    "sysctl": "procps",
}
"""The Debian package of each tool that a lab is built with."""

_TRIAL = """
mount -t tmpfs tmpfs /run
ip link add trial type veth peer name far
ip link add bridge type bridge
nft 'add table inet trial; add chain inet trial nat { type nat hook postrouting priority 100; };
     add rule inet trial nat masquerade'
"""


def _look_for_tools() -> None:
    """Look where Debian keeps ip and nft too, and users do not."""
    if "/usr/sbin" not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + os.pathsep.join(["/usr/sbin", "/sbin"])


def _unshare() -> list[str]:
    own = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", "--net", "--mount", *own]


def missing() -> str | None:
    """What a lab would need and is not there; None where one can be built."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    _look_for_tools()
    absent = sorted({package for tool, package in PACKAGES.items() if not _is_installed(tool)})
    if absent:
        return f"not installed: apt install {' '.join(absent)}"
    trial = [*_unshare(), "sh", "-ec", _TRIAL]
    done = subprocess.run(trial, check=False, capture_output=True, text=True)
    if done.returncode:
        who = "root" if os.getuid() == 0 else "users"
        return f"the kernel or its settings do not let {who} build networks: {done.stderr.strip()}"
    return None


def _is_installed(tool: str) -> bool:
    return any(os.access(Path(folder) / tool, os.X_OK) for folder in os.get_exec_path())


class LabFailed(Exception):
    """The lab could not be built, or is gone. Says why."""


class Lab:
    """A small internet. `folder` holds its logs, its nodes' control sockets and their states.

    Several labs run side by side; what runs in one ends with it, and it ends with this process. `delays`:
    each pair of addresses has one of its own, the same in every lab of one `draw`.
    """

    def __init__(self, folder: Path, *, delays: bool = False, draw: str = "", dead: int = 0) -> None:
        self.folder = folder
        self.dead = topology.dead_hosts(dead)
        self._options = [f"--dead={dead}", f"--draw={draw}", *(["--delays"] if delays else [])]
        self._builder: subprocess.Popen[str] | None = None
        self._processes: list[Process] = []

    def up(self) -> None:
        """Build it: a second. Raises LabFailed."""
        _look_for_tools()
        for name in ("logs", "state", "control"):
            (self.folder / name).mkdir()
        command = [*_unshare(), "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]
        command += [sys.executable, "-m", "tests.internet.build", str(self.folder), *self._options]
        with self.log_of("lab").open("wb") as log:
            self._builder = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for us; the lab ends with its standard input
            )
        assert self._builder.stdout is not None
        answer = self._builder.stdout.readline().strip()
        if answer != "ready":
            self.down()
            raise LabFailed(answer or self.log_of("lab").read_text())
        children = Path(f"/proc/{self._builder.pid}/task/{self._builder.pid}/children")
        (self.folder / "holder").write_text(children.read_text().split()[0])

    def down(self) -> None:
        """End every process in it, and with them the network. The folder stays."""
        if self._builder is None:
            return
        assert self._builder.stdin is not None
        assert self._builder.stdout is not None
        self._builder.stdin.close()
        self._builder.wait(PATIENCE)
        self._builder.stdout.close()
        for process in self._processes:
            process.wait()

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def start(self, host: str, *command: str, label: str | None = None) -> Process:
        """Start a program on a host. Its output goes to the log `label`, its state to a folder `label`."""
        label = label or host
        with self.log_of(label).open("wb") as log:
            process = Process([*self.entry(host, label), *command], log)
        self._processes.append(process)
        return process

    def call(
        self, host: str, *command: str, timeout: float = PATIENCE, label: str | None = None, text: str = ""
    ) -> str:
        """Run a program on a host to its end, with `text` as its input; what it printed."""
        entry = self.entry(host, label or f"{host}-call")
        done = subprocess.run(
            [*entry, *command], check=False, input=text, capture_output=True, text=True, timeout=timeout
        )
        return done.stdout + done.stderr

    def ip(self, host: str, *arguments: str) -> None:
        """Change a host's addresses, links or routes: `ip("lt3", "link", "set", "eth0", "down")`."""
        self._must(host, "ip", *arguments)

    def nft(self, host: str, rules: str) -> None:
        """Add firewall rules to a host."""
        self._must(host, "nft", "-f", "-", text=rules)

    def _must(self, host: str, *command: str, text: str = "") -> None:
        if problem := self.call(host, *command, text=text):
            raise LabFailed(f"{host}, {' '.join(command)}: {problem}")

    def log_of(self, label: str) -> Path:
        """Where a program's output goes."""
        return self.folder / "logs" / f"{label}.log"

    def entry(self, host: str, label: str) -> list[str]:
        """What has a command run on a host: put before it. Nothing of the user's own settings gets there."""
        try:
            holder = (self.folder / "holder").read_text()
        except FileNotFoundError:
            raise LabFailed(f"no lab is up in {self.folder}") from None
        state = self.folder / "state" / label
        state.mkdir(parents=True, exist_ok=True)
        user = [] if os.getuid() == 0 else ["--user", "--preserve-credentials"]
        own = [
            f"HOME={state}",
            f"BITBOOT_STATE_DIR={state}",
            "PYTHONUNBUFFERED=1",
            f"PATH={os.environ['PATH']}",
        ]
        return [
            *["nsenter", f"--target={holder}", *user, "--mount", "--net", "--pid", "--"],
            *["nsenter", f"--net=/run/netns/{host}", "env", "-i", f"--chdir={state}", *own],
        ]


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Until it holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)


def _folder() -> Path:
    own = os.environ.get("LAB_RUN")
    return Path(own) if own else Path(tempfile.gettempdir()) / f"bitboot-lab-{os.getuid()}"


def _build(delays: bool, dead: int, with_nodes: bool) -> None:
    from .nodes import start_public_nodes  # noqa: PLC0415 - which imports this module

    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as inner, Lab(Path(inner), delays=delays, dead=dead) as lab:
        current = folder / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(inner)
        if with_nodes:
            start_public_nodes(lab)
        print("up until Ctrl-C; in another terminal: python -m tests.internet.lab run HOST COMMAND...")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


def _run(host: str, command: Sequence[str]) -> None:
    """Become a command on a host."""
    _look_for_tools()
    entry = Lab(_folder() / "current").entry(host, f"{host}-run")
    os.execvp(entry[0], [*entry, *command])


def main() -> None:
    """Build a lab to look around in, or run something on one of its hosts."""
    parser = argparse.ArgumentParser(prog="python -m tests.internet.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="build a lab, which lasts until Ctrl-C")
    up.add_argument("--nodes", action="store_true", help="start the public nodes")
    up.add_argument("--delays", action="store_true", help="every pair of addresses its own delay")
    up.add_argument("--dead", type=int, default=0, metavar="N", help="contacts that went silent")
    enter = commands.add_parser("run", help="run a command on a host")
    enter.add_argument("host")
    enter.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND...")
    chosen = parser.parse_args()
    if chosen.command == "run":
        _run(chosen.host, chosen.argv)
    elif problem := missing():
        raise SystemExit(problem)
    elif not 0 <= chosen.dead <= topology.MAX_DEAD:
        parser.error(f"--dead takes 0 to {topology.MAX_DEAD}")
    else:
        _build(chosen.delays, chosen.dead, chosen.nodes)


if __name__ == "__main__":
    main()
