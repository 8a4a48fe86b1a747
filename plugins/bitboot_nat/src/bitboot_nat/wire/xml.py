"""XML from strangers: the standard library's expat, with everything refused that could grow or reach out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_ELEMENTS = 2000
MAX_DEPTH = 30


class Refused(ValueError):
    """It is no XML, or more than is read here."""


@dataclass(slots=True)
class Element:
    """An element: its name without a prefix, its own text, and the elements in it."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """Those of this name, at any depth."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def text_of(self, name: str) -> str:
        """The text of the first child of this name, "" where there is none."""
        return next((child.text.strip() for child in self.children if child.name == name), "")


def parse(data: bytes) -> Element:
    """The root element. Raises Refused.

    No document type is read, and so no entities: none of ours needs any, and all attacks on XML parsers do.
    Prefixes are cut off rather than looked up, as some routers never declare theirs.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: an encoding of its own
        raise Refused(f"it is no XML: {error}" if not isinstance(error, Refused) else str(error)) from error
    if not reader.root.children:
        raise Refused("it is empty")
    return reader.root.children[0]


class _Reader:
    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._count = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise Refused("it has more elements, or deeper ones, than a router's description")
        element = Element(name.rpartition(":")[2])
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].text += text


def _refuse(*_: object) -> int:
    raise Refused("it has a document type")
