"""Every number that the mainline node goes by, in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Sizes, times (seconds) and caps. The defaults suit the public network.

    `Settings().relaxed()` is for networks whose nodes share one address: loopback, testnets.
    """

    # The protocol's own (BEP 5)
    k: int = 8
    """Contacts in a bucket, in a reply, and storing nodes of an announcement."""
    good_for: float = 900.0
    """A contact is good for 15 minutes after it was last heard."""
    bad_after: int = 2
    """Unanswered queries in a row that make a contact bad."""
    refresh_after: float = 900.0
    """A bucket unchanged for 15 minutes is refreshed."""
    peer_lifetime: float = 1800.0
    """How long an announced peer is kept. Common clients announce again every 15 to 30 minutes."""

    item_lifetime: float = 7200.0
    """How long an item is kept that nobody puts again (BEP 44, "Expiration")."""

    # Lookups
    alpha: int = 3
    """Queries of one lookup under way at once; slow ones do not count."""
    hurried_alpha: int = 10
    """The same where somebody waits for it, and many will not answer or the network is small: see
    `lookup.Network`, `hurries` and `knows_few`."""
    first_of_few: int = 12
    """How many such a lookup asks at once to begin with where the network is small: more than k, since peers
    are often stored a little beyond the k closest. Beside the closest these are the quickest to answer."""
    max_queries_per_lookup: int = 160
    """A lookup ends here, whatever strangers still suggest."""
    max_candidates: int = 256
    """Nodes that one lookup keeps in mind: the closest."""
    nodes_taken_per_reply: int = 16
    """Of one reply's contacts. Honest nodes send 8, some send 20."""
    peers_taken_per_reply: int = 1000
    """Of one reply's `values`: 65,507 bytes hold some 8,000, honest replies at most a few hundred."""
    samples_taken_per_reply: int = 100
    """Of one reply's sampled keys (BEP 51). Honest replies hold some 30."""
    side_paths: int = 3
    """Contacts by chance from which a lookup for peers goes to its target as well: the closest may all be an
    attacker's. Only at public addresses: elsewhere everybody chooses ids freely, and nothing helps."""
    asks_per_storing_node: int = 12
    """How often one lookup asks a storing node again whose replies are samples of a crowd; 0: never."""
    first_looks: int = 4
    """Ids by chance that a newcomer looks up, one a minute. That fills the far buckets with nodes that answer
    before an attacker asks for the places there, and shows how close together nodes usually are."""
    nodes_per_subnet: int | None = 3
    """Nodes of one public /24 (IPv6: /64) that count in one lookup; None: no limit."""

    # Patience
    slow_floor: float = 0.05
    """A query is never called overdue or slow before this."""
    slow_ceiling: float = 1.0
    """... nor later than this. When one is overdue another is asked beside it; one that is slow is not waited
    for any more. Its answer still counts."""
    hurried_slow_ceiling: float = 0.75
    """The same for a lookup in a hurry, whatever its node's last answers took."""
    timeout_floor: float = 0.5
    """A query is never given up before this."""
    timeout_ceiling: float = 16.0
    """... nor later than this."""

    # NATs
    nat_memory: float = 300.0
    """How long a NAT may let in whom a node behind it wrote to: 5 minutes, as RFC 4787 recommends (REQ-5)."""

    few_contacts: int = 32
    """With fewer in a table the network is small, some hundred nodes: all of them may be replaced within
    minutes, so that whoever calls is taken at once, and checked later."""

    # Caps on what strangers can make grow
    max_transactions: int = 512
    """Queries under way at once; more wait in line."""
    max_hashes: int = 20_000
    """Info-hashes in the peer store. When full, whoever holds most of it loses what they announced first."""
    max_peers_per_hash: int = 2_000
    max_peers: int = 100_000
    """Peers in the store, all hashes together: 48 MiB."""
    max_ports_per_ip: int | None = 32
    """Peers that one IPv4 address or IPv6 /64 may announce under one hash: many may share a NAT. None: no
    limit."""
    max_item_bytes: int = 8 * 2**20
    """What items (BEP 44) may take: 4,000 of the longest, 7,000 of 100 bytes."""
    contacts_per_ip: int | None = 1
    """Contacts of one public IP in the routing table; None: no limit."""
    contacts_per_subnet: int | None = 8
    """Contacts of one public /24 (IPv6: /64) in the routing table; None: no limit."""
    max_verifications: int = 32
    """Pings under way to nodes that queried us, to see whether they belong in the table."""
    max_dead: int = 2_048
    """Contacts remembered as dead."""
    max_newcomers: int = 256
    """Nodes that called us, and wait to be verified until NATs have forgotten us."""
    newcomers_per_ip: int | None = 4
    """Of one public IP among them; None: no limit."""
    newcomers_per_subnet: int | None = 16
    """Of one public /24 (IPv6: /64) among them; None: no limit."""
    max_known: int = 65_536
    """Addresses that we were in touch with in the last hour, to tell strangers who call. With more than that
    nobody counts as a stranger for a while."""
    sampled_sources: int = 8
    """Keys are shown to whoever surveys the DHT (BEP 51) that at least so many IPv4 addresses or IPv6 /64s
    have announced: those of private swarms are not told apart from others."""
    sample_interval: float = 3600.0
    """Seconds until another sample of keys is shown."""
    dead_for: float = 300.0
    """How long a contact that answered nothing is left alone."""
    dead_after: int = 3
    """Unanswered queries in a row after which that is so. With two, on a line that loses 40 % of the
    datagrams, a third of all live nodes would be left alone."""
    reply_bytes: int = 1_024
    """A reply is never longer (BEP 32, "Maximum packet size")."""
    item_reply_bytes: int = 1_400
    """Nor one with an item, of which the value alone may have 1,000: nodes are left out for it."""
    max_datagram: int = 8_192
    """Longer datagrams are dropped unread."""
    max_query: int = 1_500
    """So are longer ones from where no long answer is due: a query has no reason to be longer (BEP 44's `put`
    has some 1,250 bytes), and one of 8,192 takes milliseconds to read."""

    # Rates
    replies_per_second: float | None = 3_000.0
    """All replies together, short ones once half a second's worth is used up; None: no limit."""
    contact_replies_per_second: float | None = 500.0
    """Replies to contacts that do not count towards those; None: no limit."""
    replies_per_second_per_ip: float | None = 20.0
    """Replies to one IPv4 address or IPv6 /64, so that a forged sender is no amplifier; None: no limit."""
    reply_bytes_per_second_per_subnet: float | None = 20_000.0
    """Bytes of replies to one public /24 (IPv6: /48), headers included; None: no limit."""
    max_requests: int = 1_024
    """Requests of ours under way at once (`asking.requests`)."""
    requests_per_second_per_ip: float | None = 20.0
    """Requests of one IPv4 address or IPv6 /64 for which the handler, which may be slow, is asked ..."""
    requests_per_second_per_subnet: float | None = 80.0
    """... and of one public /24 (IPv6: /48); None: no limit."""
    requests_per_second: float | None = 1_000.0
    """... and of all addresses that we have not asked ourselves; None: no limit."""
    verifications_per_second: float | None = 200.0
    """Signatures of items that are checked, 0.13 ms each; None: no limit."""
    verifications_per_second_per_ip: float | None = 5.0
    """For one IPv4 address or IPv6 /64; None: no limit."""
    verifications_per_second_per_subnet: float | None = 20.0
    """For one public /24 (IPv6: /48); None: no limit."""
    messages_per_10s_per_node: int | None = 40
    """Our queries and answers to one node: stock libtorrent ignores who sends it about 50 in 10 seconds.
    Queries beyond that wait, answers are not sent; None: no limit."""
    samples_per_second: float | None = 5.0
    """Nodes that a survey (BEP 51) asks in a second; None: no limit."""

    def relaxed(self) -> Settings:
        """The same without the limits per address, which on one machine hit everybody."""
        return replace(
            self,
            nodes_per_subnet=None,
            max_ports_per_ip=None,
            contacts_per_ip=None,
            contacts_per_subnet=None,
            newcomers_per_ip=None,
            newcomers_per_subnet=None,
            sampled_sources=1,
            replies_per_second=None,
            verifications_per_second=None,
            verifications_per_second_per_ip=None,
            verifications_per_second_per_subnet=None,
            replies_per_second_per_ip=None,
            reply_bytes_per_second_per_subnet=None,
            requests_per_second_per_ip=None,
            requests_per_second_per_subnet=None,
            requests_per_second=None,
            messages_per_10s_per_node=None,
            samples_per_second=None,
        )
