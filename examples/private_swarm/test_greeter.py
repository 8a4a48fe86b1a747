"""The application's own tests, in a swarm that nobody else can see."""

from __future__ import annotations

from greeter import everybody, greeter

from conftest import NewMember


async def test_nobody_is_there_at_first(new_member: NewMember) -> None:
    assert await everybody(await new_member()) == set()


async def test_all_who_are_there_are_found(new_member: NewMember) -> None:
    ada, bob, eve = [await new_member() for _ in range(3)]
    async with greeter("Ada", ada), greeter("Bob", bob):
        assert await everybody(eve) == {"Ada", "Bob"}


async def test_a_member_that_has_left_greets_nobody(new_member: NewMember) -> None:
    ada, eve = await new_member(), await new_member()
    async with greeter("Ada", ada):
        pass
    assert await everybody(eve) == set()  # mainline cannot forget at once, but nobody answers there
