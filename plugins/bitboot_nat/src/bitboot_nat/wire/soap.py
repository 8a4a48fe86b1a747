"""Calls to a UPnP service, and what it answers (UPnP Device Architecture 1.1, section 3), sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from .xml import Refused, parse

CONTENT_TYPE = 'text/xml; charset="utf-8"'


class Fault(Exception):
    """The service says no. `code`: of UPnP, 0 where it told none."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"error {code}" + (f" ({description})" if description else ""))
        self.code = code


def call(kind: str, action: str, arguments: Mapping[str, str | int]) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a call. The order of the arguments counts for some routers."""
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in arguments.items())
    body = (
        '<?xml version="1.0"?>\r\n'
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{kind}">{inner}</u:{action}>'
        "</s:Body></s:Envelope>\r\n"
    )
    return {"Content-Type": CONTENT_TYPE, "SOAPAction": f'"{kind}#{action}"'}, body.encode()


def read_answer(action: str, body: bytes) -> dict[str, str]:
    """What the service returns, by name. Raises Fault where it says no, Refused where it makes no sense."""
    root = parse(body)
    for fault in root.all("Fault"):
        for error in fault.all("UPnPError"):
            code = error.text_of("errorCode")
            description = _shown(error.text_of("errorDescription"))
            raise Fault(int(code) if code.isascii() and code.isdigit() and len(code) < 6 else 0, description)
        raise Fault(0, "")
    for answer in root.all(f"{action}Response"):
        return {child.name: child.text.strip() for child in answer.children}
    raise Refused(f"it is no answer to {action}")


def _shown(text: str) -> str:
    """A line for people, whatever it was."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))[:100]
