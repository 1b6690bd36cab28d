"""A conversation's way to its node: sought, kept for the next request, given up.

    none --ask()--> sought --(joined)--> linked --part()--> none
                      |                    '--ask()--> linked, if the node kept it too
                      '--(no node)--> none

One client has one node connection at a time, and nobody else ever has it. A node that
has closed it between two requests is left for the next one in turn: nothing of the
request was sent. Once an octet was, no other node gets the request.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Protocol

from sslmagic.errors import EncodeError, Reason
from sslmagic.relay import counters
from sslmagic.relay.address import SocketAddress, endpoint
from sslmagic.relay.announce import announce
from sslmagic.relay.http.channel import Channel
from sslmagic.relay.pair import NodeEnd

if TYPE_CHECKING:
    from sslmagic.relay.connector import Attempt
    from sslmagic.relay.http.server import HttpServer

__all__ = ["HttpNode", "Link", "Listener"]


class Listener(Protocol):
    """Whoever asks nodes."""

    def linked(self) -> None:
        """Go on: a node has the first octets, or gets them as it takes them."""
        ...

    def unlinked(self, words: str) -> None:
        """Give up: there is no node, which *words* for the client say."""
        ...

    def advance(self) -> None:
        """See what can be read from the node or written to it."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


class HttpNode(NodeEnd):
    """A node's connection, as the loop's handler."""

    __slots__ = ("link",)

    link: Link

    def ready(self, mask: int) -> None:
        """Tell the link."""
        self.link.ready(self, mask)

    def swept(self, now: float) -> None:
        """Do nothing: the client's handler watches over both."""

    def abort(self) -> None:
        """End the conversation."""
        self.link.listener.abort()


class Link:
    """The node's side of one conversation.

    Args:
        server: the virtual server.
        listener: the conversation.
        name: where its client is from.
        local: where the client connected to.
    """

    def __init__(
        self,
        server: HttpServer,
        listener: Listener,
        name: SocketAddress,
        local: SocketAddress,
    ) -> None:
        self.listener = listener
        self.channel: Channel | None = None
        """The node's connection, while there is one."""
        self.reused = False
        """Whether it has served another request before."""
        self.deaf = False
        """Whether the node takes no more of the request."""
        self._resting = False
        self._server = server
        self._name = name
        self._local = local
        self._attempt: Attempt | None = None
        self._first = b""

    def ask(self, first: bytes) -> None:
        """Send *first* to the node that is linked, or to the next one in turn."""
        channel = self.channel
        self.deaf = self._resting = False
        if channel is not None and _is_fresh(channel):
            self.reused = True
            self.write(first)
            self.listener.linked()
            return
        self.part(reset=False)
        self._first = first
        # Whoever knows at once has told before this returns, and has no search.
        self._attempt = self._server.connector.connect(self)

    def rest(self) -> None:
        """Keep the node for another request, as long as it keeps silent."""
        self._resting = True

    def write(self, octets: bytes) -> None:
        """Say *octets* to the node, if it takes any more."""
        try:
            if self.channel is not None and not self.deaf:
                self.channel.write(octets)
        except OSError:
            self.deaf = True

    def part(self, *, reset: bool) -> None:
        """Give up the node, or the search for one.

        Args:
            reset: whether the node must not go on with what it was asked.
        """
        channel, self.channel = self.channel, None
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        if channel is not None:
            self._server.counts[counters.OCTETS_DOWN] += channel.end.moved
            if reset:
                channel.end.reset()
            else:
                channel.end.drop()

    def ready(self, node: HttpNode, mask: int) -> None:
        """Act on events of *node*."""
        channel = self.channel
        if channel is None or channel.end is not node:
            return
        if self._resting:
            if not _is_fresh(channel):
                self.part(reset=False)
            return
        channel.tell(mask)
        try:
            channel.flush()
        except OSError:
            self.deaf = True
        self.listener.advance()

    def compose(self, node: NodeEnd) -> bytes | None:
        """Return what *node* gets first; see `sslmagic.relay.connector.Opening`."""
        assert isinstance(node, HttpNode)
        node.link = self
        enhance = self._server.enhance
        if enhance == "none":
            return self._first
        try:
            return announce(self._name, self._local, enhance) + self._first
        except EncodeError as error:
            # Never without a preamble: a node would take the gateway for the client.
            self._attempt = None
            self._server.complain(endpoint(self._name), Reason.ADDRESS, str(error))
            self.listener.unlinked("no preamble can name the client")
            return None

    def joined(self, node: NodeEnd, unsent: bytes) -> None:
        """Go on with *node*."""
        self._attempt = None
        self._first = b""
        self._server.counts[counters.JOINED] += 1
        self.reused = False
        self.channel = Channel(node, unsent)
        self.listener.linked()

    def unreachable(self, why: str) -> None:
        """Say that no node could be reached."""
        self._attempt = None
        self._server.log.peer(f"no node for {endpoint(self._name)}: {why}")
        self.listener.unlinked("no node could be reached")


def _is_fresh(channel: Channel) -> bool:
    """Return whether a node has kept its connection open, and silent.

    What it says before it is asked would be taken for the answer.
    """
    channel.tell(select.EPOLLIN)
    try:
        return channel.read() is None
    except OSError:
        return False
