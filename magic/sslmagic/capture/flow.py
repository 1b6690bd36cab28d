"""A conversation while packets of it may come: two streams, and what became of them."""

from __future__ import annotations

import functools

from sslmagic.address import host_text
from sslmagic.block import Endpoint
from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.stream import Stream

__all__ = ["Flow", "endpoints", "reverse"]


class Flow:
    """Who speaks with whom, and how far they are."""

    __slots__ = (
        "accepted",
        "again",
        "answered",
        "begun",
        "closer",
        "doubted",
        "early",
        "number",
        "opened",
        "over",
        "place",
        "reset",
        "sent",
        "vlans",
    )

    sent: Stream
    """From the side that is taken to be the peer."""
    answered: Stream
    """From the side that is taken to be the listener."""

    def __init__(self, *, vlans: bytes, number: int, opened: int, place: int) -> None:
        self.vlans = vlans
        self.number = number
        self.opened = opened
        self.place = place
        """Where the record of the first packet begins."""
        self.begun = False
        self.accepted: int | None = None
        self.early: tuple[bytes, int, int] | None = None
        """Data of the SYN, their length and time, until the listener accepts them."""
        self.closer: Stream | None = None
        """The stream that was closed first."""
        self.reset: Stream | None = None
        """The stream that had the RST."""
        self.doubted: tuple[Stream, int] | None = None
        """The stream that had a RST which its receiver may not have believed, and how
        many packets it had then."""
        self.again: tuple[int, int] | None = None
        """ISN and time of a SYN that may begin another conversation."""
        self.over = False
        """Whether it has ended; what still comes is late."""

    def other(self, stream: Stream) -> Stream:
        """Return the other direction."""
        return self.answered if stream is self.sent else self.sent

    def conversation(self, capture: str, last: int) -> Conversation:
        """Return what is known, for good; *last* is the last packet's time in ns."""
        vlans = self.vlans
        reset = self.reset
        if reset is None and self.doubted is not None:
            # Its sender kept to it, so that it was meant, whether believed or not.
            stream, packets = self.doubted
            reset = stream if stream.packets == packets else None
        by = reset or self.closer
        ended = Ended.OPEN
        if by is not None:
            ended = Ended.CLOSED if reset is None else Ended.RESET
        peer, listener = endpoints(self.sent.key[len(vlans) :])
        return Conversation(
            capture=capture,
            number=self.number,
            peer=peer,
            listener=listener,
            vlans=tuple(
                vlans[at] << 8 | vlans[at + 1] for at in range(0, len(vlans), 2)
            )
            if vlans
            else (),
            begun=self.begun,
            opened=self.opened,
            closed=last,
            accepted=self.accepted,
            sent=self.sent.side(),
            answered=self.answered.side(),
            ended=ended,
            ended_by=None if by is None else "peer" if by is self.sent else "listener",
        )


def reverse(key: bytes, vlans: int) -> bytes:
    """Return the key of the other direction; *vlans* is how many octets precede it."""
    size = (len(key) - vlans - 4) >> 1
    host = vlans + size
    ports = host + size
    return (
        key[:vlans]
        + key[host:ports]
        + key[vlans:host]
        + key[ports + 2 :]
        + key[ports : ports + 2]
    )


_text = functools.lru_cache(maxsize=4096)(host_text)


def endpoints(key: bytes) -> tuple[Endpoint, Endpoint]:
    """Return sender and receiver of a key without its VLANs."""
    size = (len(key) - 4) >> 1
    return (
        Endpoint(_text(key[:size]), key[-4] << 8 | key[-3]),
        Endpoint(_text(key[size : 2 * size]), key[-2] << 8 | key[-1]),
    )
