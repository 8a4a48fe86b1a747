"""The program `bitboot`: its commands, and what becomes of their errors."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from ..errors import BitBootError, UsageError
from . import classic
from .announce import announce
from .demo import demo
from .events import Failed
from .lookup import lookup
from .networks import networks
from .plugins import plugins
from .report import report_for
from .watch import join, watch

FAILED = 1
WRONG_USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bitboot-core", prog_name="bitboot")
def bitboot() -> None:
    """Find your program's other instances, with no server.

    A swarm is known by its name: announce yourself in it, look up who else did.
    """


for command in (announce, lookup, watch, join, networks, plugins, demo):
    bitboot.add_command(command)


def run(argv: Sequence[str]) -> int:
    """Run the command that `argv` asks for; return its exit status. No foreseen error leaves it."""
    as_json = "--json" in argv
    try:
        if classic.is_classic(argv):
            return classic.run(argv)
        status = bitboot.main(list(argv), prog_name="bitboot", standalone_mode=False)
        return status or 0
    except click.ClickException as error:  # what click itself refuses: an unknown option, a missing argument
        if as_json:
            report_for(True).tell(Failed(error="UsageError", message=error.format_message(), hint=""))
        else:
            error.show()
        return WRONG_USAGE
    except BitBootError as error:
        report_for(as_json).tell(Failed.of(error))
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # Whoever read our output has gone (`bitboot lookup x | head -1`). Python would complain once
        # more when it flushes stdout at exit, so that goes nowhere.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
