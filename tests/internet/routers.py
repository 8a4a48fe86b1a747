"""What the routers run: address translation by nftables, and miniupnpd."""

from __future__ import annotations

NAT = """
table inet home {{
  map open {{
    type inet_service : ipv4_addr . inet_service
    flags dynamic, timeout
    timeout 3m
  }}
  chain before {{
    type nat hook prerouting priority -100
    {inward}
  }}
  chain after {{
    type nat hook postrouting priority 100
    {hairpin}
    oifname "wan" meta nfproto ipv4 {outward}
  }}
  chain translated {{
    type filter hook postrouting priority 110
    {remember}
  }}
  chain miniupnpd {{ }}
  chain forwarding {{
    type filter hook forward priority 0
    policy drop
    jump miniupnpd
    ct state established,related accept
    iifname "lan" accept
    ct status dnat accept
  }}
  chain incoming {{
    type filter hook input priority 0
    iifname "wan" meta l4proto {{ udp, tcp }} ct state new drop
  }}
}}
"""

# The chains that miniupnpd puts its rules into, beside the one above, and its configuration.
UPNP_CHAINS = """
table inet filter {
  chain prerouting { type nat hook prerouting priority -110; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 90; jump postrouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
"""
UPNP_CONFIG = """\
ext_ifname=wan
listening_ip=lan
http_port=0
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
system_uptime=yes
uuid=9f0d7c3a-2222-4444-8888-000000000001
upnp_table_name=home
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 {network}.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


def nat_rules(nat: str, address: str) -> str:
    """The nft rules of a router whose outside address is `address`.

    A full cone remembers which inner address and port each outside port stands for, for as long as
    datagrams leave from it, and sends on to there what comes from anybody, inside or outside.
    """
    if nat != "full":
        outward = "masquerade fully-random" if nat == "random" else "masquerade"
        return NAT.format(inward="", hairpin="", outward=outward, remember="")
    return NAT.format(
        inward=f"ip daddr {address} dnat ip to udp dport map @open",
        hairpin=f'iifname "lan" oifname "lan" ct status dnat snat ip to {address}',
        outward=f"snat ip to {address}",
        remember='oifname "wan" meta l4proto udp ct direction original update @open '
        "{ udp sport : ct original ip saddr . ct original proto-src }",
    )
