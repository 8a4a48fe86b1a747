"""What the core says of its settings, in the command line's own words."""

from __future__ import annotations

import re

OPTIONS = ("network", "backend", "bootstrap", "listen", "state_dir", "timeout", "port", "limit")
"""The settings of the API that are options here, under the same name."""

_SETTING = re.compile(rf"(?<![\w-])({'|'.join(OPTIONS)})=(\"[^\"]*\"|'[^']*'|[\w.:\-\[\]]+)?")


def as_options(text: str) -> str:
    """`text` with "timeout=" as "--timeout", and "backend='btdht'" as "--backend btdht"."""

    def option(match: re.Match[str]) -> str:
        value = (match[2] or "").strip("\"'")
        name = match[1].replace("_", "-")
        return f"--{name} {value}" if value else f"--{name}"

    return _SETTING.sub(option, text)
