"""What a probe claims: clients out of the ranges for documentation, drawn by chance.

Each claim of a run has an address of its own, so that an answer that shows it shows
which claim was believed, and a page that always shows some address shows nothing.
"""

from __future__ import annotations

import random
from collections.abc import Collection

from sslmagic.preamble import Endpoint, Preamble, Transport
from sslmagic.wire import encode

__all__ = ["CHECKED", "Claims", "bad_checksum", "local", "said"]

CHECKED = ("magic", "proxy2")
"""The formats that have a checksum."""

_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
"""RFC 5737: nobody has these addresses."""
_DESTINATION = "198.51.100.255"
"""Of those ranges as well, and no client of ours."""


class Claims:
    """The clients of one run.

    Args:
        chance: what draws them; by default the system's.
    """

    def __init__(self, chance: random.Random | None = None) -> None:
        chance = chance or random.SystemRandom()
        hosts = [f"{net}.{last}" for net in _NETWORKS for last in range(1, 255)]
        chance.shuffle(hosts)
        self._hosts = iter(hosts)
        self._chance = chance

    def client(self, avoid: Collection[str] = ()) -> Endpoint:
        """Return a client that was not claimed before in this run.

        Args:
            avoid: hosts that are somebody, the prober itself above all: some networks
                use these ranges in earnest.
        """
        host = next(host for host in self._hosts if host not in avoid)
        return Endpoint(host, self._port())

    def loopback(self) -> Endpoint:
        """Return an address of 127.0.0.0/8 that nobody uses by habit."""
        a, b, c = (self._chance.randint(1, 254) for _ in range(3))
        return Endpoint(f"127.{a}.{b}.{c}", self._port())

    def _port(self) -> int:
        return self._chance.randint(32768, 60999)


def said(client: Endpoint, port: int, format: str, *, crc32c: bool = False) -> bytes:
    """Return the preamble that claims *client*, as who connected to *port*."""
    preamble = Preamble(source=client, destination=Endpoint(_DESTINATION, port))
    return encode(preamble, format, crc32c=crc32c)


def bad_checksum(client: Endpoint, port: int, format: str) -> bytes:
    """Return a preamble whose CRC32C is wrong, and nothing else."""
    octets = said(client, port, format, crc32c=True)
    # The checksum is the only TLV, and so the end of the preamble.
    return octets[:-1] + bytes([octets[-1] ^ 0xFF])


def local(format: str) -> bytes:
    """Return a preamble without a client: LOCAL, or UNKNOWN where there is no LOCAL."""
    if format == "proxy1":
        return encode(Preamble(transport=Transport.UNKNOWN), format)
    return encode(Preamble.local(), format)
