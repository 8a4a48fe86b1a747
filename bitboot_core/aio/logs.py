"""Loggers by the standard library's rules: one a module, silent unless the program sets logging up."""

from __future__ import annotations

import logging


def logger(name: str) -> logging.Logger:
    """The logger of the module `name`, such as "bitboot_core._networks.network".

    Its package's logger gets a handler that does nothing: without one Python itself would print
    warnings of a program that never asked for them. For plugins too: `log = logger(__name__)`.
    """
    package = logging.getLogger(name.partition(".")[0])
    if not package.handlers:
        package.addHandler(logging.NullHandler())
    return logging.getLogger(name)
