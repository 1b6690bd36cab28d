"""The connection to a node, which tells its conversation what happens to it."""

from __future__ import annotations

from typing import Protocol

from sslmagic.relay.pair import NodeEnd

__all__ = ["HttpNode", "Listener"]


class Listener(Protocol):
    """Who has a node's connection."""

    def ready_node(self, node: HttpNode, mask: int) -> None:
        """Act on events of *node*."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


class HttpNode(NodeEnd):
    """A node's connection, as the loop's handler."""

    __slots__ = ("listener",)

    listener: Listener

    def ready(self, mask: int) -> None:
        """Tell the listener."""
        self.listener.ready_node(self, mask)

    def swept(self, now: float) -> None:
        """Do nothing: the client's handler watches over both."""

    def abort(self) -> None:
        """End the listener."""
        self.listener.abort()
