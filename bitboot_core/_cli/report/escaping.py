"""What others wrote, made safe to show: names, metadata, messages and strangers' data come through here."""

from __future__ import annotations


def escaped(text: str, *, keep: str = "") -> str:
    """`text` with every character that is not plainly visible as its escape, but for those in `keep`.

    Such are control characters (ESC commands a terminal, a line end forges a line), those that change the
    direction of writing, invisible ones, and halves of surrogate pairs: "\\x1b", "\\n", "\\u202e".
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in keep else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
