"""What all connections of a capture come to, in bounded memory."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable

from sslmagic.address import pack_host
from sslmagic.capture.connection import Connection
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, UnixEndpoint

__all__ = ["MOST", "Entry", "Tally", "Totals", "entry", "network"]

MOST = 10_000
"""Names that a tally keeps apart: more than anybody reads."""
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_PREFIX = {4: 24, 16: 48}
"""Bits of a client's network, by the octets of its address: what one owner has."""


Entry = tuple[bool, bool, bool, int, int, str, str, str, str, str | None, str | None]
"""What totals take of a connection, in values that `marshal` knows: whether it is a
fault, whether the listener turned it down, whether octets of it conflict, when it was
opened and closed, the verdict, the format, the peer, the listener, the network of the
client, and the name that TLS asks for."""


def entry(connection: Connection) -> Entry:
    """Return what totals take of *connection*."""
    conversation = connection.conversation
    return (
        connection.is_fault,
        connection.rebuff is not None,
        connection.conflicting > 0,
        conversation.opened,
        conversation.closed,
        connection.verdict.value,
        str(connection.format or "none"),
        conversation.peer.host,
        str(conversation.listener),
        None if connection.client is None else network(connection.client),
        (connection.tls.server_name or None) if connection.tls is not None else None,
    )


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
        self.rebuffed = 0
        """Those that are in order, and the listener turned down."""
        self.conflicting = 0
        """Those of which octets came twice, with different values."""
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
        self.count(entry(connection))

    def count(self, entry: Entry) -> None:
        """Count what `entry` has taken of one."""
        fault, rebuffed, conflicts, opened, closed, verdict, format = entry[:7]
        peer, listener, client, name = entry[7:]
        self.connections += 1
        self.faults += fault
        self.rebuffed += rebuffed
        self.conflicting += conflicts
        if self.first is None or opened < self.first:
            self.first = opened
        if self.last is None or closed > self.last:
            self.last = closed
        self.verdicts[_VERDICTS[verdict]] += 1
        self.formats[format] += 1
        self.peers.add(peer)
        self.listeners.add(listener)
        if client is not None:
            self.clients.add(client)
        if name is not None:
            self.server_names.add(name)

    def by_verdict(self) -> Iterable[tuple[Verdict, int]]:
        """Return the verdicts that came, the commonest first."""
        return self.verdicts.most_common()


def network(client: Endpoint | UnixEndpoint) -> str:
    """Return the network that an address is counted with."""
    if isinstance(client, UnixEndpoint):
        return "unix"
    if ":" not in client.host:
        return f"{client.host.rpartition('.')[0]}.0/24"
    host = client.host.partition("%")[0]
    packed = pack_host(host)
    bits = _PREFIX[len(packed)]
    return str(ipaddress.ip_network((packed, bits), strict=False))
