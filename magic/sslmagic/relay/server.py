"""What every virtual server has in one worker: its limits, counters and listeners.

A virtual server decides what a client's first octets mean and what its node gets first.
`Gateway`, `Node` and the HTTP server are virtual servers; everything after the join is
the pair's.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

from sslmagic.errors import Reason
from sslmagic.relay import counters
from sslmagic.relay.splice import Pipes

if TYPE_CHECKING:
    from sslmagic.relay.acceptor import Acceptor
    from sslmagic.relay.address import SocketAddress
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.pair import ClientEnd
    from sslmagic.relay.worker import Worker

__all__ = ["VirtualServer"]

_LINGER = 5.0
"""Seconds for a client to take a node's answer and stop sending: nginx's value."""


class VirtualServer(abc.ABC):
    """Accepts clients of a worker's listeners and finds each a node.

    Args:
        worker: the worker that it runs in.
        limits: how long and how much.
    """

    def __init__(self, worker: Worker, limits: Limits) -> None:
        self.worker = worker
        self.loop = loop = worker.loop
        self.limits = limits
        self.counts = worker.counts
        self.log = worker.log
        self.room = (limits.max_client_buffer, limits.max_server_buffer)
        """Octets read at a time from a client, and from a node."""
        self.view = memoryview(bytearray(max(self.room)))
        """Where octets are read into; it holds them until the next read only."""
        self.pipes = Pipes()
        self.lingering = loop.deadlines(_LINGER)
        self.live = 0
        """Clients that were accepted and not released."""
        self.most = worker.room(limits)
        """Clients that there may be at a time."""
        self.acceptors: list[Acceptor] = []
        """Its listeners."""

    frugal: ClassVar[bool] = False
    """Whether it does without what `sslmagic.relay.connection` saves.

    Its clients are not made non-blocking, its nodes begin with Nagle's algorithm on,
    and no connection is watched for room to write before there was none.
    """

    @abc.abstractmethod
    def accepted(
        self, client: ClientEnd, name: SocketAddress, local: SocketAddress
    ) -> None:
        """Take charge of a client that has just connected from *name* to *local*."""

    def listen(self, acceptor: Acceptor) -> None:
        """Be the one that *acceptor* accepts for."""
        self.acceptors.append(acceptor)

    def finish(self) -> None:
        """Accept no more clients, and end those that are in the middle of nothing."""
        for acceptor in self.acceptors:
            acceptor.end()

    def released(self) -> None:
        """Forget a client: its connection is closed, or about to be."""
        self.live -= 1
        if self.live == self.most - 1:
            for acceptor in self.acceptors:
                acceptor.resume()
        if not self.live:
            self.worker.end_if_idle()

    def refuse(self, client: ClientEnd, who: object, reason: Reason, why: str) -> None:
        """Close a client without an octet, count it and say so."""
        self.complain(who, reason, why)
        self.dismiss(client)

    def complain(self, who: object, reason: Reason, why: str) -> None:
        """Count a refusal and say so."""
        self.counts[counters.REFUSED[reason]] += 1
        self.log.peer(f"refused {who}: {reason}: {why}")

    def dismiss(self, client: ClientEnd) -> None:
        """Close a client that was never joined to a node."""
        if not client.closed:
            client.drop()
            self.released()

    def fault(self, client: ClientEnd, error: Exception) -> None:
        """End a client that a fault of ours left in the middle of something."""
        self.counts[counters.FAULTS] += 1
        self.log.fault(error)
        client.abort()
        self.dismiss(client)
