"""Shell completion."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitboot_core._cli import main
from bitboot_core._cli.completion import SHELLS, VARIABLE

from .conftest import Cli


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(cli: Cli, shell: str) -> None:
    result = cli("completion", shell)
    assert result.status == 0
    assert VARIABLE in result.out
    assert "bitboot" in result.out
    assert cli("completion", "cmd").status == 2


def completed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str) -> list[str]:
    """What bash would be offered for the last of these words."""
    monkeypatch.setenv(VARIABLE, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit) as ended:  # by click, which sees that it is a shell that asks
        main([])
    assert ended.value.code == 0
    return [line.partition(",")[2] for line in capsys.readouterr().out.split()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("bitboot lo", ["lookup"]),
        ("bitboot d", ["demo", "doctor"]),
        ("bitboot lookup --ti", ["--timeout"]),
        ("bitboot lookup x --network m", ["mainline"]),
        ("bitboot doctor --backend btd", ["btdht"]),
        ("bitboot completion f", ["fish"]),
    ],
)
def test_words_are_completed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, offered: list[str]
) -> None:
    assert completed(capsys, monkeypatch, words) == offered


def test_networks_of_one_s_own_are_offered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text('[networks.office]\nprotocol = "x"\n', encoding="utf-8")
    monkeypatch.setenv("BITBOOT_CONFIG", str(tmp_path / "config.toml"))
    assert completed(capsys, monkeypatch, "bitboot lookup x --network o") == ["office"]
    (tmp_path / "config.toml").write_text("nonsense", encoding="utf-8")
    assert completed(capsys, monkeypatch, "bitboot lookup x --network l") == []
