"""A network namespace whose loopback interface has some of the internet's addresses. Nothing leaves it."""

from __future__ import annotations

import os
import subprocess
import sys

NETWORKS = ("20.0.0.0/8", "66.0.0.0/8")
"""20: the honest; 66: strangers."""

_INSIDE = "BITBOOT_ATTACKS_INSIDE"


def enter() -> None:
    """Go on in such a namespace. Exits where there is none to be had."""
    if os.environ.get(_INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for network in NETWORKS:
            subprocess.run(["ip", "route", "add", "local", network, "dev", "lo"], check=True)
        return
    os.environ[_INSIDE] = "1"
    command = ["unshare", "-Urn", sys.executable, "-m", "benchmarks.attacks", *sys.argv[1:]]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"unshare cannot be run ({error}): these attacks take Linux, and leave to make namespaces")


def say(what: str, figure: str, goal: str = "", *, reached: bool = True) -> None:
    """One line of the results."""
    verdict = "" if not goal else f"   goal: {goal}: {'reached' if reached else 'MISSED'}"
    print(f"  {what:<64}{figure}{verdict}", flush=True)
