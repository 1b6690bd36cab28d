"""What all connections of a capture come to, in bounded memory."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable

from sslmagic.address import pack_host
from sslmagic.capture.connection import Connection
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, UnixEndpoint

__all__ = ["MOST", "Tally", "Totals", "network"]

MOST = 10_000
"""Names that a tally keeps apart: more than anybody reads."""
_PREFIX = {4: 24, 16: 48}
"""Bits of a client's network, by the octets of its address: what one owner has."""


class Tally:
    """How often each name came, of the commonest ones.

    Exact while there are at most twice *most* names. Beyond, the rarest are put
    together as `others`, so that a name may be counted too low, never too high.
    """

    __slots__ = ("_counts", "_most", "others")

    def __init__(self, most: int = MOST) -> None:
        self._counts: Counter[str] = Counter()
        self._most = most
        self.others = 0
        """Of names that are not kept apart."""

    def add(self, name: str) -> None:
        """Count *name* once more."""
        self._counts[name] += 1
        if len(self._counts) > 2 * self._most:
            kept = Counter(dict(self._counts.most_common(self._most)))
            self.others += self._counts.total() - kept.total()
            self._counts = kept

    def most(self, count: int | None = None) -> list[tuple[str, int]]:
        """Return the commonest *count* names, and how often each came."""
        return self._counts.most_common(count)

    def __len__(self) -> int:
        """Return how many names are kept apart."""
        return len(self._counts)


class Totals:
    """Counts connections as they come."""

    def __init__(self) -> None:
        self.connections = 0
        """All."""
        self.faults = 0
        """Those whose verdict is a fault."""
        self.first: int | None = None
        """When the earliest was opened; nanoseconds since 1970."""
        self.last: int | None = None
        """When the latest packet of any was captured."""
        self.verdicts: Counter[Verdict] = Counter()
        self.formats: Counter[str] = Counter()
        """By the format of the preamble; ``none`` without."""
        self.clients = Tally()
        """Networks of the clients, /24 and /48; ``unix`` for UNIX sources."""
        self.peers = Tally()
        """Addresses of the peers."""
        self.listeners = Tally()
        """Addresses and ports that were connected to."""
        self.server_names = Tally()
        """Names that TLS clients asked for."""

    def add(self, connection: Connection) -> None:
        """Count one connection."""
        conversation = connection.conversation
        self.connections += 1
        self.faults += connection.is_fault
        if self.first is None or conversation.opened < self.first:
            self.first = conversation.opened
        if self.last is None or conversation.closed > self.last:
            self.last = conversation.closed
        self.verdicts[connection.verdict] += 1
        self.formats[connection.format or "none"] += 1
        self.peers.add(conversation.peer.host)
        self.listeners.add(str(conversation.listener))
        if connection.client is not None:
            self.clients.add(network(connection.client))
        if connection.tls is not None and connection.tls.server_name:
            self.server_names.add(connection.tls.server_name)

    def by_verdict(self) -> Iterable[tuple[Verdict, int]]:
        """Return the verdicts that came, the commonest first."""
        return self.verdicts.most_common()


def network(client: Endpoint | UnixEndpoint) -> str:
    """Return the network that an address is counted with."""
    if isinstance(client, UnixEndpoint):
        return "unix"
    host = client.host.partition("%")[0]
    packed = pack_host(host)
    bits = _PREFIX[len(packed)]
    return str(ipaddress.ip_network((packed, bits), strict=False))
