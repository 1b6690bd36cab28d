"""The HTTP virtual server: one conversation for each client that it accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sslmagic.relay.address import Address, SocketAddress
from sslmagic.relay.connector import Connector
from sslmagic.relay.http.conversation import Conversation
from sslmagic.relay.http.limits import HttpLimits
from sslmagic.relay.http.link import HttpNode
from sslmagic.relay.server import VirtualServer

if TYPE_CHECKING:
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.pair import ClientEnd
    from sslmagic.relay.worker import Worker

__all__ = ["HttpServer"]


class HttpServer(VirtualServer):
    """A virtual server of plaintext HTTP with `add_cluster_ip`.

    Args:
        worker: the worker that it runs in.
        limits: how long and how much; `connect_timeout` is for a whole request head.
        nodes: where to connect, round robin.
        http: how long and how much in HTTP.
        enhance: the format of a preamble in front of each node connection; none for
            nodes that are told by the header alone.
    """

    def __init__(
        self,
        worker: Worker,
        limits: Limits,
        nodes: Sequence[Address],
        *,
        http: HttpLimits | None = None,
        enhance: str = "none",
    ) -> None:
        super().__init__(worker, limits)
        self.http = http or HttpLimits()
        self.enhance = enhance
        self.connector = Connector(self, nodes, end=HttpNode)
        self.heads = self.loop.deadlines(limits.connect_timeout)
        """Who must complete a request's head."""
        self.pauses = self.loop.deadlines(self.http.keepalive_timeout)
        """Who must begin another request."""
        self.replies = self.loop.deadlines(self.http.max_reply_time)
        """Whose node must say something."""

        self.resting: set[Conversation] = set()
        """Who is between two requests."""

    def finish(self) -> None:
        """Accept no more clients, and end those that are between two requests."""
        super().finish()
        for conversation in list(self.resting):
            conversation.end()

    def accepted(
        self, client: ClientEnd, name: SocketAddress, local: SocketAddress
    ) -> None:
        """Read what the client sent with its connection, and go on from there."""
        conversation = Conversation(self, client, name, local)
        try:
            conversation.start()
        except BaseException:
            conversation.abort()
            raise
