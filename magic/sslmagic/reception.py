"""Reception: the one receiver that every entry path uses, without any I/O.

            ┌── peer refused ────────────────────────────────▶ Refused
    peer ───┼── peer is direct ──────────────────────────────▶ Accepted
            └── peer is trusted ─▶ FRAME ─▶ BOUND ─▶ believe ─▶ Accepted
                                     └────────┴─────────┴────▶ Refused

FRAME wants the octets of the preamble; BOUND, only where a verifier asks for it, wants
to see octets behind the preamble and leaves them; believing parses the addresses. A
socket, an event loop or the relay moves octets in and carries the outcome out: what is
decoded, believed and refused is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from sslmagic.decoder import Framer
from sslmagic.errors import DecodeError, ProofError, Reason, UntrustedError
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.trust import Standing, Trust
from sslmagic.wire import PARSERS, Frame

__all__ = [
    "DEADLINE",
    "Accepted",
    "Counters",
    "Peer",
    "Reception",
    "Refused",
    "Verifier",
]

DEADLINE = 5.0
"""Seconds for the whole preamble by default: proxy-protocol.txt section 2 asks for at
least 3, a lost segment costs 1, and every second more is a slow peer's."""

Peer = Endpoint | UnixEndpoint
"""The other end of a connection."""


class Accepted(NamedTuple):
    """The connection may be served."""

    client: Peer | None
    """Whose connection it is; None if a trusted peer says it is nobody's (LOCAL)."""
    peer: Peer
    """The other end of the TCP connection."""
    preamble: Preamble | None = None
    """What the peer said; None for a direct connection."""


class Refused(NamedTuple):
    """The connection is to be closed, without an octet."""

    peer: Peer
    """The other end of the TCP connection."""
    reason: Reason
    """Which rule it broke: a label for counters."""
    detail: str
    """What happened, in words; may quote the peer, escaped."""
    offset: int | None = None
    """Index of the octet that broke it, counted from the start of the stream; None if
    it was not an octet."""


Outcome = Accepted | Refused


class Verifier(Protocol):
    """Checks the proof of a framed preamble before any address of it is parsed."""

    def bound(self, frame: Frame, peer: Peer) -> int:
        """Return how many octets behind the preamble must be seen; 0 for none.

        Raises:
            ProofError: the frame cannot be proven here whatever follows.
        """
        ...

    def verify(self, frame: Frame, bound: bytes, peer: Peer, now: float) -> None:
        """Return if the proof holds.

        Raises:
            ProofError: it does not.
        """
        ...


class Reception:
    """Receives one connection: decides whether it is served, and whose it is.

    While `outcome` is None: if `wanted` is not 0, read at most that many octets and
    `feed` them. If it is 0, `peek` is not: see that many octets without taking them
    and `look`. An adapter that cannot limit its reads feeds what it has; what is not
    the preamble's is then in `rest` and need not be looked at again. Call `expire`
    when `deadline` passes, `close` when the peer ends, `reset` when it fails.

    None of them raises because of a peer.

    Args:
        trust: who may speak for a client here.
        peer: the other end of the TCP connection.
        now: seconds on a monotonic clock; every later *now* is of the same.
        deadline: seconds that the peer has for its whole preamble.
        verifier: checks proofs; without one every proof is refused.
        limit: the longest preamble in octets; None for each format's own limit.
    """

    __slots__ = (
        "_bound",
        "_fed",
        "_framer",
        "_limit",
        "_rest",
        "_trust",
        "_verifier",
        "deadline",
        "outcome",
        "peek",
        "peer",
    )

    peer: Peer
    """The other end of the TCP connection."""
    deadline: float
    """When the connection is refused if still undecided, on the clock of `now`."""
    outcome: Accepted | Refused | None
    """None while undecided."""
    peek: int
    """Octets that must be seen and left, counted from the first behind the preamble;
    0 if none."""

    def __init__(
        self,
        trust: Trust,
        peer: Peer,
        now: float,
        *,
        deadline: float = DEADLINE,
        verifier: Verifier | None = None,
        limit: int | None = None,
    ) -> None:
        self._trust = trust
        self._verifier = verifier
        self._limit = limit
        self._bound = 0
        # Made when needed: most preambles take the short cut, which needs none.
        self._framer: Framer | None = None
        self._fed = self._rest = b""
        self.peer = peer
        self.deadline = now + deadline
        self.peek = 0
        self.outcome = None
        standing = trust.standing(peer)
        if standing is Standing.DIRECT:
            self.outcome = Accepted(peer, peer)
        elif standing is Standing.REFUSED:
            self._refuse(Reason.PEER, "no network that may connect here")

    @property
    def wanted(self) -> int:
        """Octets that may be read now; 0 if none are."""
        if self.outcome is not None:
            return 0
        return self._trust.choice.least if self._framer is None else self._framer.wanted

    @property
    def frame(self) -> Frame | None:
        """The whole preamble, believed or not; None while there is none."""
        if self._fed and self._framer is None:
            self._long_way().feed(self._fed)
        return None if self._framer is None else self._framer.frame

    @property
    def rest(self) -> bytes:
        """Octets that were fed and are not the preamble's."""
        return self._rest if self._framer is None else self._framer.rest

    def feed(self, octets: bytes, now: float) -> Outcome | None:
        """Take octets that were read off the stream; return the outcome, if any."""
        if self.outcome is not None or now >= self.deadline:
            return self.expire(now)
        framer = self._framer
        if framer is None:
            if (outcome := self._short_cut(octets)) is not None:
                return outcome
            framer = self._long_way()
        framed = framer.frame is not None
        try:
            frame = framer.feed(octets)
        except DecodeError as error:
            return self._refuse(error.reason, str(error), error.offset)
        if frame is None:
            return None
        if not framed:
            return self._framed(frame, now)
        return self._see(frame, framer.rest, now)

    def look(self, octets: bytes, now: float) -> Outcome | None:
        """Take octets seen behind the preamble and left there; return the outcome."""
        if self.expire(now) is not None or (frame := self.frame) is None:
            return self.outcome
        return self._see(frame, octets, now)

    def close(self, now: float) -> Outcome:
        """Say that the peer ended its stream; return the outcome."""
        if (outcome := self.expire(now)) is not None:
            return outcome
        try:
            frame = (self._framer or self._long_way()).close()
        except DecodeError as error:
            return self._refuse(error.reason, str(error), error.offset)
        # The preamble is whole and undecided, so octets behind it were awaited.
        detail = "the stream ended inside the octets that its proof covers"
        return self._refuse(Reason.TRUNCATED, detail, len(frame.octets))

    def reset(self, now: float) -> Outcome:
        """Say that the connection failed; return the outcome."""
        if (outcome := self.expire(now)) is not None:
            return outcome
        return self._refuse(Reason.RESET, "the connection failed before its preamble")

    def expire(self, now: float) -> Outcome | None:
        """Refuse if the deadline has passed; return the outcome, if any."""
        if self.outcome is None and now >= self.deadline:
            have = "octets that its proof covers" if self.peek else "preamble"
            self._refuse(Reason.TIMEOUT, f"no whole {have} by the deadline")
        return self.outcome

    def _long_way(self) -> Framer:
        self._framer = Framer(self._trust.formats, limit=self._limit)
        return self._framer

    def _short_cut(self, octets: bytes) -> Outcome | None:
        """Return the outcome of a plain preamble that is whole, or None.

        What framing and parsing would make of it, in a third of the time.
        """
        # A slice of anything but bytes could change under the preamble.
        if type(octets) is not bytes or self._limit is not None:
            return None
        # Not by its truth, which is its own: an empty store of keys may be false.
        if self._verifier is not None:
            return None
        chosen = self._trust.choice.short_cuts.get(octets[0]) if octets else None
        if chosen is None or (found := chosen(octets)) is None:
            return None
        self._fed = octets
        preamble, self._rest = found
        return self._trusted(preamble)

    def _framed(self, frame: Frame, now: float) -> Outcome | None:
        if self._verifier is None:
            if frame.proof is not None:
                # Signed for somebody who has the key: taking it as an unsigned one
                # would make the signature worth nothing.
                detail = "a signed preamble, and this listener has no keys"
                return self._refuse(Reason.PROOF, detail)
            return self._believe(frame)
        try:
            self._bound = self._verifier.bound(frame, self.peer)
        except ProofError as error:
            return self._refuse(error.reason, str(error))
        return self._see(frame, self.rest, now)

    def _see(self, frame: Frame, behind: bytes, now: float) -> Outcome | None:
        if len(behind) < self._bound:
            self.peek = self._bound
            return None
        self.peek = 0
        assert self._verifier is not None
        try:
            self._verifier.verify(frame, behind[: self._bound], self.peer, now)
        except ProofError as error:
            return self._refuse(error.reason, str(error))
        return self._believe(frame)

    def _believe(self, frame: Frame) -> Outcome:
        try:
            preamble = PARSERS[frame.format](frame)
        except DecodeError as error:
            return self._refuse(error.reason, str(error), error.offset)
        return self._trusted(preamble)

    def _trusted(self, preamble: Preamble) -> Outcome:
        try:
            client = self._trust.believe(preamble, self.peer)
        except UntrustedError as error:
            return self._refuse(error.reason, str(error))
        self.outcome = Accepted(client, self.peer, preamble)
        return self.outcome

    def _refuse(
        self, reason: Reason, detail: str, offset: int | None = None
    ) -> Refused:
        self.peek = 0
        self.outcome = Refused(self.peer, reason, detail, offset)
        return self.outcome


class Counters:
    """Outcomes counted: how many were accepted, and refused for which reason."""

    __slots__ = ("_refused", "accepted", "direct")

    def __init__(self) -> None:
        self.accepted = 0
        """Connections served, direct ones included."""
        self.direct = 0
        """Connections of peers that are clients themselves."""
        self._refused = dict.fromkeys(Reason, 0)

    @property
    def refused(self) -> Mapping[Reason, int]:
        """Connections refused, by reason; every reason is a key."""
        return self._refused

    def count(self, outcome: Outcome) -> None:
        """Count one outcome. For one writer at a time."""
        if isinstance(outcome, Refused):
            self.refuse(outcome.reason)
        else:
            self.accepted += 1
            self.direct += outcome.preamble is None

    def refuse(self, reason: Reason) -> None:
        """Count one refusal that no `Reception` decided, such as `WAITING`."""
        self._refused[reason] += 1

    def snapshot(self) -> dict[str, int]:
        """Return the counts by name, reasons that never happened left out."""
        refused = {f"refused_{r}": n for r, n in self._refused.items() if n}
        return {"accepted": self.accepted, "direct": self.direct, **refused}
