"""Talks of which every checksum is right, and what a reader makes of a talk."""

from __future__ import annotations

from sslmagic.capture.conversation import Conversation
from tests.sslmagic.capture.wired import (
    PSH,
    Talk,
    pcap,
    read,
    summed,
)

__all__ = ["Summed", "one", "seen"]


def seen(talk: Talk, *, wanted: int = 100) -> list[Conversation]:
    """Return the conversations in a talk's packets."""
    return read(pcap(talk.frames()), wanted=wanted)


def one(talk: Talk, *, wanted: int = 100) -> Conversation:
    """Return the only one."""
    (found,) = seen(talk, wanted=wanted)
    return found


class Summed(Talk):
    """A conversation that has begun, with the checksums of the wire."""

    def __init__(self) -> None:
        super().__init__()
        self.open()
        self.packets = [(time, summed(packet)) for time, packet in self.packets]

    def say(
        self,
        offset: int,
        data: bytes = b"",
        *,
        flags: int = PSH,
        change: int = 0,
        urgent: int = 0,
        acked: int = 0,
    ) -> None:
        """Let the peer send."""
        self.add(0, offset, data, flags=flags, acked=acked)
        self.sum(change=change, urgent=urgent)

    def confirm(self, acked: int, *, flags: int = 0) -> None:
        """Let the listener acknowledge."""
        self.add(1, 0, flags=flags, acked=acked)
        self.sum()

    @property
    def octets(self) -> bytes:
        """What its receiver has read, whichever way the capture is read."""
        found = [
            read(pcap(self.frames()), plain=plain)[0].sent for plain in (True, False)
        ]
        assert found[0] == found[1]
        assert found[0].missing is None
        return found[0].octets
