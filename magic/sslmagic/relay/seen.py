"""What is remembered of a connection, as bits of `Connection.seen`.

The other bits of it are epoll's, for events that were told and are not used up yet: no
bit of epoll is as high as the lowest of these.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ASIDE",
    "BROKEN",
    "CLOSED",
    "ENDED",
    "FINISHED",
    "GUARDED",
    "IGNORED",
    "NAGLE",
    "ROOM",
]

NAGLE: Final = 1 << 40
"""Small writes wait for each other, which is to be mended before the second one."""
ROOM: Final = 1 << 41
"""The loop tells when there is room to write again."""
CLOSED: Final = 1 << 42
"""The connection was given up, and nothing else is remembered."""

ENDED: Final = 1 << 50
"""The peer of this end has sent its FIN, and it was read."""
FINISHED: Final = 1 << 51
"""We have sent our FIN to the peer of this end."""
IGNORED: Final = 1 << 52
"""The other end takes nothing any more: what comes in here is thrown away."""
BROKEN: Final = 1 << 53
"""A write found the connection reset: its end, when it is read, is no FIN."""
GUARDED: Final = 1 << 54
"""Somebody else reads what comes in here: see `sslmagic.relay.pair.End.guard`."""
ASIDE: Final = IGNORED | GUARDED
"""What comes in here is not for the other end."""
