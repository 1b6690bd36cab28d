"""A conversation while packets of it may come: two streams, and what became of them."""

from __future__ import annotations

import functools

from sslmagic.address import host_text
from sslmagic.block import Endpoint
from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.stream import SideFacts, Stream, side

__all__ = ["Facts", "Flow", "endpoints", "reverse", "told"]

Facts = tuple[
    bytes,
    int,
    bool,
    int,
    int,
    int | None,
    int | None,
    SideFacts,
    SideFacts,
    int,
    bool | None,
]
"""A conversation in values that `marshal` knows, which is several times as fast as what
knows classes: the key, how much of it are VLANs, whether it was begun, when it was
opened, closed, seen no more and accepted, both sides, how it ended, and whether by the
peer."""

_OPEN, _CLOSED, _RESET = range(3)
_ENDED = (Ended.OPEN, Ended.CLOSED, Ended.RESET)


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
        "idle",
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
        self.idle = False
        """Whether it was given up for having been silent, and not for having ended."""
        self.over = False
        """Whether it has ended; what still comes is late."""

    def other(self, stream: Stream) -> Stream:
        """Return the other direction."""
        return self.answered if stream is self.sent else self.sent

    def close(self, stream: Stream, offset: int, length: int, since: int) -> None:
        """Take a FIN of *stream*.

        Args:
            offset: where in the stream it stands.
            length: how many octets of data its segment has, before it.
            since: ns since the packet before of this stream.
        """
        if stream.fin < 0:
            if stream.close_at(offset, offset - length):
                # Its acknowledgement must not be passed over.
                other = self.other(stream)
                other.shut()
                if stream.pending is not None and not stream.watched:
                    stream.watch(other)
                self.closer = self.closer or stream
        elif not length:
            stream.count_again(since)

    def facts(self, last: int, until: int | None = None) -> Facts:
        """Return what is known, for good.

        Args:
            last: the last packet's time in ns.
            until: until when no other came, as far as the capture's clock tells.
        """
        reset = self.reset
        if reset is None and self.doubted is not None:
            # Its sender kept to it, so that it was meant, whether believed or not.
            stream, packets = self.doubted
            reset = stream if stream.packets == packets else None
        by = reset or self.closer
        return (
            self.sent.key,
            len(self.vlans),
            self.begun,
            self.opened,
            last,
            until,
            self.accepted,
            self.sent.facts(),
            self.answered.facts(),
            _OPEN if by is None else _CLOSED if reset is None else _RESET,
            None if by is None else by is self.sent,
        )


def told(facts: Facts, *, capture: str, number: int) -> Conversation:
    """Return the facts of a flow as a conversation."""
    key, size, begun, opened, closed, until, accepted, sent, answered, ended, by = facts
    vlans: tuple[int, ...] = ()
    if size:
        vlans = tuple(key[at] << 8 | key[at + 1] for at in range(0, size, 2))
        key = key[size:]
    peer, listener = endpoints(key)
    return Conversation(
        capture=capture,
        number=number,
        peer=peer,
        listener=listener,
        vlans=vlans,
        begun=begun,
        opened=opened,
        closed=closed,
        until=until,
        accepted=accepted,
        sent=side(sent),
        answered=side(answered),
        ended=_ENDED[ended],
        ended_by=None if by is None else "peer" if by else "listener",
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
