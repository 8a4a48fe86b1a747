"""examples/chat: members in processes of their own meet and talk."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bitboot_core import KnownHost

from .programs import program


async def test_members_meet_talk_and_leave(contacts: Sequence[KnownHost]) -> None:
    chat = "chat/chat.py", *options(contacts)
    async with program(*chat, "Ada") as ada, program(*chat, "Bob") as bob:
        await ada.shows("* Bob is here")
        await bob.shows("* Ada is here")
        await ada.types("hello, is anybody there?")
        await bob.shows("Ada: hello, is anybody there?")
        await bob.types("only \x1b[31mme")
        await ada.shows("Bob: only ?[31mme")
        await bob.types("")
        await ada.shows("* Bob has gone")
        assert await bob.ended() == 0


@pytest.mark.once
async def test_rooms_are_apart(contacts: Sequence[KnownHost]) -> None:
    chat = "chat/chat.py", *options(contacts)
    async with (
        program(*chat, "Ada") as ada,
        program(*chat, "Eve", "--room", "elsewhere") as eve,
        program(*chat, "Bob") as bob,
    ):
        await ada.shows("* Bob is here")
        await bob.shows("* Ada is here")
        await eve.shows("* waiting")
        await eve.types("")
        assert await eve.ended() == 0
        assert not any("is here" in line for line in eve.printed)
        assert not any("Eve" in line for line in ada.printed + bob.printed)


def options(contacts: Sequence[KnownHost]) -> list[str]:
    return ["--listen", "127.0.0.1:0", *(word for one in contacts for word in ("--bootstrap", str(one)))]
