"""The node side: takes the preamble off, decides whether to believe it, passes it on.

    peer --> | preamble | octets | --> Reception --> | as told | octets | --> node

The reception alone decodes, believes and refuses; here octets are moved into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sslmagic.errors import EncodeError, Reason
from sslmagic.preamble import Endpoint, Preamble, Transport
from sslmagic.reception import DEADLINE, Accepted, Reception, Refused
from sslmagic.relay import counters
from sslmagic.relay.address import Address, SocketAddress, endpoint
from sslmagic.relay.announce import announce, respeak
from sslmagic.relay.passthrough import Arrival, Passthrough

if TYPE_CHECKING:
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.pair import ClientEnd
    from sslmagic.relay.worker import Worker
    from sslmagic.trust import Trust

__all__ = ["WAITING", "Node"]

WAITING = 4096
"""Connections of a worker that may wait for their preamble at a time, by default: at
2 kB each they hold 8 MB."""


class Node(Passthrough):
    """A passthrough virtual server with `ssl_trust_magic`.

    Args:
        worker: the worker that it runs in.
        limits: how long and how much.
        nodes: where the streams go.
        trust: who may speak for a client.
        protocol: what follows the preamble: stream, which may be anything but another
            preamble, or ssl.
        speak: the format in which the preamble is said again; plain to leave it out.
        deadline: seconds for the whole preamble.
        waiting: connections that may wait for theirs at a time.
        destination: said where a preamble does not say where its client connected.
    """

    def __init__(
        self,
        worker: Worker,
        limits: Limits,
        nodes: Sequence[Address],
        trust: Trust,
        *,
        protocol: str = "stream",
        speak: str = "plain",
        deadline: float = DEADLINE,
        waiting: int = WAITING,
        destination: Endpoint | None = None,
    ) -> None:
        super().__init__(worker, limits, nodes, protocol)
        self.trust = trust
        self.speak = speak
        self.deadlines = self.loop.deadlines(deadline)
        self.waiting = waiting
        self.destination = destination

    def accepted(
        self, client: ClientEnd, name: SocketAddress, local: SocketAddress
    ) -> None:
        """Receive the preamble, as far as it came with the connection."""
        _Peer(self, client, name, local).start()


class _Peer(Arrival[Node]):
    """One connection of a peer."""

    preamble: Preamble | None = None
    """What the peer said, once it is believed."""
    reception: Reception | None
    """Decides on the peer; None once it has."""

    def __init__(
        self,
        server: Node,
        client: ClientEnd,
        name: SocketAddress,
        local: SocketAddress,
    ) -> None:
        super().__init__(server, client, name, local)
        self.reception = Reception(
            server.trust,
            endpoint(name),
            server.loop.now,
            deadline=server.deadlines.seconds,
        )

    def start(self) -> None:
        """Go on from what is known of the peer alone."""
        if not self._decide():
            self.read()

    def announce(self) -> bytes:
        """Return the preamble for the node behind us."""
        speak = self.server.speak
        if speak == "plain":
            return b""
        if self.preamble is None:
            return announce(self.name, self.local, speak)
        return respeak(self.preamble, speak, self.server.destination)

    def connect(self) -> None:
        """Look for a node, if what the peer said can be said to one."""
        speak = self.server.speak
        if self.preamble is not None and speak != "plain":
            # Found out first, so that no node sees a connection come and go for it.
            try:
                respeak(self.preamble, speak, self.server.destination)
            except EncodeError as error:
                self.refuse(self.unsayable(), str(error))
                return
        super().connect()

    def unsayable(self) -> Reason:
        """Return what is counted when the format behind cannot carry the preamble."""
        if self.preamble is None:
            return super().unsayable()
        if self.preamble.lacks_destination and self.server.destination is None:
            return Reason.ADDRESS
        plain = self.preamble.transport in {Transport.TCP4, Transport.TCP6}
        return Reason.OVERSIZE if plain else Reason.TRANSPORT

    def take(self, octets: bytes) -> None:
        """Feed the reception, or judge what follows the preamble."""
        reception = self.reception
        if reception is None:
            super().take(octets)
            return
        reception.feed(octets, self.server.loop.now)
        if not self._decide():
            self.wait()

    def settle(self, *, ended: bool) -> None:
        """Wait for the reception to decide, or judge what follows the preamble."""
        if self.reception is None:
            super().settle(ended=ended)
        else:
            self.wait()

    def ended(self) -> None:
        """Tell the reception, or judge what there was."""
        if self.reception is None:
            super().ended()
        else:
            self.reception.close(self.server.loop.now)
            self._decide()

    def expired(self) -> None:
        """Refuse: the preamble was not whole in time."""
        if self.reception is None:
            super().expired()
        else:
            self.reception.expire(self.server.loop.now)
            self._decide()

    def wait(self) -> None:
        """Wait for more of the preamble, unless too many do."""
        server = self.server
        if self.reception is None:
            super().wait()
        elif self not in server.deadlines:
            if len(server.deadlines) >= server.waiting:
                self.refuse(Reason.WAITING, f"{server.waiting} others wait already")
                return
            server.deadlines.add(self, server.loop.now)
            self.waiting = True
            self.watch()
        else:
            self.waiting = True

    def leave(self, count: int) -> None:
        """Close without an octet; a reception that is under way counts it."""
        reception = self.reception
        if reception is None or count != counters.CLIENT_RESET:
            self.server.deadlines.discard(self)
            super().leave(count)
        else:
            reception.reset(self.server.loop.now)
            self._decide()

    def refuse(self, reason: Reason, why: str) -> None:
        """Close without an octet, count the reason and say why."""
        self.server.deadlines.discard(self)
        super().refuse(reason, why)

    def _decide(self) -> bool:
        """Act on the outcome; return whether there is one."""
        reception = self.reception
        assert reception is not None
        match reception.outcome:
            case None:
                return False
            case Refused(reason=reason, detail=detail):
                self.refuse(reason, detail)
            case Accepted(preamble=preamble):
                self.server.deadlines.discard(self)
                self.reception = None
                self.preamble = preamble
                if rest := reception.rest:
                    super().take(rest)
                else:
                    self.read()
        return True
