"""How help looks: options in groups, colour at a terminal, and examples to try at the end."""

from __future__ import annotations

from collections.abc import Iterable

import click

NETWORK = {"networks", "backend", "bootstrap", "listen", "state_dir", "timeout", "config_file"}
OUTPUT = {"as_json", "quiet", "pattern", "verbose", "help"}


def example(*lines: str) -> str:
    """The epilog of a command's help."""
    return "\b\n" + click.style("Example:", bold=True) + "\n" + "\n".join(f"  {line}" for line in lines)


class Formatter(click.HelpFormatter):
    """Writes headings in bold, which click leaves out where nobody could see it."""

    def write_heading(self, heading: str) -> None:
        """Write a section's heading."""
        self.write(f"{'':>{self.current_indent}}{click.style(f'{heading}:', bold=True)}\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 26, col_spacing: int = 2) -> None:
        """Write a list of options or commands, their names in colour."""
        styled = [(click.style(name, fg="cyan"), text) for name, text in rows]
        super().write_dl(styled, col_max, col_spacing)


class Context(click.Context):
    """A context whose help is written by our formatter."""

    formatter_class = Formatter


class Command(click.Command):
    """A command whose help has its own options first, then those of networks, then those of the output."""

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all options, in groups."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": [], "Network": [], "Output": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                kind = (
                    "Network"
                    if parameter.name in NETWORK
                    else "Output"
                    if parameter.name in OUTPUT
                    else "Options"
                )
                groups[kind].append(record)
        for heading, rows in groups.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def _group(name: str | None) -> str:
    if name in NETWORK:
        return "Network"
    return "Output" if name in OUTPUT else "Options"
