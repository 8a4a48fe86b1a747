"""How the pages are built: `python3 scripts/test.py -e docs`, or `sphinx-build -W docs build/docs`.

Sphinx, because it is the best kept of its kind and reads the reference from the docstrings; MyST, because the
pages are Markdown; sphinx-copybutton, for a button that copies a block of code; furo, a theme that can be
read on a telephone too. Nothing is fetched while it builds.
"""

from typing import Any

from sphinx.application import Sphinx

from bitboot_core import __version__

project = "Bitboot"
author = "The Bitboot developers"
copyright = "The Bitboot developers, MIT licence"  # noqa: A001 - Sphinx's name for it
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
html_theme = "furo"
html_title = f"Bitboot {version}"
html_static_path: list[str] = []
exclude_patterns = ["build"]

myst_heading_anchors = 3
# Links to files that are no pages (../plugins/..., ../examples/...) are for readers of the repository.
myst_enable_extensions = ["colon_fence"]

default_role = "code"  # docstrings write names between single backticks, as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
nitpicky = False


def mark_code(*arguments: Any) -> None:
    """Docstrings indent their examples and leave it at that: tell reStructuredText that these are code."""
    lines: list[str] = arguments[-1]
    marked: list[str] = []
    for line in lines:
        opens = line.startswith("    ") and len(marked) > 1 and not marked[-1]
        if opens and not marked[-2].startswith(" ") and not marked[-2].startswith(".."):
            marked += ["::", ""]
        marked.append(line)
    lines[:] = marked


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", mark_code)
