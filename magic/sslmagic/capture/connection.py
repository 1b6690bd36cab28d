"""One connection of a capture, judged."""

from __future__ import annotations

import dataclasses

from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.verdict import FINE, MEANINGS, Verdict
from sslmagic.errors import DecodeError
from sslmagic.hello import ClientHello, hello_length
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.wire import Frame

__all__ = ["Connection", "Timing"]

_UNDECIDED = frozenset({Verdict.WAITING, Verdict.SILENT, Verdict.UNSEEN})
_NO_READER = "may read no preamble, or none from this peer"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When each step was seen; nanoseconds since 1970, None where it was not."""

    accepted: int | None = None
    """The listener's SYN-ACK."""
    preamble: int | None = None
    """The preamble's last octet."""
    hello: int | None = None
    """The last octet of the ClientHello's records."""
    answer: int | None = None
    """The listener's first octet."""
    closed: int | None = None
    """The last packet of a connection that has ended."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A conversation, and what is to be said of it."""

    conversation: Conversation
    verdict: Verdict
    words: str
    """The verdict for people, in one line; what it quotes is escaped."""
    offset: int | None = None
    """Index of the octet that broke a rule, from the start of the stream."""
    format: str | None = None
    """The format of the preamble, also of a broken one; None if there is none."""
    frame: Frame | None = None
    """The whole preamble; None if it is not whole, or not the front."""
    preamble: Preamble | None = None
    """What it says; None if it was refused."""
    client: Endpoint | UnixEndpoint | None = None
    """Whose connection a receiver takes it to be; None for nobody, or if refused."""
    follows: str
    """What stands behind the preamble, or at the front where there is none: ``tls``,
    ``http``, ``ssh``, a format's name, ``other``, ``nothing``, or ``unseen``."""
    tls: ClientHello | None = None
    """The first ClientHello; None if there is none, or not a whole one."""
    answer: str | None = None
    """What the listener's first octets are: ``tls``, ``alert: unexpected_message``,
    ``http: 400``, ``other``; None if it sent nothing."""
    timing: Timing

    @property
    def is_fault(self) -> bool:
        """Whether somebody should look at it."""
        # A preamble that names nobody may be refused, and is called local all the same.
        refused = self.verdict is Verdict.LOCAL and self.preamble is None
        return refused or self.verdict not in FINE

    @property
    def conflicting(self) -> int:
        """Octets of the fronts that came twice, with different values."""
        conversation = self.conversation
        return conversation.sent.conflicting + conversation.answered.conflicting

    @property
    def is_settled(self) -> bool:
        """Whether more octets will hardly change what is said, if it is open still."""
        if self.verdict in _UNDECIDED or self.conversation.sent.missing is not None:
            return False
        if self.follows == "tls":
            return self.tls is not None or self._has_all_of_hello
        return self.follows != "nothing"

    @property
    def _has_all_of_hello(self) -> bool:
        """Whether what stands where a ClientHello must stand is whole, or is none."""
        start = len(self.frame.octets) if self.frame else 0
        try:
            return hello_length(self.conversation.sent.octets[start:]) is not None
        except DecodeError:
            return True

    @property
    def rebuff(self) -> str | None:
        """How the listener turned down what is in order, in words; None if it did not.

        The verdict is about the preamble. That this listener reads none, or none from
        this peer, shows in its answer alone.
        """
        if self.preamble is None or self.verdict not in FINE:
            return None
        if self.answer is not None:
            return _rebuff(self.answer)
        conversation = self.conversation
        if self.follows in ("nothing", "unseen") or conversation.answered.length:
            return None
        if conversation.ended is Ended.OPEN or conversation.ended_by != "listener":
            return None
        how = "reset" if conversation.ended is Ended.RESET else "closed"
        return f"the listener {how} it without an answer: it {_NO_READER}"

    @property
    def is_remarkable(self) -> bool:
        """Whether its words say something that its verdict and client do not."""
        if self.is_fault or self.is_signed or self.conflicting > 0:
            return True
        return self.rebuff is not None

    @property
    def is_signed(self) -> bool:
        """Whether the preamble has a proof: whom it names is unverified here."""
        return self.frame is not None and self.frame.proof is not None

    @property
    def advice(self) -> str:
        """What to do about it; empty if nothing."""
        return MEANINGS[self.verdict].do

    @property
    def hello(self) -> bytes:
        """The octets of the ClientHello's records; empty if there is no whole one."""
        if self.tls is None:
            return b""
        start = len(self.frame.octets) if self.frame else 0
        return self.conversation.sent.octets[start : start + self.tls.length]


def _rebuff(answer: str) -> str | None:
    """Return what an answer means that turns a connection down; None for others."""
    if answer == "http: 400":
        return f"the listener answers HTTP 400: it {_NO_READER}"
    if not answer.startswith("alert"):
        return None
    said = answer.partition(": ")[2]
    # To a server that reads no preamble it is a record that no handshake begins with.
    why = f": it {_NO_READER}" if said == "unexpected_message" else ""
    return f"the listener answers with a TLS alert{f' ({said})' if said else ''}{why}"
