"""docs/mainline.md: its programs run, and its table of limits is complete and right."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from bitboot_btdht.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "mainline.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("program", "printed"),
    list(zip(PROGRAMS, ["keys found: 20", "127.0.0.1:6881", "asked for peers: True"], strict=True)),
)
def test_its_programs_run(program: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program, "mainline.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip() == printed


def test_every_limit_is_listed_with_its_default() -> None:
    listed: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([\d, s]+) \|", PAGE, re.MULTILINE):
        values = [re.sub(r"[ ,s]", "", value) for value in defaults.split(", ")]
        listed |= dict(zip(re.findall(r"`(\w+)`", names), values, strict=True))
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}
    assert {name: float(value) for name, value in listed.items()} == {name: defaults[name] for name in listed}
    limits = {
        name
        for name in defaults
        if re.match(
            r"asks_|max_|contacts?_|newcomers_|nodes_|peers_taken|reply|replies|messages|requests|dead|verif"
            r"|item_reply|sample|side_",
            name,
        )
    }
    assert limits == set(listed)
