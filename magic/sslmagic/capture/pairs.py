"""Both sides of one gateway: which connection to a node carries which client's.

    client ──front──▶ gateway ──back──▶ node

A gateway passes TLS through, so that both have the same ClientHello, whose random
octets nobody else has. Where there is none, or TLS begins anew at the gateway, the
preamble of the back names the peer of the front, and both are open at the same time.
Nobody need say which capture is of which side.
"""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, UnixEndpoint

__all__ = ["LIMIT", "SKEW", "Hop", "Pair", "Pairs"]

LIMIT = 100_000
"""Connections that are remembered by default: about 80 MB of them."""
SKEW = 1_000_000_000
"""Nanoseconds that the clocks of two captures may differ."""


_MOST_HOPS = 16
"""Connections that may carry one ClientHello: gateways in a row, each captured at both
ends; and that are looked at of those that one address and port has opened."""

_End = Endpoint | UnixEndpoint


class Hop(NamedTuple):
    """What is remembered of a connection."""

    number: int
    capture: str
    peer: Endpoint
    listener: Endpoint
    opened: int
    closed: int
    source: Endpoint | UnixEndpoint | None
    """Whom its preamble names; None for nobody, without one, or if it was refused."""
    destination: Endpoint | UnixEndpoint | None
    has_preamble: bool
    """Whether there is one, also of those that are broken or refused."""
    is_refused: bool
    """Whether there is one that nobody believes."""
    verdict: Verdict
    hello: bytes
    """A digest of the ClientHello; empty without one."""

    @classmethod
    def of(cls, connection: Connection) -> Hop | None:
        """Return what to remember of *connection*; None if it can be no side."""
        conversation, said = connection.conversation, connection.preamble
        if not conversation.sent.octets:
            return None
        hello = connection.hello
        return cls(
            conversation.number,
            conversation.capture,
            conversation.peer,
            conversation.listener,
            conversation.opened,
            conversation.closed,
            said.source if said else None,
            said.destination if said else None,
            connection.format is not None,
            connection.format is not None and said is None,
            connection.verdict,
            hashlib.blake2b(hello, digest_size=12).digest() if hello else b"",
        )

    def packed(self) -> tuple[Any, ...]:
        """Return it in values that `marshal` knows."""
        return (
            self.number,
            self.capture,
            tuple(self.peer),
            tuple(self.listener),
            self.opened,
            self.closed,
            None if self.source is None else tuple(self.source),
            None if self.destination is None else tuple(self.destination),
            self.has_preamble,
            self.is_refused,
            self.verdict.value,
            self.hello,
        )

    @classmethod
    def unpacked(cls, number: int, facts: tuple[Any, ...]) -> Hop:
        """Return what was packed, with the *number* that it has by now."""
        _, capture, peer, listener, opened, closed, source, target, *rest = facts
        has_preamble, is_refused, verdict, hello = rest
        return cls(
            number,
            capture,
            Endpoint(*peer),
            Endpoint(*listener),
            opened,
            closed,
            _endpoint(source),
            _endpoint(target),
            has_preamble,
            is_refused,
            _VERDICTS[verdict],
            hello,
        )


_VERDICTS = {verdict.value: verdict for verdict in Verdict}


def _endpoint(packed: tuple[Any, ...] | None) -> Endpoint | UnixEndpoint | None:
    if packed is None:
        return None
    return Endpoint(*packed) if len(packed) == 2 else UnixEndpoint(*packed)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A connection that a gateway accepted, and the one that it made for it."""

    front: Hop
    back: Hop
    by: tuple[str, ...]
    """What agrees: ``hello``, ``client``, ``destination``, ``host``, ``time``."""
    candidates: int
    """How many fronts it may be by that; 1 if there is no doubt."""

    @property
    def client(self) -> Endpoint | UnixEndpoint:
        """Who is at the far end of the front, as far as the capture tells."""
        return self.front.source or self.front.peer

    @property
    def words(self) -> str:
        """One line for people; what it quotes is escaped."""
        said = f"client {self.client} became node connection {self.back.peer}"
        if not self.back.has_preamble:
            said += "; no preamble: the node takes the gateway for the client"
        elif self.back.is_refused:
            said += f"; its preamble is refused: {self.back.verdict}"
        elif self.back.source is None:
            said += "; its preamble names nobody"
        elif self.back.source != self.client:
            said += (
                f"; its preamble names {self.back.source}: translated on the way, or"
                " not the client's"
            )
        if self.candidates > 1:
            said += f"; one of {self.candidates} that it may be"
        return printable(said)


class Pairs:
    """Remembers connections, and matches them when all are there.

    Args:
        limit: connections remembered; of more, the first are forgotten.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._hops: deque[Hop] = deque(maxlen=limit)
        self._added = 0

    @property
    def forgotten(self) -> int:
        """Connections that were too many to be remembered."""
        return self._added - len(self._hops)

    def add(self, connection: Connection) -> None:
        """Remember *connection*, if it can be a side of anything."""
        if (hop := Hop.of(connection)) is not None:
            self.remember(hop)

    def remember(self, hop: Hop) -> None:
        """Remember one side of anything."""
        self._hops.append(hop)
        self._added += 1

    def matched(self) -> Iterator[Pair]:
        """Yield the pairs, in the order of the backs' numbers."""
        by_peer: dict[_End, list[Hop]] = {}
        by_ends: dict[tuple[_End, _End], list[Hop]] = {}
        by_hello: dict[bytes, list[Hop]] = {}
        # Only those that somebody will ask for have a place.
        sources = {hop.source for hop in self._hops}
        hellos = Counter([hop.hello for hop in self._hops])
        for hop in sorted(self._hops, key=_opened):
            if hop.peer in sources:
                by_peer.setdefault(hop.peer, []).append(hop)
                by_ends.setdefault((hop.peer, hop.listener), []).append(hop)
            if hop.hello and hellos[hop.hello] > 1:
                by_hello.setdefault(hop.hello, []).append(hop)
        for back in sorted(self._hops, key=lambda hop: hop.number):
            same = by_hello.get(back.hello, ())
            # What so many say is a test's, or replayed, and tells nothing.
            fronts = [*same] if len(same) <= _MOST_HOPS else []
            if back.source is not None:
                fronts += _open_at(by_peer.get(back.source, []), back.opened)
                if back.destination is not None:
                    ends = back.source, back.destination
                    fronts += _open_at(by_ends.get(ends, []), back.opened)
            if fronts and (pair := _best(back, fronts)) is not None:
                yield pair


def _opened(hop: Hop) -> int:
    return hop.opened


def _open_at(hops: list[Hop], time: int) -> list[Hop]:
    """Return the last few of *hops*, in order, that were open then, or may have been.

    One port has one connection to a listener at a time. Where it has many, to others or
    one after the other, those that were opened last are the ones that matter: what is
    compared grows with the connections, and not with their square.
    """
    end = bisect.bisect_right(hops, time + SKEW, key=_opened)
    return hops[max(end - _MOST_HOPS, 0) : end]


def _best(back: Hop, fronts: list[Hop]) -> Pair | None:
    found: dict[int, tuple[tuple[str, ...], Hop]] = {}
    for front in fronts:
        if by := _agreeing(front, back):
            found[front.number] = by, front
    if not found:
        return None
    ranked = sorted(
        found.values(), key=lambda one: _rank(one[0], one[1], back), reverse=True
    )
    by, front = ranked[0]
    same = sum(_strength(other) == _strength(by) for other, _ in ranked)
    if same > 1 and not {"client", "host"} & {*by}:
        return None
    return Pair(front=front, back=back, by=by, candidates=same)


def _agreeing(front: Hop, back: Hop) -> tuple[str, ...]:
    """Return in what the two agree; nothing if they cannot belong together."""
    if front.listener == back.listener:
        # The same hop at both of its ends; or what was said twice, by a test mostly.
        return ()
    hello = bool(front.hello) and front.hello == back.hello
    client = back.source is not None and front.peer == back.source
    host = front.listener.host == back.peer.host
    destination = back.destination == front.listener
    overlap = front.opened - SKEW <= back.opened <= front.closed + SKEW
    # A gateway that ends TLS may begin another: what its preamble says must do then.
    said = client and overlap and (destination or host)
    if front.hello and back.hello and not (hello or said):
        return ()
    # A chain of gateways that all write it: only the next one is the other side.
    if front.has_preamble and back.has_preamble and not host:
        return ()
    # The preamble of the one announces the other: it is the other way round.
    if (front.source, front.destination) == (back.peer, back.listener):
        return ()
    # A clock may be wrong by more where both of the others agree.
    if hello + client + overlap < 2:
        return ()
    # Without a preamble that says it, only the clock tells front from back.
    if not client and (front.opened, front.number) > (back.opened, back.number):
        return ()
    agreed = {
        "hello": hello,
        "client": client,
        "destination": destination,
        "host": host,
        "time": overlap,
    }
    return tuple(name for name, holds in agreed.items() if holds)


def _strength(by: tuple[str, ...]) -> tuple[bool, bool, bool]:
    return "hello" in by, "host" in by, "client" in by


def _rank(
    by: tuple[str, ...], front: Hop, back: Hop
) -> tuple[tuple[bool, bool, bool], bool, int]:
    near = -abs(back.opened - front.opened)
    return _strength(by), "destination" in by, near
