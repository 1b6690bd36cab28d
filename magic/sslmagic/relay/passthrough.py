"""Virtual servers that pass octets on unread, and a client between accept and join.

    reading --(judge says forward)--> connecting --(a node took the octets)--> joined
       |                                  |
       '--- refused, too late, gone ------'--- no node --> closed

Only who must be waited for is watched by the loop, or has a deadline: a client whose
octets are there when it is accepted, and whose node answers at once, needs neither.
"""

from __future__ import annotations

import abc
import select
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from sslmagic.errors import EncodeError, Reason
from sslmagic.relay import counters
from sslmagic.relay.address import Address, SocketAddress, endpoint
from sslmagic.relay.connection import AT_ONCE
from sslmagic.relay.connector import Attempt, Connector
from sslmagic.relay.first import JUDGES
from sslmagic.relay.guard import Guard
from sslmagic.relay.loop import ARRIVALS
from sslmagic.relay.pair import ClientEnd, NodeEnd
from sslmagic.relay.server import VirtualServer

if TYPE_CHECKING:
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.worker import Worker

__all__ = ["Arrival", "Passthrough"]

_GONE: Final = select.EPOLLERR | select.EPOLLHUP
_FAULTS: Final = {
    Reason.HELLO: "the first octets are no ClientHello",
    Reason.NESTED: "a preamble where the client's own octets belong",
}


class Passthrough(VirtualServer):
    """A virtual server that reads no more of a stream than its first octets.

    Args:
        worker: the worker that it runs in.
        limits: how long and how much.
        nodes: where to connect.
        protocol: what the first octets must be, a key of `JUDGES`. With ``stream`` a
            node is connected without waiting for them, since it may speak first.
    """

    frugal = True

    def __init__(
        self, worker: Worker, limits: Limits, nodes: Sequence[Address], protocol: str
    ) -> None:
        super().__init__(worker, limits)
        self.connector = Connector(self, nodes)
        self.judge = JUDGES[protocol]
        self.eager = protocol == "stream"
        self.first = self.loop.deadlines(limits.connect_timeout)


Server = TypeVar("Server", bound=Passthrough)


class Arrival(abc.ABC, Generic[Server]):
    """One client on its way to a node.

    Most are joined before `read` returns, so that what only the others need has its
    first value on the class.
    """

    held = b""
    """First octets, read and not yet passed on."""
    guarded = False
    """Whether they stay here after the join, until they are enough to judge."""
    attempt: Attempt | None = None
    """The search for a node, while there is one."""
    watched = False
    """Whether the loop knows the client."""
    waiting = False
    """Whether more octets are needed."""

    def __init__(
        self,
        server: Server,
        client: ClientEnd,
        name: SocketAddress,
        local: SocketAddress,
    ) -> None:
        self.server = server
        self.client = client
        self.name = name
        self.local = local

    @abc.abstractmethod
    def announce(self) -> bytes:
        """Return what goes in front of the first octets, made for one connection.

        Raises:
            EncodeError: it cannot be said.
        """

    def unsayable(self) -> Reason:
        """Return what is counted when `announce` cannot say it."""
        return Reason.ADDRESS

    def ready(self, mask: int) -> None:
        """Read first octets, or see that the client is gone while a node is sought."""
        if self.client.closed or self.client.other is not None:
            return
        if self.attempt is None:
            self.read()
        elif mask & _GONE:
            self.leave(counters.CLIENT_RESET)

    def expired(self) -> None:
        """Close: the first octets did not come in time."""
        self.leave(counters.CONNECT_TIMEOUT)

    def swept(self, now: float) -> None:
        """Do nothing: a deadline of its own watches over every state."""

    def abort(self) -> None:
        """Close the client, and the node that is being connected."""
        self.leave(counters.ABORTED)

    def read(self) -> None:
        """Read what is there, and act on it."""
        view = self.server.view
        watched = self.watched
        self.waiting = False
        try:
            count = self.client.recv_into(view, self.server.room[0], AT_ONCE)
        except BlockingIOError:
            self.settle(ended=False)
        except OSError:
            self.leave(counters.CLIENT_RESET)
        else:
            if not count:
                self.ended()
                return
            self.take(bytes(view[:count]))
            if self.waiting and watched:
                # What came together with these octets, an end say, is not told again.
                self.server.loop.again(self)

    def take(self, octets: bytes) -> None:
        """Act on first octets, of which *octets* are the latest."""
        self.held += octets
        self.settle(ended=False)

    def ended(self) -> None:
        """Act on a client that ended its stream while first octets were awaited."""
        if self.held or self.server.eager:
            self.settle(ended=True)
        else:
            self.leave(counters.EMPTY)

    def settle(self, *, ended: bool) -> None:
        """Do as the judge says about the octets held."""
        verdict = self.server.judge(self.held, ended=ended)
        if verdict == "forward":
            self.connect()
        elif isinstance(verdict, Reason):
            self.refuse(verdict, _FAULTS[verdict])
        elif self.server.eager:
            self.guarded = True
            self.connect()
        else:
            self.wait()

    def wait(self) -> None:
        """Be told when there is more to read, or when the time for it is up."""
        self.waiting = True
        if self not in self.server.first:
            self.server.first.add(self, self.server.loop.now)
        self.watch()

    def watch(self) -> None:
        """Be told of events of the client."""
        if not self.watched:
            self.watched = True
            self.server.loop.add(self.client.fileno(), self)

    def connect(self) -> None:
        """Look for a node."""
        if self.watched:
            self.server.first.discard(self)
        self.client.moved = len(self.held)
        attempt = self.server.connector.connect(self)
        if attempt is not None:
            self.attempt = attempt
            self.watch()

    def compose(self, node: NodeEnd) -> bytes | None:
        """Return what *node* gets first; see `sslmagic.relay.connector.Opening`."""
        del node
        try:
            announced = self.announce()
        except EncodeError as error:
            # Never without a preamble: a node would take the gateway for the client.
            self.refuse(self.unsayable(), str(error))
            return None
        return announced if self.guarded else announced + self.held

    def joined(self, node: NodeEnd, unsent: bytes) -> None:
        """Leave the client to its pair."""
        client = self.client
        client.join(node, unsent)
        if self.guarded:
            guard = Guard(client, self.name, self.held, self.server)
            guard.start(watched=self.watched)
        elif self.watched:
            client.take_over()
        else:
            self.server.loop.add(client.fileno(), client, ARRIVALS)

    def unreachable(self, why: str) -> None:
        """Close: no node could be reached."""
        self.server.log.peer(f"no node for {endpoint(self.name)}: {why}")
        self.attempt = None
        self.leave(counters.CONNECT_FAILED)

    def refuse(self, reason: Reason, why: str) -> None:
        """Close without an octet, count the reason and say why."""
        self.server.first.discard(self)
        self.server.refuse(self.client, endpoint(self.name), reason, why)

    def leave(self, count: int) -> None:
        """Close without an octet, and count why."""
        self.server.first.discard(self)
        if self.attempt is not None:
            self.attempt.cancel()
        self.server.counts[count] += 1
        self.server.dismiss(self.client)
