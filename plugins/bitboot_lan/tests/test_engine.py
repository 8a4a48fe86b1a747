"""The protocol without sockets: its pace, its answers, its lookups, and what strangers can do to it."""

from __future__ import annotations

import itertools

import pytest
from bitboot_lan.message import MAX_KEYS, Kind, Message
from bitboot_lan.settings import Settings

from bitboot_core import BackendTimeout, KnownHost

from .engine_world import Talk, key

OTHER = KnownHost("192.168.1.3", 7002)


@pytest.fixture
def talk() -> Talk:
    return Talk()


def member(number: int, port: int = 7002, lifetime: int | None = None, cookie: str = "other") -> Message:
    return Message(Kind.MEMBER, (key(number),), port, cookie, lifetime)


def ask(*numbers: int) -> Message:
    return Message(Kind.ASK, tuple(key(number) for number in numbers), 0, "asker")


# The pace of BEP 14


def test_a_swarm_is_announced_soon_and_then_every_five_minutes(talk: Talk) -> None:
    talk.announce(1)
    talk.run(900)
    times = [when - 1_000.0 for when, _ in talk.told()]
    assert times == pytest.approx([0.1, 300.1, 600.1])


def test_200_swarms_of_one_program_keep_bep_14_s_pace(talk: Talk) -> None:
    """One message a minute at most, and each swarm is announced as often as that allows."""
    for number in range(200):
        talk.announce(number, lifetime=86_400)
    talk.run(3_600)
    told = talk.told()
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(told)]
    assert min(gaps) == pytest.approx(60)
    messages = -(-200 // MAX_KEYS)
    cycle = [k for _, message in told[:messages] for k in message.keys]
    assert set(cycle) == {key(number) for number in range(200)}
    often = [sum(key(number) in message.keys for _, message in told) for number in range(200)]
    assert min(often) >= 3_600 // (60 * messages)
    assert len(told) <= 60


def test_endpoints_of_their_own_share_no_message(talk: Talk) -> None:
    talk.announce(1, port=7001)
    talk.announce(2, port=7002)
    talk.announce(3, port=7001)
    talk.run(120)
    assert [(message.port, message.keys) for _, message in talk.told()] == [
        (7001, (key(1), key(3))),
        (7002, (key(2),)),
    ]


def test_it_says_for_how_long_it_holds(talk: Talk) -> None:
    """Two periods, but not beyond the announcement's own end: nobody keeps what has expired."""
    talk.announce(1)
    talk.announce(2, port=7002, lifetime=120)
    talk.run(61)
    assert [message.lifetime for _, message in talk.told()] == [600, 60]


def test_what_expires_is_announced_no_more(talk: Talk) -> None:
    talk.announce(1, lifetime=290)
    talk.run(1_000)
    assert len(talk.told()) == 1
    talk.hear(ask(1))
    talk.run(1)
    assert len(talk.told()) == 1


def test_a_renewal_is_no_new_announcement(talk: Talk) -> None:
    talk.announce(1)
    talk.run(100)
    talk.announce(1)
    talk.run(100)
    assert len(talk.told()) == 1
    talk.run(1_700)
    assert len(talk.engine.announced) == 1


def test_one_failed_send_never_silences_it(talk: Talk) -> None:
    """libtorrent stops for good after one hard error. Here it is tried again every few seconds."""
    talk.announce(1)
    talk.reaches = 0
    talk.run(290)
    assert talk.told() == []
    talk.reaches = 1
    talk.run(talk.settings.retry)
    assert len(talk.told()) == 1


def test_what_cannot_be_sent_is_not_announced(talk: Talk) -> None:
    talk.reaches = 0
    assert not talk.engine.announce(key(1), KnownHost("", 7001), 600, talk.now)
    talk.reaches = 1
    talk.run(300)
    assert talk.sent == []


def test_after_a_failure_it_is_not_taken_for_granted_that_anything_can_be_sent(talk: Talk) -> None:
    talk.announce(1)
    talk.reaches = 0
    talk.run(0.2)
    assert not talk.engine.announce(key(2), KnownHost("", 7001), 600, talk.now)


def test_thousands_of_swarms_take_few_questions(talk: Talk) -> None:
    for number in range(6_400):
        talk.announce(number)
        talk.engine.poll(talk.now)
    assert len(talk.told(Kind.ASK)) == 1
    talk.run(61)
    assert [len(message.keys) for _, message in talk.told()] == [24, 24]


def test_on_another_network_everything_is_announced_again(talk: Talk) -> None:
    talk.announce(1)
    talk.hear(member(5))
    talk.run(100)
    talk.engine.moved(talk.now, lambda host: host.startswith("10."))
    talk.run(1)
    assert len(talk.told()) == 2
    assert talk.knows(5) == []


def test_where_the_network_flaps_the_pace_holds(talk: Talk) -> None:
    talk.announce(1)
    for _ in range(600):
        talk.engine.moved(talk.now, lambda _: True)
        talk.run(1)
    assert len(talk.told()) <= 11


# Answers


def test_whoever_asks_is_answered_within_the_jitter(talk: Talk) -> None:
    talk.announce(1)
    talk.run(30)
    talk.hear(ask(1))
    talk.run(talk.settings.jitter)
    (_, answer) = talk.told()
    assert talk.now - talk.settings.jitter <= answer[0] <= talk.now
    assert answer[1].keys == (key(1),)


def test_answers_are_spread(talk: Talk) -> None:
    delays = set()
    for seed in range(20):
        one = Talk(seed=seed)
        one.announce(1)
        one.run(30)
        one.hear(ask(1))
        asked = one.now
        one.run(1)
        delays.add(round(one.told()[-1][0] - asked, 3))
    assert len(delays) > 15
    assert max(delays) <= 0.25


def test_what_is_not_ours_is_not_answered(talk: Talk) -> None:
    talk.announce(1)
    talk.run(1)
    talk.hear(ask(2))
    talk.run(10)
    assert len(talk.told()) == 1


def test_a_hundred_who_ask_at_once_get_one_answer(talk: Talk) -> None:
    talk.announce(1)
    talk.run(1)
    for number in range(100):
        talk.hear(ask(1), f"192.168.1.{number + 3}")
    talk.run(10)
    assert len(talk.told()) == 2


def test_a_flood_of_questions_leads_to_few_answers(talk: Talk) -> None:
    """No more than the settings say, whatever is asked by however many, and always to the group."""
    for number in range(48):
        talk.announce(number, port=7001 + number)
    talk.run(10)
    before = len(talk.told())
    for tenth in range(600):
        for host in range(3, 13):
            talk.hear(ask(*range(tenth % 2, 48, 2)), f"192.168.1.{host}")
        talk.run(0.1)
    settings = talk.settings
    assert len(talk.told()) - before <= (60 + settings.burst) * settings.answers_per_second + 2
    assert talk.engine.counters["suppressed"] > 0


def test_one_machine_s_flood_is_not_read(talk: Talk) -> None:
    for _ in range(1_000):
        talk.hear(ask(1))
    assert talk.engine.counters["limited"] == 1_000 - 4 * talk.settings.received_per_second
    talk.hear(member(1), "192.168.1.9")
    assert talk.knows(1) == [KnownHost("192.168.1.9", 7002)]


def test_a_newcomer_hears_of_us_without_asking(talk: Talk) -> None:
    """A BitTorrent client never asks: it announces itself, and waits for others to do so."""
    talk.announce(1)
    talk.run(70)
    talk.hear(member(1))
    talk.run(1)
    assert len(talk.told()) == 2
    talk.hear(member(1))  # it is known by now
    talk.run(1)
    assert len(talk.told()) == 2


def test_many_newcomers_are_greeted_once_a_minute(talk: Talk) -> None:
    talk.announce(1)
    talk.run(1)
    for number in range(200):
        talk.hear(member(1, port=1_000 + number), f"192.168.1.{number % 20 + 3}")
        talk.run(0.3)
    assert len(talk.told()) <= 3


# Lookups


def test_a_lookup_asks_twice_and_ends(talk: Talk) -> None:
    woken: list[float] = []
    search = talk.engine.look(key(1), talk.now, lambda: woken.append(talk.now))
    talk.run(2)
    settings = talk.settings
    assert [when - 1_000 for when, _ in talk.told(Kind.ASK)] == pytest.approx([0, settings.ask_again])
    assert search.is_over
    assert search.error is None
    assert woken[-1] - 1_000 == pytest.approx(settings.patience)


def test_a_lookup_hears_who_answers_and_who_is_known(talk: Talk) -> None:
    talk.hear(member(1, port=7003), "192.168.1.4")
    search = talk.engine.look(key(1), talk.now, lambda: None)
    assert search.take() == [KnownHost("192.168.1.4", 7003)]
    talk.run(0.1)
    talk.hear(member(1))
    talk.hear(member(1))
    talk.hear(member(2, port=7009))
    assert search.take() == [OTHER]
    talk.run(1)
    assert search.is_over


def test_lookups_at_once_share_their_questions(talk: Talk) -> None:
    for number in range(50):
        talk.engine.look(key(number % 25), talk.now, lambda: None)
    talk.run(0.1)
    assert [len(message.keys) for _, message in talk.told(Kind.ASK)] == [24, 1]


def test_many_lookups_ask_at_a_bounded_rate_and_all_end(talk: Talk) -> None:
    searches = [talk.engine.look(key(number), talk.now, lambda: None) for number in range(2_000)]
    talk.run(60)
    settings = talk.settings
    times = [when for when, _ in talk.told(Kind.ASK)]
    busiest = max(sum(start <= when < start + 10 for when in times) for start in times)
    assert busiest <= (10 + settings.burst) * settings.questions_per_second + 1
    assert all(search.is_over and search.error is None for search in searches)


def test_where_nothing_can_be_sent_a_lookup_fails_at_once(talk: Talk) -> None:
    talk.reaches = 0
    search = talk.engine.look(key(1), talk.now, lambda: None)
    talk.run(0)
    assert search.is_over
    assert str(search.error) == "unreachable"


def test_where_not_even_our_own_question_is_heard_nobody_is_not_the_answer(talk: Talk) -> None:
    talk.hears_itself = False
    search = talk.engine.look(key(1), talk.now, lambda: None)
    talk.run(1)
    assert isinstance(search.error, BackendTimeout)


def test_where_others_are_heard_the_own_question_need_not_be(talk: Talk) -> None:
    talk.hears_itself = False
    search = talk.engine.look(key(1), talk.now, lambda: None)
    talk.run(0.1)
    talk.hear(member(1))
    talk.run(1)
    assert search.error is None


# Peers


def test_peers_lapse_after_two_periods(talk: Talk) -> None:
    talk.hear(member(1))
    talk.run(599)
    assert talk.knows(1) == [OTHER]
    talk.run(2)
    assert talk.knows(1) == []
    talk.run(120)
    assert len(talk.engine.peers) == 0


def test_peers_lapse_when_they_said_they_would(talk: Talk) -> None:
    talk.hear(member(1, lifetime=30))
    talk.hear(member(2, lifetime=10**6))
    talk.run(31)
    assert talk.knows(1) == []
    talk.run(talk.settings.longest_kept)
    assert talk.knows(2) == []


def test_who_says_goodbye_is_gone(talk: Talk) -> None:
    talk.hear(member(1))
    talk.hear(Message(Kind.LEAVE, (key(1),), 7002, "forger"), "192.168.1.66")
    assert talk.knows(1) == [OTHER], "only whoever announced it can take it back"
    talk.hear(Message(Kind.LEAVE, (key(1),), 7002, "other"))
    assert talk.knows(1) == []


def test_goodbyes_are_said_together(talk: Talk) -> None:
    for number in range(30):
        talk.announce(number)
    talk.run(200)
    for number in range(30):
        talk.engine.withdraw(key(number), KnownHost("", 7001))
    talk.run(0)
    talk.engine.poll(talk.now)
    assert [len(message.keys) for _, message in talk.told(Kind.LEAVE)] == [24, 6]
    talk.hear(ask(*range(30)))
    before = len(talk.told())
    talk.run(400)
    assert len(talk.told()) == before


def test_what_was_never_announced_is_not_said_goodbye_to(talk: Talk) -> None:
    talk.engine.withdraw(key(1), KnownHost("", 7001))
    talk.engine.poll(talk.now)
    assert talk.sent == []


def test_leaving_says_goodbye_to_all(talk: Talk) -> None:
    talk.announce(1)
    talk.announce(2, port=7002)
    talk.engine.leave(talk.now)
    assert sorted(message.port for _, message in talk.told(Kind.LEAVE)) == [7001, 7002]


def test_who_is_no_neighbour_does_not_count(talk: Talk) -> None:
    talk.announce(1)
    talk.run(1)
    talk.hear(member(1), "203.0.113.7", is_neighbour=False)
    talk.hear(ask(1), "203.0.113.7", is_neighbour=False)
    talk.run(10)
    assert talk.knows(1) == []
    assert len(talk.told()) == 1
    assert talk.engine.counters["foreign"] == 2


def test_our_own_messages_are_not_peers(talk: Talk) -> None:
    talk.announce(1)
    talk.run(1)
    assert talk.engine.counters["own"] == 2
    assert talk.knows(1) == []


# Caps


def test_one_machine_s_ports_in_a_swarm_are_capped(talk: Talk) -> None:
    talk.hear(member(1, port=9_999), "192.168.1.9")
    for number in range(200):
        talk.hear(member(1, port=1_000 + number))
        talk.run(0.1)
    known = talk.knows(1)
    assert len(known) == talk.settings.max_ports + 1
    assert KnownHost("192.168.1.9", 9_999) in known
    assert KnownHost("192.168.1.3", 1_199) in known, "the newest stays"


def test_a_full_swarm_takes_from_whoever_has_most() -> None:
    talk = Talk(Settings(max_peers_per_key=10))
    talk.hear(member(1), "192.168.1.9")
    for number in range(50):
        talk.hear(member(1, port=1_000 + number))
        talk.run(0.1)
    talk.hear(member(1), "192.168.1.10")
    known = talk.knows(1)
    assert len(known) == 10
    assert {KnownHost("192.168.1.9", 7002), KnownHost("192.168.1.10", 7002)} <= set(known)


def test_a_machine_that_announces_everything_does_not_push_out_others() -> None:
    talk = Talk(Settings(max_peers=100))
    talk.hear(member(1), "192.168.1.9")
    for number in range(2, 2_000):
        talk.hear(member(number))
        talk.run(0.1)
    assert len(talk.engine.peers) == 100
    assert talk.knows(1) == [KnownHost("192.168.1.9", 7002)]
    assert talk.engine.peers.keys <= 100
