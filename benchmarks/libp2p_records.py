"""How much memory one peer can make the records of bitboot-libp2p take. Prints; it is no test.

    python benchmarks/libp2p_records.py [--records 6650]

The process has loaded the library, as a node has. One peer then stores records of 64 addresses of 240 bytes,
each under a key of its own, and after it one newcomer from another network stores one.
"""

from __future__ import annotations

import argparse
import time

import libp2p
import libp2p.kad_dht.kad_dht
import psutil
from bitboot_libp2p.providers import MAX_ADDRESSES, MAX_LIFETIME, Providers
from bitboot_libp2p.sharing import share_of

ADDRESS_BYTES = 240
MIB = 2**20


def main() -> None:
    """Fill a store, and say what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=6650)
    count = parser.parse_args().records
    process = psutil.Process()
    before = process.memory_info().rss
    store = Providers(time.monotonic)
    stranger, newcomer = share_of("66.6.6.6", b"stranger"), share_of("30.1.0.1", b"newcomer")
    for number in range(count):
        addresses = {
            number.to_bytes(8, "big") * (ADDRESS_BYTES // 8 - 1) + port.to_bytes(8, "big"): MAX_LIFETIME
            for port in range(MAX_ADDRESSES)
        }
        store.put(number.to_bytes(22, "big"), b"stranger", addresses, stranger)
    store.put(b"k" * 22, b"newcomer", {b"address": MAX_LIFETIME}, newcomer)
    after = process.memory_info().rss
    kept = "kept" if b"newcomer" in store.get(b"k" * 22) else "NOT kept"
    print(f"{libp2p.__name__} loaded: {before / MIB:.0f} MiB")
    print(f"after {count} records of one peer: {after / MIB:.0f} MiB, {(after - before) / MIB:.0f} more")
    print(f"a newcomer's record: {kept}")


if __name__ == "__main__":
    main()
