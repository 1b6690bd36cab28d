"""Conversations in, samples out: whose each connection was, as far as that is known.

From the front, the capture on the clients' side of the sender: a ClientHello passes
through unchanged, and its 32 random octets belong to nobody else. Or from clients that
were named: then a connection is the one's of whom its preamble says a word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from sslmagic.capture.conversation import Conversation
from sslmagic.capture.learning.sample import MOST_WANTED, Sample, preamble_end
from sslmagic.capture.learning.spelling import SPELLINGS, spelt, stands
from sslmagic.preamble import Endpoint
from sslmagic.wire.fields import Port

__all__ = ["MOST_SAMPLES", "Fronts", "Gathered", "gather", "wanted"]

MOST_SAMPLES = 5000
"""Samples that are kept: a layout is known long before."""
_MOST_FRONTS = 200_000
"""Clients that are remembered, some 60 MB of them."""
_RANDOM = slice(11, 43)
"""Where the random octets of a ClientHello stand in its record."""
_SKEW = 5_000_000_000
"""Nanoseconds that a connection may be from its client's: clocks, and a full queue."""


def wanted(octets: bytes) -> int:
    """Return how many octets of a front are wanted; 0 when it has what is needed."""
    end = preamble_end(octets)
    if end is None:
        return MOST_WANTED
    if octets[end] != 0x16 or len(octets) < end + 5:
        return end + 5
    return end + 5 + int.from_bytes(octets[end + 3 : end + 5], "big")


class Fronts:
    """Clients, by what they said first."""

    def __init__(self, conversations: Iterable[Conversation]) -> None:
        self._clients: dict[bytes, tuple[int, Endpoint, Endpoint] | None] = {}
        for one in conversations:
            octets = one.sent.octets
            end = preamble_end(octets)
            said = b"" if end is None else _said(octets[end:])
            if not said or len(self._clients) >= _MOST_FRONTS:
                continue
            client = one.opened, one.peer, one.listener
            # Said again by somebody else, as a replay is, it tells nobody apart.
            first = self._clients.setdefault(said, client)
            if first is not None and first[1:] != client[1:]:
                self._clients[said] = None

    def __len__(self) -> int:
        return len(self._clients)

    def client(self, said: bytes, opened: int) -> tuple[Endpoint, Endpoint] | None:
        """Return who alone said so at that time, and to whom."""
        known = self._clients.get(said)
        if known is None or abs(opened - known[0]) > _SKEW:
            return None
        return known[1:]


@dataclasses.dataclass(slots=True)
class Gathered:
    """Samples, and how many connections are none."""

    samples: list[Sample] = dataclasses.field(default_factory=list[Sample])
    silent: int = 0
    """Without an octet, or with octets missing from their front."""
    strange: int = 0
    """With neither TLS nor HTTP behind what may be a preamble."""
    nobodys: int = 0
    """Whose client is not known."""
    surplus: int = 0
    """More than are kept."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What is not sure of whose they are, and what would settle it."""
        if not any(one.is_named for one in self.samples):
            return ()
        found = [
            "the clients are those that the preambles themselves name: a capture of the"
            " front would be a witness"
        ]
        kept = len(self.samples) + self.surplus
        if self.nobodys > kept:
            found.append(
                f"only {kept} of {kept + self.nobodys} connections name a client that"
                " was named: others connected as well, or these are no clients"
            )
        return tuple(found)


def gather(
    conversations: Iterable[Conversation],
    *,
    fronts: Fronts | None = None,
    clients: Sequence[Endpoint] = (),
    destination: Endpoint | None = None,
) -> Gathered:
    """Return the samples among *conversations*, the back of a sender of preambles.

    Args:
        fronts: the clients' own connections.
        clients: clients that are named; port 0 where only the host is known.
        destination: where they connected to, if the fronts do not say.
    """
    found = Gathered()
    for one in conversations:
        octets = one.sent.octets
        if not octets or not one.begun:
            found.silent += 1
            continue
        end = preamble_end(octets)
        if end is None:
            found.strange += 1
            continue
        client, shop, is_named = None, destination, False
        if fronts is not None and (
            known := fronts.client(_said(octets[end:]), one.opened)
        ):
            client, shop = known
        if client is None and clients:
            client = _named(octets[:end], clients, one)
            is_named = True
        if client is None:
            found.nobodys += 1
        elif len(found.samples) >= MOST_SAMPLES:
            found.surplus += 1
        else:
            sample = Sample(
                octets[:end], client, one.listener, one.peer, shop, one.number, is_named
            )
            found.samples.append(sample)
    return found


def _said(octets: bytes) -> bytes:
    """Return what nobody else says of the octets behind a preamble; empty if none."""
    if octets[:1] != b"\x16" or len(octets) < _RANDOM.stop:
        return b""
    return octets[_RANDOM]


def _named(
    octets: bytes, clients: Sequence[Endpoint], one: Conversation
) -> Endpoint | None:
    """Return the only one of *clients* that *octets* name in any spelling."""
    best: dict[int, set[Endpoint]] = {}
    for client in dict.fromkeys(clients):
        sample = Sample(octets, client, one.listener)
        host = port = False
        for field in SPELLINGS:
            spelling = spelt(field, sample) if field.of == "source" else None
            if spelling is not None and any(stands(field, spelling, octets)):
                port = port or isinstance(field, Port)
                host = host or not isinstance(field, Port)
        if host:
            best.setdefault(1 + port, set()).add(client)
    if not best:
        return None
    found = best[max(best)]
    return found.pop() if len(found) == 1 else None
