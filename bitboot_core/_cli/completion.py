"""`bitboot completion`: the script that teaches a shell to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .help import Command, example

SHELLS = ["bash", "zsh", "fish"]
VARIABLE = "_BITBOOT_COMPLETE"
"""Where the script tells the program what to complete, by click's rules."""


@click.command(
    cls=Command,
    short_help="Print the script that lets your shell complete commands.",
    epilog=example("bitboot completion bash > ~/.local/share/bash-completion/completions/bitboot"),
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the script that lets bash, zsh or fish complete commands, options and names of networks.

    For zsh put it into a folder of $fpath as _bitboot, for fish into
    ~/.config/fish/completions/bitboot.fish.
    """
    program = click.get_current_context().find_root().command
    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(program, {}, "bitboot", VARIABLE).source())
    return 0
