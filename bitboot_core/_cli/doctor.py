"""`bitboot doctor`: what usually goes wrong, looked at one by one, and what to do about it."""

from __future__ import annotations

import time

import click

from .._plugins.registry import default_registry
from .checkup.checkup import Checkup
from .help import Command, example
from .options import Settings, network_options
from .report.checks import FAILED, Check
from .running import run


@click.command(
    cls=Command,
    short_help="Find out what is wrong, and what to do about it.",
    epilog=example("bitboot doctor", "bitboot doctor --network mainline --timeout 10"),
)
@network_options
def doctor(settings: Settings) -> int:
    """Look at what usually goes wrong, and say what to do about it.

    At the plugins, the clock and the state folder; then, for each network, whether its bootstrap
    contacts resolve and answer, whether UDP gets out, IPv4 and IPv6, how others see this machine, and
    whether the router opens ports. Nothing is changed there.
    Works offline too, and says that it is. The exit status is 1 where something is wrong.
    """
    report = settings.report
    began = time.monotonic()
    checkup = Checkup(report, default_registry())
    finished = run(checkup.run(settings, settings.config()))
    if finished is None:
        checkup.tell(Check(check="doctor", status=FAILED, message="stopped before all was looked at"))
    verdict = checkup.verdict(time.monotonic() - began)
    report.tell(verdict)
    return 1 if verdict.failed else 0
