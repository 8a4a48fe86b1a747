"""The program `bitboot`: its commands, and what becomes of their errors.

What a command needs is imported when it is called: `bitboot --help` waits for nothing but click.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from importlib import import_module

import click

from .. import __version__
from ..errors import BitBootError, UsageError
from .help import Context, example
from .report.escaping import escaped
from .spellings import is_classic
from .statuses import FAILED, WRONG_USAGE

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
"""What writing fails with, where click writes by itself, as it does its help."""

COMMANDS = {
    "announce": ("announce", "Be found in a swarm, until Ctrl-C."),
    "completion": ("completion", "Print the script that lets your shell complete commands."),
    "demo": ("demo", "Show it at work on this machine alone."),
    "doctor": ("doctor", "Find out what is wrong, and what to do about it."),
    "identity": ("identity", "Show who you are to others, or be somebody."),
    "join": ("watch", "Be found in a swarm, and see who else is there, until Ctrl-C."),
    "lookup": ("lookup", "Find the peers of a swarm."),
    "networks": ("networks", "List the networks, and the backends that serve them."),
    "plugins": ("plugins", "List what is installed, and what is wrong with it."),
    "publish": ("publish", "Keep a value where others find it by your key, until Ctrl-C."),
    "resolve": ("resolve", "Show what is published under a key."),
    "run": ("run", "Start a program with a swarm's peers in its environment."),
    "secret": ("secret", "Make the secret of a private swarm."),
    "watch": ("watch", "See who joins a swarm and who leaves it, until Ctrl-C."),
}
"""Each command's room, and the line that the list of commands has for it."""


OF_PLUGINS = {"serve"}
"""Commands that plugins of the project's own bring, each in the extra of its name."""


class Commands(click.Group):
    """The group of all commands: our own are imported when they are first asked for, plugins' after them."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *plugin_commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _imported(cmd_name) if cmd_name in COMMANDS else plugin_commands().get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
        if brought := plugin_commands():
            with formatter.section("Commands of plugins"):
                formatter.write_dl(
                    [(name, escaped(one.get_short_help_str(limit=70))) for name, one in brought.items()]
                )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and name not in plugin_commands():
            from difflib import get_close_matches  # noqa: PLC0415 - only to help with a misspelt name

            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]}?" if near and name not in OF_PLUGINS else _of_plugins(name)
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("bitboot demo"),
)
@click.version_option(__version__, "-V", "--version", prog_name="bitboot")
def bitboot() -> None:
    """Find your program's other instances, with no server.

    A swarm is known by its name: announce yourself in it, look up who else did.
    """


def plugin_commands() -> dict[str, click.Command]:
    """The commands that plugins bring, which are asked for them now if they have not been before."""
    from .._plugins.registry import default_registry  # noqa: PLC0415 - our own commands do not wait for it

    return {name: command for name, (_, command) in default_registry().plugin_commands().items()}


def _of_plugins(name: str) -> str:
    """Why a command is missing that a plugin may have brought; "" where none is."""
    from .._plugins.frozen import how_to_get  # noqa: PLC0415 - only for this message
    from .._plugins.registry import default_registry  # noqa: PLC0415

    if any(problem.stage != "duplicate" for problem in default_registry().problems()):
        return " A plugin failed to load: see `bitboot plugins`."
    return f" It comes with a plugin: {how_to_get(name)}" if name in OF_PLUGINS else ""


def commands() -> dict[str, click.Command]:
    """All commands of our own, imported."""
    return {name: _imported(name) for name in COMMANDS}


def _imported(name: str) -> click.Command:
    command: click.Command = getattr(import_module(f".{COMMANDS[name][0]}", __package__), name)
    return command


def run(argv: Sequence[str]) -> int:
    """Run the command that `argv` asks for; return its exit status. No foreseen error leaves it."""

    def work() -> int:
        if is_classic(argv):
            from . import classic  # noqa: PLC0415 - few write so

            return classic.run(argv)
        return bitboot.main(list(argv), prog_name="bitboot", standalone_mode=False) or 0

    return guarded(work, as_json="--json" in argv)


def guarded(work: Callable[[], int], *, as_json: bool) -> int:
    """Do it; return its exit status. A foreseen error is told of, and has a status of its own."""
    try:
        return work()
    except click.ClickException as error:  # what click itself refuses: an unknown option, a missing argument
        return _failed(UsageError(error.format_message(), hint=_help(error)), as_json=as_json)
    except BitBootError as error:
        return _failed(error, as_json=as_json)
    except KeyboardInterrupt:
        return FAILED
    except OSError as error:
        return _output_failed(error, as_json=as_json)


def _output_failed(error: OSError, *, as_json: bool) -> int:
    """End quietly where the reader has gone (`bitboot lookup x | head -1`), else say what is wrong."""
    from .report.output import failed  # noqa: PLC0415 - help needs none of it

    if isinstance(error, BrokenPipeError):
        return _quietly(FAILED)
    if error.errno not in _FULL:
        raise error
    return _failed(failed(error), as_json=as_json)


def _failed(error: BitBootError, *, as_json: bool) -> int:
    """Tell of the error that ends the command; return its exit status."""
    from .report.choice import report_for  # noqa: PLC0415 - help needs none of it
    from .report.events import Failed  # noqa: PLC0415
    from .report.output import OutputFailed, write_line  # noqa: PLC0415

    if isinstance(error, OutputFailed):
        write_line(f"error: {error} (hint: {error.hint})", err=True)
        return _quietly(FAILED)
    try:
        report_for(as_json).tell(Failed.of(error))
    except (BrokenPipeError, OutputFailed):
        return _quietly(FAILED)
    return WRONG_USAGE if isinstance(error, UsageError) else FAILED


def _quietly(status: int) -> int:
    from .report.output import forget_stdout  # noqa: PLC0415 - help needs none of it

    forget_stdout()
    return status


def _help(error: click.ClickException) -> str:
    """Where to read how it is written."""
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context is not None else "see `bitboot --help`"
