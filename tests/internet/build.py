"""Builds the lab inside namespaces of its own, and stays: `Lab` runs it as `python -m tests.internet.build`.

It is the first process of its process namespace: when it ends, whatever runs in the lab ends, and the
network is gone. It ends with its standard input, so with whoever holds the other end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from .plan import BuildFailed, Plan, command, small_internet
from .routers import UPNP_CHAINS, UPNP_CONFIG, nat_rules
from .topology import HOMES, HOSTS_FILE, home_network

NAMESPACES = Path("/run/netns")
WIRE = Path(__file__).resolve().parent / "programs" / "wire.py"
MEDIAN = 40
"""Milliseconds one way between two public addresses, with delays."""


def on(host: str) -> list[str]:
    """What has a command run on a host, from inside the lab."""
    return ["nsenter", f"--net={NAMESPACES / host}"]


def _configure(plan: Plan, median: int, draw: str, folder: Path) -> None:
    for host in ("core", "isp", *(home.name for home in HOMES)):
        _sysctl(host, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    # A host with two addresses may answer through either of its cables.
    for host, device in (("core", "multi"), ("multi", "eth1")):
        _sysctl(host, "net.ipv4.conf.all.rp_filter=0", f"net.ipv4.conf.{device}.rp_filter=0")
    for home in HOMES:
        command([*on(home.name), "nft", "-f", "-"], nat_rules(home.nat, home.address))
        if home.carrier:
            command([*on("isp"), "nft", "-f", "-"], nat_rules("cone", home.address))
        if home.udp_timeout:
            timeout = "net.netfilter.nf_conntrack_udp_timeout"
            _sysctl(home.name, f"{timeout}={home.udp_timeout}", f"{timeout}_stream={home.udp_timeout}")
        if home.upnp and shutil.which("miniupnpd"):
            command([*on(home.name), "nft", "-f", "-"], UPNP_CHAINS)
            config = folder / f"miniupnpd-{home.name}.conf"
            config.write_text(UPNP_CONFIG.format(network=home_network(home)))
            pid_file = str(folder / f"miniupnpd-{home.name}.pid")
            label = f"miniupnpd-{home.name}"
            _start(folder, home.name, label, ["miniupnpd", "-d", "-f", str(config), "-P", pid_file])
    _start(folder, "wire", "wire", [sys.executable, str(WIRE), str(median), draw, json.dumps(plan.wires)])


def _sysctl(host: str, *settings: str) -> None:
    command([*on(host), "sysctl", "-qw", *settings])


def _start(folder: Path, host: str, label: str, arguments: list[str]) -> None:
    with (folder / "logs" / f"{label}.log").open("wb") as log:
        subprocess.Popen([*on(host), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _mount(folder: Path) -> None:
    """A /run of the lab's own, and names of the lab's own. Seen by the lab alone."""
    command(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    NAMESPACES.mkdir()
    (folder / "hosts").write_text(HOSTS_FILE)
    (folder / "resolv.conf").touch()
    command(["mount", "--bind", str(folder / "hosts"), "/etc/hosts"])
    if Path("/etc/resolv.conf").exists():  # where it was a link into the former /run, it is gone by now
        command(["mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf"])


def _wait_for_the_wire(folder: Path) -> None:
    log = folder / "logs" / "wire.log"
    end = time.monotonic() + 30
    while "ready" not in log.read_text():
        if time.monotonic() > end:
            raise BuildFailed(f"the wire does not come up: {log.read_text()}")
        time.sleep(0.01)


def _end_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Build, say `ready` or what failed in one line, and stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delays", action="store_true")
    parser.add_argument("--draw", default="")
    parser.add_argument("--dead", type=int, default=0)
    chosen = parser.parse_args()
    try:
        _mount(chosen.folder)
        plan = small_internet(chosen.delays, chosen.dead)
        plan.apply()
        _configure(plan, MEDIAN if chosen.delays else 0, chosen.draw, chosen.folder)
        _wait_for_the_wire(chosen.folder)
    except (BuildFailed, OSError) as error:
        print(" ".join(str(error).split()), flush=True)
        return
    print("ready", flush=True)
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    while True:  # orphans become this process's children, and are to be waited for
        os.wait()


if __name__ == "__main__":
    main()
