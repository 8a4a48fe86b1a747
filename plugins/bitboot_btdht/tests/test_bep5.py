"""The node's answers and manners, rule by rule (BEP 5; BEP 32 and 43 where named)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bitboot_btdht.asking.transaction import Outcome
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, compact, krpc

from .conftest import Stranger

HASH = b"h" * 20


def code(reply: dict[bytes, object]) -> object:
    assert reply[b"y"] == b"e", reply
    return reply[b"e"][0]  # type: ignore[index]


def announce(stranger: Stranger, info_hash: bytes = HASH, **arguments: object) -> dict[bytes, object]:
    token = stranger.query(b"get_peers", info_hash=info_hash)[b"r"][b"token"]
    named: dict[str, Any] = {"token": token, "port": 7000, **arguments}
    return stranger.query(b"announce_peer", info_hash=info_hash, **named)


# Answers


def test_ping_is_answered_with_our_id(node: Node) -> None:
    reply = Stranger(node).query(b"ping")
    assert (reply[b"y"], reply[b"r"]) == (b"r", {b"id": node.id})


@pytest.mark.parametrize("transaction", [b"", b"a", b"ab", b"\0\0\0\0", b"x" * 20, b"y" * 64])
def test_transaction_ids_of_any_length_are_echoed(node: Node, transaction: bytes) -> None:
    assert Stranger(node).query(b"ping", transaction)[b"t"] == transaction


def test_every_reply_tells_the_asker_its_address(node: Node) -> None:
    """BEP 42, "Bootstrapping"."""
    stranger = Stranger(node)
    for reply in (stranger.query(b"ping"), stranger.query(b"nonsense")):
        assert reply[b"ip"] == stranger.address


def test_find_node_gives_the_k_closest_good_nodes(node: Node) -> None:
    friends = [Stranger(node, f"20.0.{n}.1", id_=bytes([n * 5]) * 20) for n in range(1, 20)]
    for friend in friends:
        friend.befriend()
    target = bytes([50]) * 20
    expected = sorted(
        node.tables[4], key=lambda c: int.from_bytes(c.id, "big") ^ int.from_bytes(target, "big")
    )[:8]
    reply = friends[0].query(b"find_node", target=target)
    told = compact.unpack_nodes(reply[b"r"][b"nodes"], 4, 20)
    assert len(told) == 8
    assert set(told) == {(contact.id, contact.address) for contact in expected}


def test_questionable_nodes_make_up_for_good_ones_that_are_too_few(node: Node) -> None:
    """15 minutes after a quiet network came together nobody is good, until the buckets are refreshed."""
    friends = [Stranger(node, f"20.0.{n}.1", id_=bytes([n * 5]) * 20) for n in range(1, 9)]
    for friend in friends:
        friend.befriend()
    asker = Stranger(node, "20.1.0.1")
    asker.now = node.settings.good_for + 60
    reply = asker.query(b"find_node", target=bytes([50]) * 20)
    told = {address for _, address in compact.unpack_nodes(reply[b"r"][b"nodes"], 4, 20)}
    assert told == {friend.address for friend in friends}


def test_questionable_nodes_make_up_for_as_many_as_are_missing_and_no_more(node: Node) -> None:
    near = [Stranger(node, f"20.0.{n}.1", id_=bytes([n * 5]) * 20) for n in range(1, 9)]
    far = [Stranger(node, f"20.1.{n}.1", id_=bytes([200 + n]) * 20) for n in range(1, 4)]
    for friend in near + far:
        friend.befriend()
    later = node.settings.good_for + 60
    for friend in far:
        friend.now = later
        friend.query(b"ping")
    asker = Stranger(node, "20.9.0.1")
    asker.now = later
    reply = asker.query(b"find_node", target=bytes([50]) * 20)
    told = [address for _, address in compact.unpack_nodes(reply[b"r"][b"nodes"], 4, 20)]
    assert len(told) == len(set(told)) == 8
    assert set(told[:3]) == {friend.address for friend in far}, "those that are good"


def test_get_peers_gives_a_token_and_nodes_and_later_values(node: Node) -> None:
    stranger = Stranger(node)
    before = stranger.query(b"get_peers", info_hash=HASH)[b"r"]
    assert before[b"token"]
    assert b"values" not in before
    assert b"nodes" in before
    assert announce(stranger)[b"y"] == b"r"
    after = Stranger(node, "20.0.0.2").query(b"get_peers", info_hash=HASH)[b"r"]
    assert after[b"values"] == [compact.pack("20.0.0.1", 7000)]
    assert b"nodes" in after, "BEP 32: nodes beside values make the DHT more reliable"


def test_announce_stores_the_packets_ip_and_the_port_named(node: Node) -> None:
    announce(Stranger(node, "20.7.7.7", 1234), port=4321)
    assert node.store.get(HASH, 4, 9, 0.0) == [compact.pack("20.7.7.7", 4321)]


def test_implied_port_stores_the_packets_port(node: Node) -> None:
    announce(Stranger(node, "20.7.7.7", 1234), implied_port=1, port=4321)
    assert node.store.get(HASH, 4, 9, 0.0) == [compact.pack("20.7.7.7", 1234)]


def test_implied_port_of_0_is_no_implied_port(node: Node) -> None:
    announce(Stranger(node, "20.7.7.7", 1234), implied_port=0, port=4321)
    assert node.store.get(HASH, 4, 9, 0.0) == [compact.pack("20.7.7.7", 4321)]


# Errors


@pytest.mark.parametrize("port", [0, -1, 65536, 2**40, b"80", []])
def test_a_port_that_is_none_gets_203(node: Node, port: object) -> None:
    assert announce(Stranger(node), port=port)[b"e"] == [203, b"bad port"]
    assert len(node.store) == 0


@pytest.mark.parametrize("token", [b"", b"\0" * 8, b"guessed!", 7, [], b"x" * 500])
def test_a_bad_token_gets_203(node: Node, token: object) -> None:
    assert announce(Stranger(node), token=token)[b"e"] == [203, b"bad token"]
    assert len(node.store) == 0


def test_a_token_issued_to_another_ip_gets_203(node: Node) -> None:
    token = Stranger(node, "20.0.0.9").query(b"get_peers", info_hash=HASH)[b"r"][b"token"]
    reply = Stranger(node).query(b"announce_peer", info_hash=HASH, port=1, token=token)
    assert code(reply) == 203


@pytest.mark.parametrize(
    ("method", "arguments", "name"),
    [
        (b"find_node", {}, b"target"),
        (b"find_node", {"target": b"short"}, b"target"),
        (b"find_node", {"target": 7}, b"target"),
        (b"get_peers", {}, b"info_hash"),
        (b"get_peers", {"info_hash": b"x" * 21}, b"info_hash"),
        (b"announce_peer", {"port": 1, "token": b"x"}, b"info_hash"),
    ],
)
def test_bad_arguments_get_203(node: Node, method: bytes, arguments: dict[str, Any], name: bytes) -> None:
    assert Stranger(node).query(method, **arguments)[b"e"] == [203, b"bad " + name]


def test_a_full_share_of_a_hash_gets_202(node: Node) -> None:
    strangers = [Stranger(node, port=port) for port in range(1, 34)]
    answers = [announce(stranger, port=stranger.address[-1]) for stranger in strangers]
    assert {reply[b"y"] for reply in answers[:32]} == {b"r"}
    assert answers[32][b"e"] == [202, b"too many peers from this address"]


def test_an_unknown_method_gets_204(node: Node) -> None:
    assert Stranger(node).query(b"vote")[b"e"] == [204, b"Method Unknown"]


@pytest.mark.parametrize("argument", ["target", "info_hash"])
def test_an_unknown_method_with_a_target_is_treated_as_find_node(node: Node, argument: str) -> None:
    reply = Stranger(node).query(b"vote", **{argument: HASH})
    assert reply[b"y"] == b"r"
    assert b"nodes" in reply[b"r"]


# Who gets into the table


def test_a_querying_node_is_pinged_and_enters_when_it_answers(node: Node) -> None:
    stranger = Stranger(node)
    pong, ping = stranger.raw_query(b"ping")
    assert (pong[b"y"], ping[b"q"]) == (b"r", b"ping")
    assert len(node.tables[4]) == 0
    stranger.answer(ping)
    assert [contact.id for contact in node.tables[4]] == [stranger.id]


def test_a_node_is_not_pinged_again_while_a_ping_is_under_way(node: Node) -> None:
    stranger = Stranger(node)
    assert len(stranger.raw_query(b"ping")) == 2
    assert len(stranger.raw_query(b"ping")) == 1


def test_read_only_senders_are_served_and_never_enter_the_table(node: Node) -> None:
    """BEP 43."""
    stranger = Stranger(node)
    message = {b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {b"id": stranger.id}, b"ro": 1}
    (reply,) = stranger.message(message)
    assert reply[b"y"] == b"r"


def test_a_read_only_node_answers_nobody_and_says_that_it_is(node: Node) -> None:
    """BEP 43."""
    quiet = Node(now=0.0, rng=random.Random(1), read_only=True)
    stranger = Stranger(quiet)
    assert stranger.raw_query(b"ping") == []
    assert stranger.send(b"d1:t2:aa1:y1:qe") == [], "not even errors"
    quiet.bootstrap([stranger.address], lambda count: None, now=0.0)
    (query,) = [data for data, _ in quiet.outgoing()]
    assert b"2:roi1e" in query


# Answers are accepted only from whom was asked


def test_an_answer_from_another_address_is_ignored(node: Node) -> None:
    asked, impostor = Stranger(node), Stranger(node, "20.9.9.9")
    _, ping = asked.raw_query(b"ping")
    impostor.answer(ping)
    assert len(node.tables[4]) == 0
    assert node.counters.unmatched == 1
    same_ip = Stranger(node, "20.0.0.1", 9999)
    same_ip.answer(ping)
    assert len(node.tables[4]) == 0
    asked.answer(ping)
    assert len(node.tables[4]) == 1


def test_an_answer_nobody_asked_for_is_ignored(node: Node) -> None:
    stranger = Stranger(node)
    stranger.answer({b"t": b"zz"})
    assert (len(node.tables[4]), node.outgoing()) == (0, [])


def test_an_answer_counts_once(node: Node) -> None:
    stranger = Stranger(node)
    _, ping = stranger.raw_query(b"ping")
    stranger.answer(ping)
    stranger.answer(ping)
    assert node.counters.unmatched == 1


# Size


@pytest.mark.parametrize("family_host", ["20.0.0.1", "2a00:1450::1"])
def test_replies_are_capped_by_bytes_with_a_random_sample(dual: Node, family_host: str) -> None:
    family = 6 if ":" in family_host else 4
    for number in range(900):
        base = f"2a00:{number + 1:x}::1" if family == 6 else f"20.{number // 200}.{number % 200}.1"
        dual.store.add(HASH, compact.pack(base, 6881), 0.0)
    for number in range(12):
        host = f"2a00:{number + 1:x}::9" if family == 6 else f"20.9.{number}.1"
        Stranger(dual, host, id_=bytes([number]) * 20).befriend()
    stranger = Stranger(dual, family_host)
    seen: set[bytes] = set()
    for second in range(15):  # one network is sent so many bytes a second
        dual.receive(_get_peers(stranger), stranger.address, float(second))
        (datagram,) = [data for data, address in dual.outgoing() if b"6:values" in data]
        assert len(datagram) <= Settings().reply_bytes
        values = stranger.query(b"get_peers", info_hash=HASH)[b"r"][b"values"]
        assert len(values) == len(set(values)) > 20
        seen |= set(values)
    assert len(seen) > 2 * len(values)


def _get_peers(stranger: Stranger) -> bytes:
    return b"d1:ad2:id20:%b9:info_hash20:%be1:q9:get_peers1:t%d:%b1:y1:qe" % (
        stranger.id,
        HASH,
        64,
        b"t" * 64,
    )


def test_a_datagram_beyond_reason_is_dropped_unread(node: Node) -> None:
    assert Stranger(node).send(b"d1:ad2:id20:" + b"x" * 9000) == []
    assert node.counters.dropped == 1


def test_a_long_query_is_dropped_unread(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """700 nested queries of 8 kB a second held a program's loop up by most of a second."""
    stranger = Stranger(node)
    assert stranger.query(b"ping", x=b"x" * 1400)[b"r"]  # it is pinged in its turn: no long answer is due
    with monkeypatch.context() as context:
        context.setattr(krpc, "parse", lambda *_: pytest.fail("it was read"))
        assert stranger.raw_query(b"ping", x=b"x" * 1500) == []
        assert stranger.raw_query(b"ping", x=[b""] * 300) == [], "nor one of many parts"
        assert stranger.raw_query(b"ping", x=[0] * 300) == []
    assert node.counters.dropped == 3
    assert stranger.query(b"ping", x=[[0]] * 100)[b"r"]


def test_a_long_answer_of_who_was_asked_is_read(node: Node) -> None:
    """Some answer with 300 peers in 2.5 kB, and more."""
    outcomes: list[Outcome] = []
    stranger = Stranger(node)
    node.query(stranger.address, b"get_peers", {b"info_hash": HASH}, outcomes.append, now=0.0)
    ((datagram, _),) = node.outgoing()
    values = [compact.pack(f"20.{n // 200}.{n % 200}.1", 6881) for n in range(900)]
    assert stranger.raw_query(b"ping", x=b"x" * 1500) == [], "a query is too long for anybody"
    stranger.answer(bencode.decode(datagram), values=values)
    (outcome,) = outcomes
    assert isinstance(outcome, krpc.Response)
    assert outcome.values[b"values"] == values
    assert stranger.answer({b"t": b"aa"}, values=values) == []
    assert node.counters.dropped == 2, "now nothing is asked of it any more"


# IPv6 (BEP 32)


def test_without_want_the_packets_family_decides(dual: Node) -> None:
    assert set(Stranger(dual).query(b"find_node", target=HASH)[b"r"]) == {b"id", b"nodes"}
    six = Stranger(dual, "2a00:1450::1")
    assert set(six.query(b"find_node", target=HASH)[b"r"]) == {b"id", b"nodes6"}


@pytest.mark.parametrize(
    ("want", "keys"),
    [
        ([b"n4"], {b"nodes"}),
        ([b"n6"], {b"nodes6"}),
        ([b"n4", b"n6"], {b"nodes", b"nodes6"}),
        ([b"n4", b"x9", 7], {b"nodes"}),
        ([b"x9"], {b"nodes"}),
        (b"n6", {b"nodes"}),
    ],
)
def test_want_decides_which_nodes_are_sent(dual: Node, want: object, keys: set[bytes]) -> None:
    reply = Stranger(dual).query(b"get_peers", info_hash=HASH, want=want)[b"r"]
    assert set(reply) - {b"id", b"token"} == keys


def test_want_does_not_decide_which_values_are_sent(dual: Node) -> None:
    announce(Stranger(dual))
    announce(Stranger(dual, "2a00:1450::1"))
    for host, size in (("20.0.0.5", 6), ("2a00:1450::5", 18)):
        reply = Stranger(dual, host).query(b"get_peers", info_hash=HASH, want=[b"n4", b"n6"])
        assert [len(value) for value in reply[b"r"][b"values"]] == [size]


def test_a_single_family_node_serves_no_nodes_of_the_other(node: Node) -> None:
    reply = Stranger(node).query(b"find_node", target=HASH, want=[b"n6"])
    assert set(reply[b"r"]) == {b"id"}


def test_a_node_without_ipv6_ignores_what_comes_over_it(node: Node) -> None:
    assert Stranger(node, "2a00:1450::1").raw_query(b"ping") == []


# Rates


def test_replies_to_one_ip_are_limited(node: Node) -> None:
    strangers = [Stranger(node, port=port) for port in range(1, 1001)]
    replies = sum(len([r for r in each.raw_query(b"ping") if r[b"y"] == b"r"]) for each in strangers)
    assert replies == 80
    assert Stranger(node, "20.0.0.2").query(b"ping"), "others are served as before"
    strangers[0].now = 10.0
    assert strangers[0].query(b"ping")


def test_replies_to_one_address_are_limited_with_our_queries_to_it(node: Node) -> None:
    """libtorrent counts both, and ignores whoever sends it 50 in 10 seconds."""
    stranger = Stranger(node)
    datagrams = [reply for _ in range(1000) for reply in stranger.raw_query(b"ping")]
    assert len(datagrams) == 33
    assert [datagram[b"y"] for datagram in datagrams].count(b"q") == 1, (
        "that it might be taken into the table"
    )
    assert Stranger(node, "20.0.0.2").query(b"ping"), "others are served as before"
    stranger.now = 11.0
    assert stranger.query(b"ping")


def test_replies_in_all_are_limited() -> None:
    node = Node(now=0.0, rng=random.Random(1), settings=Settings(replies_per_second=50.0))
    replies = 0
    for number in range(300):
        stranger = Stranger(node, f"20.1.{number // 200}.{number % 200}")
        replies += len([r for r in stranger.raw_query(b"ping") if r[b"y"] == b"r"])
    assert replies == 50


def test_errors_count_against_the_limits(node: Node) -> None:
    stranger = Stranger(node)
    assert sum(len(stranger.send(b"d1:t2:aa1:y1:qe")) for _ in range(1000)) == 32
    strangers = [Stranger(node, "20.0.0.2", port) for port in range(1, 1001)]
    assert sum(len(each.send(b"d1:t2:aa1:y1:qe")) for each in strangers) == 80


# Keeping the table (BEP 5, "Routing Table")


def crowd(node: Node) -> list[Stranger]:
    """Eight friends who fill the bucket that is farthest from the node."""
    friends = [Stranger(node, f"10.1.{n}.1", id_=b"\xff" + bytes([n]) * 19) for n in range(8)]
    for friend in friends:
        friend.befriend()
    Stranger(node, "10.2.1.1", id_=b"n" * 19 + b"x").befriend()  # closer, so that the bucket is not the last
    # Nobody here answers a look at the neighbourhood, or now and then a ping, which is not what is tested.
    node._surroundings.upkeep._neighbourhoods[4].is_due(1000, 10_000.0)
    node._surroundings._address_check.next_due = 10_000.0
    return friends


def pings(node: Node) -> list[tuple[dict[bytes, Any], bytes]]:
    sent = [(bencode.decode(datagram), address) for datagram, address in node.outgoing()]
    return [(message, address) for message, address in sent if message[b"y"] == b"q"]


def test_full_of_good_nodes_a_bucket_takes_no_newcomer(node: Node) -> None:
    friends = crowd(node)
    newcomer = Stranger(node, "10.3.1.1", id_=b"\xfe" * 20)
    assert len(newcomer.raw_query(b"ping")) == 1, "it is not even pinged"
    assert all(node.tables[4].get(friend.address) for friend in friends)


def test_the_questionable_are_pinged_before_a_newcomer_gets_their_place(node: Node) -> None:
    friends = crowd(node)
    newcomer = Stranger(node, "10.3.1.1", id_=b"\xfe" * 20)
    for friend in friends[1:]:
        friend.now = 10.0
        friend.query(b"ping")
    newcomer.now = 905.0  # only the first friend has been silent for 15 minutes
    _, ping = newcomer.raw_query(b"ping")
    node.receive(pong(ping, newcomer), newcomer.address, 905.0)
    ((_, pinged),) = pings(node)
    assert pinged == friends[0].address
    assert node.tables[4].get(newcomer.address) is None, "not yet"
    asked = 1
    while node.tables[4].get(newcomer.address) is None:
        node.poll(node.deadline())
        asked += sum(address == friends[0].address for _, address in pings(node))
    assert asked == 2, "tried once more before it was discarded"
    assert node.tables[4].get(friends[0].address) is None


def test_the_questionable_stay_when_they_answer(node: Node) -> None:
    friends = crowd(node)
    newcomer = Stranger(node, "10.3.1.1", id_=b"\xfe" * 20)
    newcomer.now = 901.0
    _, ping = newcomer.raw_query(b"ping")
    node.receive(pong(ping, newcomer), newcomer.address, 901.0)
    ((check, pinged),) = pings(node)
    friend = next(friend for friend in friends if friend.address == pinged)
    node.receive(pong(check, friend), friend.address, 902.0)
    for seconds in range(903, 950):
        node.poll(float(seconds))
    assert node.tables[4].get(friend.address) is not None
    assert node.tables[4].get(newcomer.address) is None


def pong(query: dict[bytes, Any], stranger: Stranger) -> bytes:
    return krpc.response(query[b"t"], {b"id": stranger.id}, stranger.address)
