"""Watches the first octets of a client that is joined to its node already.

A node that speaks first must not wait for its client, so the two are joined before the
client's octets could be judged. The guard reads for the client end until they can, and
then leaves the descriptor to it.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

from sslmagic.errors import Reason
from sslmagic.relay.address import SocketAddress, endpoint
from sslmagic.relay.connection import AT_ONCE
from sslmagic.wire import LONGEST_SIGNATURE

if TYPE_CHECKING:
    from sslmagic.relay.pair import ClientEnd
    from sslmagic.relay.passthrough import Passthrough

__all__ = ["Guard"]

_WRITING: Final = select.EPOLLOUT | select.EPOLLERR
"""What the client end is told meanwhile."""


class Guard:
    """Stands in for the client end until its first octets are judged.

    Args:
        client: the end, joined to its node.
        name: where it is from.
        held: octets of it that were read and cannot be judged yet.
        server: the virtual server, whose judge is asked.
    """

    __slots__ = ("_client", "_held", "_left", "_name", "_server")

    def __init__(
        self, client: ClientEnd, name: SocketAddress, held: bytes, server: Passthrough
    ) -> None:
        self._client = client
        self._name = name
        self._held = held
        self._server = server
        self._left = False
        """Whether the client end reads for itself again."""

    def start(self, *, watched: bool) -> None:
        """Be told of the client's events; *watched* if somebody is already."""
        # However the pair comes to read its client, for want of this it would pass on
        # what nobody has judged.
        self._client.guard()
        loop = self._server.loop
        if watched:
            loop.hand_over(self._client.fileno(), self)
            loop.again(self)
        else:
            loop.add(self._client.fileno(), self)

    def ready(self, mask: int) -> None:
        """Read until the octets can be judged; let the client end do the rest."""
        if self._left:
            # The loop was asked for another call before an event of this round came.
            return
        client = self._client
        if mask & _WRITING:
            client.ready(mask & _WRITING)
        while client.other is not None:
            view = self._server.view
            try:
                wanted = LONGEST_SIGNATURE - len(self._held)
                count = client.recv_into(view, wanted, AT_ONCE)
            except BlockingIOError:
                return
            except OSError:
                client.ready(select.EPOLLERR)
                return
            self._held += view[:count]
            client.moved += count
            verdict = self._server.judge(self._held, ended=not count)
            if verdict == "forward":
                self._left = True
                client.pass_on(self._held)
                client.take_over()
                return
            if isinstance(verdict, Reason):
                who = endpoint(self._name)
                self._server.complain(who, verdict, "a preamble behind the preamble")
                client.abandon()
                return

    def swept(self, now: float) -> None:
        """See to the pair's time."""
        self._client.swept(now)

    def abort(self) -> None:
        """Reset the pair."""
        self._client.abort()
