"""A client's connection from its first request to its last.

    head --(request)--> seeking --(node)--> exchanging --(response whole)--> head ...
     |                     |                    |
     '--- refused ---------+--- no answer ------+--> over, or left to a `Farewell`

If a node that has served before ends without a word to a request, the client's
connection is closed without a word as well: a client knows whether its request may be
sent twice (RFC 9110 section 9.2.2), and a gateway does not.
"""

from __future__ import annotations

import enum
import select
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sslmagic.preamble import Endpoint
from sslmagic.relay import counters
from sslmagic.relay.address import SocketAddress, endpoint
from sslmagic.relay.http.channel import Channel
from sslmagic.relay.http.exchange import Exchange
from sslmagic.relay.http.farewell import Farewell
from sslmagic.relay.http.link import Link
from sslmagic.relay.http.refusal import NodeError, RequestError, answer

if TYPE_CHECKING:
    from sslmagic.relay.http.server import HttpServer
    from sslmagic.relay.pair import ClientEnd
    from sslmagic.relay.timers import Deadlines

__all__ = ["Conversation"]

_GONE: Final = select.EPOLLERR | select.EPOLLHUP
_TURN = 16
"""Steps in a row, before others have their turn."""


class State(enum.Enum):
    """What a conversation waits for."""

    HEAD = enum.auto()
    """The client's next request."""
    SEEKING = enum.auto()
    """A node."""
    EXCHANGING = enum.auto()
    """The rest of the request, and the response."""
    OVER = enum.auto()
    """Nothing: the client has left, or is somebody else's."""


_ASKED: Final = (State.SEEKING, State.EXCHANGING)


class Conversation:
    """One client of an HTTP virtual server.

    Args:
        server: the virtual server.
        client: the client's connection.
        name: where it is from.
        local: where it connected to.
    """

    def __init__(
        self,
        server: HttpServer,
        client: ClientEnd,
        name: SocketAddress,
        local: SocketAddress,
    ) -> None:
        who = endpoint(name)
        host = who.host if isinstance(who, Endpoint) else None
        self._server = server
        self._who = who
        self._exchange = Exchange(host, longest_head=server.http.longest_head)
        self._client = Channel(client)
        self._link = Link(server, self, name, local)
        self._state = State.HEAD
        self._deadline: Deadlines | None = None
        self._served = False
        """Whether there was a request before the one that is awaited."""
        self._active = self._since = server.loop.now

    def start(self) -> None:
        """Read what is there, and be told of more."""
        self._server.loop.add(self._client.end.fileno(), self)
        self.advance()

    def ready(self, mask: int) -> None:
        """Act on the events of the client."""
        if self._state is State.OVER:
            return
        self._client.tell(mask)
        try:
            self._client.flush()
        except OSError:
            mask |= _GONE
        if mask & _GONE and self._state in _ASKED:
            self._leave(counters.CLIENT_RESET)
        else:
            self.advance()

    def swept(self, now: float) -> None:
        """End if nothing moves, or it takes too long."""
        limits = self._server.limits
        longest = limits.max_transaction_duration
        if limits.timeout and now - self._active >= limits.timeout:
            self._leave(counters.IDLE)
        elif longest and self._state in _ASKED and now - self._since >= longest:
            self._leave(counters.DURATION)

    def expired(self) -> None:
        """Give up what was waited for."""
        self._deadline = None
        if self._state is State.EXCHANGING:
            self._server.log.peer(f"the node does not answer {self._who}")
            self._say(HTTPStatus.GATEWAY_TIMEOUT, "the node does not answer")
        elif self._exchange.holds:
            words = "the request head did not come in time"
            self._say(HTTPStatus.REQUEST_TIMEOUT, words, counters.CONNECT_TIMEOUT)
        elif self._served:
            self._leave(counters.KEEPALIVE_TIMEOUT, reset=False)
        else:
            self._leave(counters.CONNECT_TIMEOUT, reset=False)

    def end(self) -> None:
        """Leave a client that is between two requests."""
        self._leave(counters.CLOSED, reset=False)

    def abort(self) -> None:
        """Reset both connections."""
        self._leave(counters.ABORTED)

    def linked(self) -> None:
        """Begin the exchange: the node has the request's first octets."""
        self._state = State.EXCHANGING
        if self._exchange.asked or self._exchange.awaits_continue:
            self._wait(self._server.replies)

    def unlinked(self, words: str) -> None:
        """Answer that there is no node."""
        self._say(HTTPStatus.BAD_GATEWAY, words, counters.CONNECT_FAILED)

    def advance(self) -> None:
        """Do what can be done now, and come back for the rest."""
        self._active = self._server.loop.now
        for _ in range(_TURN):
            if not self._step():
                return
        self._server.loop.again(self)

    def _step(self) -> bool:
        """Take one step; return whether there may be another."""
        if self._state is State.HEAD:
            return self._listen()
        if self._state is not State.EXCHANGING:
            return False
        moved = not self._exchange.asked and self._upward()
        return self._downward() or moved

    def _listen(self) -> bool:
        """Read until a request has begun."""
        if self._client.pending:
            return False
        exchange = self._exchange
        try:
            first = exchange.begin()
        except RequestError as error:
            self._refuse(error)
            return False
        if first is not None:
            self._ask(first)
            return True
        try:
            octets = self._client.read()
        except OSError:
            self._leave(counters.CLIENT_RESET)
            return False
        if octets:
            exchange.feed(octets)
            return True
        if octets is None:
            self._await_head()
        elif exchange.holds:
            self._say(HTTPStatus.BAD_REQUEST, "the request head is not whole")
        else:
            count = counters.CLOSED if self._served else counters.EMPTY
            self._leave(count, reset=False)
        return False

    def _await_head(self) -> None:
        """Set the deadline for the next request, or for the rest of it."""
        server = self._server
        between = self._served and not self._exchange.holds
        if between:
            server.resting.add(self)
        deadlines = server.pauses if between else server.heads
        if self._deadline is not deadlines:
            self._wait(deadlines)

    def _ask(self, first: bytes) -> None:
        """Send a request on its way."""
        self._server.resting.discard(self)
        self._wait(None)
        self._since = self._server.loop.now
        self._served = True
        self._server.counts[counters.REQUESTS] += 1
        self._state = State.SEEKING
        self._link.ask(first)

    def _upward(self) -> bool:
        """Move the request's body to the node."""
        node, exchange = self._link.channel, self._exchange
        if node is None or node.pending or self._link.deaf:
            return False
        if not exchange.upward:
            try:
                octets = self._client.read()
            except OSError:
                octets = b""
            if octets is None:
                return False
            if not octets:
                # Half a request: the node must not take it for a whole one.
                self._leave(counters.CLIENT_RESET)
                return False
            exchange.feed(octets)
        try:
            more = exchange.more()
        except RequestError as error:
            self._refuse(error)
            return False
        self._link.write(more)
        if exchange.asked and not exchange.answering:
            self._wait(self._server.replies)
        return True

    def _downward(self) -> bool:
        """Move the response to the client."""
        node, exchange = self._link.channel, self._exchange
        if node is None or self._client.pending:
            return False
        octets = None
        if not exchange.downward:
            try:
                octets = node.read()
            except OSError as error:
                self._fail(str(error.strerror))
                return False
            if octets is None:
                return False
            if self._link.deaf and not octets:
                # A node that was reset may have had more to say.
                self._fail("the connection was reset")
                return False
            self._wait(None)
        try:
            back = exchange.reply(octets, last=self._server.worker.finishing)
        except NodeError as error:
            self._fail(str(error))
            return False
        try:
            self._client.write(back)
        except OSError:
            self._leave(counters.CLIENT_RESET)
            return False
        if exchange.answered:
            self._conclude()
        return True

    def _conclude(self) -> None:
        """Go on with the next request, or end: the response is whole."""
        exchange = self._exchange
        if not exchange.asked or not exchange.node_stays:
            self._link.part(reset=not exchange.asked)
        if exchange.client_stays:
            exchange.proceed()
            self._link.rest()
            self._state = State.HEAD
        else:
            self._take_leave(counters.CLOSED)

    def _fail(self, why: str) -> None:
        """End because the node's answer is missing, or is none."""
        exchange = self._exchange
        self._server.log.peer(f"the node's answer to {self._who}: {why}")
        if exchange.answering:
            # Closed in order, a body without a length would seem to be whole.
            self._leave(counters.NODE_RESET)
        elif self._link.reused and not exchange.heard:
            self._leave(counters.NODE_RESET, reset=False)
        else:
            words = "the node's answer was no HTTP response"
            self._say(HTTPStatus.BAD_GATEWAY, words, counters.NODE_RESET)

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that is not passed on, or not to its end."""
        self._server.log.peer(f"refused {self._who}: {error.status.value} {error}")
        if self._exchange.answering:
            self._leave(counters.CLIENT_RESET)
        else:
            self._say(error.status, error.words)

    def _say(
        self, status: HTTPStatus, words: str, count: int = counters.CLOSED
    ) -> None:
        """Answer in place of a node, and end."""
        self._server.counts[counters.ANSWERED[status]] += 1
        said = answer(status, words, body=not self._exchange.bodiless)
        self._client.pending = bytes(self._client.pending) + said
        self._take_leave(count)

    def _take_leave(self, count: int) -> None:
        """Leave the client to its farewell: everything is said."""
        exchange = self._exchange
        self._state = State.OVER
        self._server.resting.discard(self)
        self._wait(None)
        self._link.part(reset=not exchange.answered)
        linger = exchange.holds or not exchange.asked
        farewell = Farewell(self._server, self._client, count, linger=linger)
        self._server.loop.hand_over(self._client.end.fileno(), farewell)
        farewell.ready(0)

    def _leave(self, count: int, *, reset: bool = True) -> None:
        """Give up both connections, and count why."""
        if self._state is State.OVER:
            return
        self._state = State.OVER
        self._server.resting.discard(self)
        self._wait(None)
        self._link.part(reset=reset)
        server, end = self._server, self._client.end
        server.counts[count] += 1
        server.counts[counters.OCTETS_UP] += end.moved
        if reset:
            end.reset()
        else:
            end.drop()
        server.released()

    def _wait(self, deadlines: Deadlines | None) -> None:
        """Set the one deadline, in place of the one before."""
        if self._deadline is not None:
            self._deadline.discard(self)
        self._deadline = deadlines
        if deadlines is not None:
            deadlines.add(self, self._server.loop.now)
