"""`bitboot lookup` where `bitboot serve` runs: asked before click, asyncio and the rest are imported.

They take longer than the lookup. Only what is plain is done here: a name, some options, no settings from
elsewhere, networks that are built in, output that is no terminal's. The command line proper does the rest:
all of it where nothing has been printed yet, else what is left to tell, such as an error. The words are those
of `report.plain` in both; that all else is the same too, the daemon's tests show.
"""

from __future__ import annotations

import os
import sys
from itertools import chain

from .. import _defaults
from .statuses import NOBODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .asking import Record

FLAGS = {"--json": "json", "--quiet": "quiet", "-q": "quiet", "--fail-empty": "fail_empty"}
WITH_VALUE = ("--limit", "--timeout", "--network", "--bootstrap")

VARIABLES = ("BITBOOT_SOCKET", "BITBOOT_STATE_DIR")
"""Those that are understood here; the latter is for a node of the command's own."""

CONTACTS = {"mainline": _defaults.MAINLINE, "kademlia": ()}
"""Of networks that are built in."""

FIELDS = {
    "ready": ("network", "backend", "listen", "contacts"),
    "peer": ("swarm", "host", "port", "sources"),
    "done": ("swarm", "peers", "seconds"),
}
"""What JSON has of each event, in this order."""


class Asked:
    """What a command line asks for. All words are plain, so that they stand in JSON as they are."""

    def __init__(self, name: str, flags: set[str], limit: int | None, timeout: float) -> None:
        self.name, self.flags, self.limit, self.timeout = name, flags, limit, timeout
        self.networks: dict[str, Sequence[str]] = {}

    def body(self) -> str:
        """The daemon's request."""
        networks = ", ".join(f'"{name}": [{_quoted(hosts)}]' for name, hosts in self.networks.items())
        limit = "" if self.limit is None else f', "limit": {self.limit}'
        return f'{{"swarm": "{self.name}", "timeout": {self.timeout}{limit}, "networks": {{{networks}}}}}'


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def run(arguments: Sequence[str]) -> int | None:
    """Do what is asked; the exit status. None where the command line proper has to, with nothing printed."""
    if not arguments or arguments[0] != "lookup" or sys.stdout is None or has_settings(os.environ):
        return None
    path = socket_path(os.environ)
    if path is None or not os.path.lexists(path):
        return None
    from .asking import Unusable  # noqa: PLC0415 - only where there is somebody to ask

    asked = understood(arguments[1:])
    if asked is None or (sys.stdout.isatty() and not asked.flags & {"json", "quiet"}):
        return None  # people are shown colours
    from .signals import interruptible  # noqa: PLC0415 - as above

    try:
        return interruptible(lambda: _ask(path, asked))
    except Unusable:
        return None
    except KeyboardInterrupt as error:
        return _leave(asked, _failing(error))


def understood(arguments: Sequence[str]) -> Asked | None:
    """What a lookup's arguments ask for, None where they are not plain."""
    names: list[str] = []
    flags: set[str] = set()
    given: dict[str, list[str]] = {option: [] for option in WITH_VALUE}
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if option in given:
            given[option].append(value if equals else next(words, ""))
        elif word in FLAGS:
            flags.add(FLAGS[word])
        else:
            names.append(word)
    if len(names) != 1 or _may_be_key(names[0]) or flags >= {"json", "quiet"}:
        return None
    if not all(map(_is_plain, chain(names, *given.values()))):
        return None
    try:
        asked = Asked(names[0], flags, _limit(given["--limit"]), _timeout(given["--timeout"]))
        for network in given["--network"] or ["mainline"]:
            asked.networks[network] = given["--bootstrap"] or CONTACTS[network]
    except (ValueError, KeyError):
        return None
    return asked


def _is_plain(word: str) -> bool:
    return word.isascii() and word.isprintable() and word[:1] not in ("", "-") and not {*word} & {'"', "\\"}


def _may_be_key(name: str) -> bool:
    return len(name) == 40 or name.lower().startswith("magnet:")


def _limit(given: Sequence[str]) -> int | None:
    """How many peers are enough. Raises ValueError for what is not plain, or too much for the daemon."""
    from .asking import MAX_LIMIT  # noqa: PLC0415 - as above

    (limit,) = map(int, given or ["1"])
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError("out of bounds")
    return limit if given else None


def _timeout(given: Sequence[str]) -> float:
    """Seconds that it may take. Raises ValueError likewise."""
    from .asking import MAX_TIMEOUT, MIN_TIMEOUT  # noqa: PLC0415 - as above

    (timeout,) = map(float, given) if given else (_defaults.TIMEOUT,)
    if not MIN_TIMEOUT <= timeout <= MAX_TIMEOUT:
        raise ValueError("out of bounds")
    return timeout


def socket_path(environ: Mapping[str, str]) -> str | None:
    """The daemon's socket, None where more is needed to find it: `by_daemon` asks platformdirs."""
    folder = environ.get("XDG_RUNTIME_DIR", "")
    if environ.get("BITBOOT_SOCKET"):
        return environ["BITBOOT_SOCKET"]
    return f"{folder}/bitboot/serve.sock" if sys.platform == "linux" and folder.startswith("/") else None


def has_settings(environ: Mapping[str, str]) -> bool:
    """Whether there may be settings, or a secret, that are not on the command line."""
    if any(name.lstrip("_").startswith("BITBOOT_") and name not in VARIABLES for name in environ):
        return True
    home, folder = environ.get("HOME", ""), environ.get("XDG_CONFIG_HOME", "")
    if sys.platform != "linux" or not home.startswith("/") or (folder and not folder.startswith("/")):
        return True  # more is needed to find the configuration file
    return any(os.path.lexists(f"{one}/bitboot/config.toml") for one in (folder, f"{home}/.config") if one)


def _ask(path: str, asked: Asked) -> int:
    """Ask the daemon and print its answer; the exit status. Raises Unusable with nothing printed."""
    from .asking import look_up  # noqa: PLC0415 - as above

    records = look_up(path, asked.body(), asked.timeout)
    from .report.output import OutputFailed, write_line  # noqa: PLC0415 - the daemon works meanwhile

    try:
        for record in records:
            if record["event"] == "error" or record.get("failures") or record.get("peer_id"):
                return _leave(asked, chain([record], records))
            if line := _line(record, asked):
                write_line(line)
            if record["event"] == "end":
                return NOBODY if "fail_empty" in asked.flags and not record["peers"] else 0
    except (OSError, OutputFailed) as error:
        return _leave(asked, _failing(error))
    raise AssertionError("an answer has an end")


def _line(record: Record, asked: Asked) -> str:
    """What is printed of a record that tells of no failure, "" for nothing."""
    from .report import plain  # noqa: PLC0415 - as above
    from .report.escaping import escaped  # noqa: PLC0415 - as above

    name = "done" if record["event"] == "end" else record["event"]
    fields = {**record, "swarm": asked.name, "seconds": round(record.get("seconds", 0), 3)}
    if "json" in asked.flags:
        import json  # noqa: PLC0415 - `asking` has done so

        return json.dumps({"event": name, **{key: fields[key] for key in FIELDS[name]}})
    if name == "peer":
        endpoint = plain.endpoint(record["host"], record["port"])
        text = endpoint if "quiet" in asked.flags else plain.peer(endpoint, record["sources"])
    else:
        words: Callable[..., str] = plain.ready if name == "ready" else plain.done
        text = words(*(fields[key] for key in FIELDS[name]))
    if "quiet" in asked.flags:
        return escaped(text) if name == "peer" else ""
    return f"{name}: {escaped(text)}"


def _leave(asked: Asked, records: Iterator[Record]) -> int:
    """Have the command line proper tell of these records; the exit status."""
    from .lookup import tell_rest  # noqa: PLC0415 - as slow as all the rest, but something is unusual
    from .program import guarded  # noqa: PLC0415

    as_json, fail_empty = "json" in asked.flags, "fail_empty" in asked.flags
    pattern = "{peer}" if "quiet" in asked.flags else None
    return guarded(
        lambda: tell_rest(records, asked.name, pattern, as_json=as_json, fail_empty=fail_empty),
        as_json=as_json,
    )


def _failing(error: BaseException) -> Iterator[Record]:
    """Records that fail as ours did."""
    raise error
    yield
