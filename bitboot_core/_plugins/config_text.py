"""The text of a configuration file: read with bounds, parsed, and where in it a key stands."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidConfig

MAX_BYTES = 1 << 20
"""A file that is larger than this is not a configuration."""

MAX_PARTS = 16
"""Parts of a dotted key. Ours have three; tomllib takes seconds and gigabytes for 20,000 of them."""

_QUOTED_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' r"'''.*?'''|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'|" r"#[^\n]*", re.DOTALL
)
_TOO_MANY_PARTS = re.compile(rf"(?:\.[^.=,{{}}\[\]\n]*){{{MAX_PARTS}}}")


def read_text(path: str | os.PathLike[str]) -> str:
    """A file's text. Raises InvalidConfig where it cannot be read, is not a file, too large or not UTF-8.

    A pipe is not a file: whoever opens one waits for a writer, and ignores signals meanwhile.
    """
    if os.fspath(path) == os.devnull:
        return ""
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
        if is_file:
            with open(path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidConfig(
            f"{path} cannot be read: {error.strerror or error}",
            hint="check the file's name, and that you may read it",
        ) from error
    except ValueError as error:  # a NUL in its name
        raise InvalidConfig(f"{os.fspath(path)!r} is not a file's name", hint="check it") from error
    if not is_file:
        raise InvalidConfig(
            f"{path} cannot be read: it is not a regular file",
            hint="give a file: keep a pipe's output in one first",
        )
    if len(content) > MAX_BYTES:
        raise InvalidConfig(f"{path} is larger than {MAX_BYTES} bytes", hint="is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidConfig(
            f"{path} cannot be read: it is not UTF-8", hint="save it as UTF-8 text"
        ) from error


class ConfigText:
    """TOML or JSON, and the lines of its keys."""

    def __init__(self, path: Path, text: str) -> None:
        """`path`: where it was read, for messages."""
        self._path, self._text = path, text
        self._is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("{")

    @classmethod
    def read(cls, path: Path) -> ConfigText:
        """Raises as `read_text`."""
        return cls(path, read_text(path))

    def parsed(self) -> dict[str, Any]:
        """What it says. Raises InvalidConfig."""
        try:
            found = self._json() if self._is_json else self._toml()
        except (ValueError, RecursionError) as error:
            kind = "JSON" if self._is_json else "TOML"
            raise InvalidConfig(
                f"{self._path} is not {kind}: {error}",
                hint="fix that line" if self._is_json else "fix that line; text stands in quotes",
            ) from error
        if not isinstance(found, dict):
            raise InvalidConfig(f"{self._path} holds no settings", hint='such as {"network": "mainline"}')
        return found

    def line(self, keys: Sequence[str]) -> int:
        """The line where the last of these keys stands, after the others; 0 where it cannot be found."""
        text = _QUOTED_OR_COMMENT.sub(_blank_but_keys, self._text)
        position = 0
        for key in keys:
            pattern = rf"(?<![\w-])[\"']?{re.escape(key)}[\"']?\s*[=:\].]"
            found = re.compile(pattern).search(text, position)
            if found is None:
                return 0
            position = found.start()
        return text.count("\n", 0, position) + 1

    def _toml(self) -> Any:
        import tomllib  # noqa: PLC0415 - only where there is a file

        deep = _TOO_MANY_PARTS.search(_QUOTED_OR_COMMENT.sub(_blank, self._text))
        if deep is not None:
            line = self._text.count("\n", 0, deep.start()) + 1
            raise InvalidConfig(
                f"{self._path}, line {line}: a key of more than {MAX_PARTS} parts",
                hint="tables here are at most three deep: [networks.NAME]",
            )
        return tomllib.loads(self._text)

    def _json(self) -> Any:
        import json  # noqa: PLC0415

        return json.loads(self._text)


def _blank(match: re.Match[str]) -> str:
    """A comment or quoted text as blanks, line ends kept."""
    return re.sub(r"[^\n]", " ", match[0])


def _blank_but_keys(match: re.Match[str]) -> str:
    """A comment or a quoted value as blanks, a quoted key as it is."""
    quoted, text = match[0], match.string
    following = text[match.end() : match.end() + 80].lstrip(" \t")[:1]
    if following == "]":  # the last part of [networks."NAME"], or the last value of a list
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        is_key = before.lstrip().startswith("[")
    else:
        is_key = following in ("=", ":", ".") and following != ""
    return quoted if is_key and quoted[0] != "#" and "\n" not in quoted else _blank(match)
