"""A client's connection from its first request to its end, and its node's.

    head --(request)--> seeking --(node)--> exchanging --(response whole)--> head ...
     |                     |                    |
     '--- refused ---------+--- no answer ------+--> over, or left to a `Farewell`

One client has one node connection at a time, and nobody else ever has it. It serves the
client's requests one after the other. A node that has closed it between two requests is
left for the next one in turn: nothing of the request was sent. Once an octet was, no
other node gets the request. If the node then ends without a word on a connection that
has served before, the client's connection is closed without a word as well: a client
knows whether its request may be sent twice (RFC 9110 section 9.2.2), and a gateway does
not.
"""

from __future__ import annotations

import enum
import select
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sslmagic.errors import EncodeError, Reason
from sslmagic.preamble import Endpoint
from sslmagic.relay import counters
from sslmagic.relay.address import SocketAddress, endpoint
from sslmagic.relay.announce import announce
from sslmagic.relay.http.channel import Channel
from sslmagic.relay.http.exchange import Exchange
from sslmagic.relay.http.farewell import Farewell
from sslmagic.relay.http.node import HttpNode
from sslmagic.relay.http.refusal import NodeError, RequestError, answer
from sslmagic.relay.pair import ClientEnd, NodeEnd

if TYPE_CHECKING:
    from sslmagic.relay.connector import Attempt
    from sslmagic.relay.http.server import HttpServer
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
        self._server = server
        self._name = name
        self._local = local
        who = endpoint(name)
        host = who.host if isinstance(who, Endpoint) else None
        self._exchange = Exchange(host, longest_head=server.http.longest_head)
        self._client = Channel(client)
        self._node: Channel | None = None
        self._attempt: Attempt | None = None
        self._first = b""
        self._state = State.HEAD
        self._deadline: Deadlines | None = None
        self._reused = False
        self._deaf = False
        """Whether the node takes no more of the request."""
        self._served = 0
        self._active = self._since = server.loop.now

    def start(self) -> None:
        """Read what is there, and be told of more."""
        self._server.loop.add(self._client.end.fileno(), self)
        self._advance()

    def ready(self, mask: int) -> None:
        """Act on the events of the client."""
        if self._state is State.OVER:
            return
        self._client.tell(mask)
        if mask & _GONE and self._state in (State.SEEKING, State.EXCHANGING):
            self._leave(counters.CLIENT_RESET)
            return
        try:
            self._client.flush()
        except OSError:
            self._leave(counters.CLIENT_RESET)
            return
        self._advance()

    def ready_node(self, end: NodeEnd, mask: int) -> None:
        """Act on the events of the node's connection *end*."""
        node = self._node
        if node is None or node.end is not end:
            return
        node.tell(mask)
        try:
            node.flush()
        except OSError:
            self._deaf = True
        self._advance()

    def swept(self, now: float) -> None:
        """End if nothing moves, or it takes too long."""
        limits = self._server.limits
        if limits.timeout and now - self._active >= limits.timeout:
            self._leave(counters.IDLE)
        elif (
            limits.max_transaction_duration
            and self._state in (State.SEEKING, State.EXCHANGING)
            and now - self._since >= limits.max_transaction_duration
        ):
            self._leave(counters.DURATION)

    def expired(self) -> None:
        """Give up what was waited for."""
        self._deadline = None
        match self._state:
            case State.EXCHANGING:
                self._part(gone=True)
                self._say(HTTPStatus.GATEWAY_TIMEOUT, "the node does not answer")
            case State.HEAD if self._exchange.holds:
                self._count = counters.CONNECT_TIMEOUT
                self._say(
                    HTTPStatus.REQUEST_TIMEOUT, "the request head did not come in time"
                )
            case State.HEAD if self._served:
                self._leave(counters.KEEPALIVE_TIMEOUT, reset=False)
            case State.HEAD:
                self._leave(counters.CONNECT_TIMEOUT, reset=False)
            case _:
                self._leave(self._count, reset=False)

    def abort(self) -> None:
        """Reset both connections."""
        self._leave(counters.ABORTED)

    def compose(self, node: NodeEnd) -> bytes | None:
        """Return what *node* gets first; see `sslmagic.relay.connector.Opening`."""
        assert isinstance(node, HttpNode)
        node.conversation = self
        enhance = self._server.enhance
        if enhance == "none":
            return self._first
        try:
            return announce(self._name, self._local, enhance) + self._first
        except EncodeError as error:
            # Never without a preamble: a node would take the gateway for the client.
            self._attempt = None
            self._server.complain(endpoint(self._name), Reason.ADDRESS, str(error))
            self._say(HTTPStatus.BAD_GATEWAY, "no preamble can name the client")
            return None

    def joined(self, node: NodeEnd, unsent: bytes) -> None:
        """Go on with the exchange."""
        self._attempt = None
        self._first = b""
        self._server.counts[counters.JOINED] += 1
        self._reused = False
        self._exchanging(Channel(node, unsent))

    def unreachable(self, why: str) -> None:
        """Say that no node could be reached."""
        self._attempt = None
        self._count = counters.CONNECT_FAILED
        self._complain(f"no node: {why}")
        self._say(HTTPStatus.BAD_GATEWAY, "no node could be reached")

    _count = counters.CLOSED
    """What is counted at the end."""

    def _advance(self) -> None:
        self._active = self._server.loop.now
        for _ in range(_TURN):
            if not self._step():
                return
        self._server.loop.again(self)

    def _step(self) -> bool:
        """Do what can be done now; return whether there may be more."""
        match self._state:
            case State.HEAD:
                return self._listen()
            case State.EXCHANGING:
                moved = self._upward()
                if self._state is State.EXCHANGING:
                    moved = self._downward() or moved
                return moved
            case State.ENDING:
                return self._end()
            case _:
                return False

    def _listen(self) -> bool:
        """Read until a request has begun."""
        if self._client.pending:
            return False
        exchange = self._exchange
        try:
            first = exchange.begin()
        except RequestError as error:
            self._refuse(error)
            return True
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
            self._refuse(
                RequestError(HTTPStatus.BAD_REQUEST, "the request head is not whole")
            )
        else:
            count = counters.CLOSED if self._served else counters.EMPTY
            self._leave(count, reset=False)
        return False

    def _await_head(self) -> None:
        """Set the deadline for the next request, or for the rest of it."""
        server = self._server
        between = self._served and not self._exchange.holds
        deadlines = server.pauses if between else server.heads
        if self._deadline is not deadlines:
            self._wait(deadlines)

    def _ask(self, first: bytes) -> None:
        """Send a request on its way."""
        server = self._server
        self._wait(None)
        self._since = server.loop.now
        self._served += 1
        self._deaf = False
        server.counts[counters.REQUESTS] += 1
        node = self._node
        if node is not None and self._is_fresh(node):
            self._reused = True
            try:
                node.write(first)
            except OSError:
                self._deaf = True
            self._exchanging(node)
            return
        self._part(gone=False)
        self._state = State.SEEKING
        self._first = first
        attempt = server.connector.connect(self)
        if self._state is State.SEEKING:
            self._attempt = attempt

    def _is_fresh(self, node: Channel) -> bool:
        """Return whether a node has kept its connection open, and silent.

        What it says before it was asked would be taken for the answer.
        """
        node.tell(select.EPOLLIN)
        try:
            return node.read() is None
        except OSError:
            return False

    def _exchanging(self, node: Channel) -> None:
        self._node = node
        self._state = State.EXCHANGING
        exchange = self._exchange
        if exchange.asked or exchange.awaits_continue:
            self._wait(self._server.replies)

    def _upward(self) -> bool:
        """Move the request's body to the node."""
        node, exchange = self._node, self._exchange
        if node is None or node.pending or exchange.asked or self._deaf:
            return False
        if not exchange.upward:
            try:
                octets = self._client.read()
            except OSError:
                self._leave(counters.CLIENT_RESET)
                return False
            if octets is None:
                return False
            if not octets:
                self._leave(counters.CLIENT_RESET)
                return False
            exchange.feed(octets)
        try:
            more = exchange.more()
        except RequestError as error:
            self._part(gone=True)
            self._refuse(error)
            return True
        try:
            node.write(more)
        except OSError:
            self._deaf = True
        if exchange.asked and not exchange.answering:
            self._wait(self._server.replies)
        return True

    def _downward(self) -> bool:
        """Move the response to the client."""
        node, exchange = self._node, self._exchange
        if node is None or self._client.pending:
            return False
        octets = None
        if not exchange.downward:
            try:
                octets = node.read()
            except OSError:
                octets = b""
            if octets is None:
                return False
            self._wait(None)
        try:
            back = exchange.reply(octets, last=self._server.worker.finishing)
        except NodeError as error:
            self._fail(str(error))
            return True
        try:
            self._client.write(back)
        except OSError:
            self._leave(counters.CLIENT_RESET)
            return False
        if exchange.answered:
            self._close_exchange()
        return True

    def _close_exchange(self) -> None:
        """Go on with the next request, or end."""
        exchange = self._exchange
        if not exchange.asked or not exchange.node_stays:
            self._part(gone=not exchange.asked)
        if exchange.client_stays:
            exchange.proceed()
            self._state = State.HEAD
        else:
            self._count = counters.CLOSED
            self._state = State.ENDING

    def _fail(self, why: str) -> None:
        """End because the node's answer is missing, or is none."""
        exchange = self._exchange
        self._complain(f"the node's answer: {why}")
        if exchange.answering:
            # Closed in order, a body without a length would seem to be whole.
            self._leave(counters.NODE_RESET)
        elif self._reused and not exchange.heard:
            self._leave(counters.NODE_RESET, reset=False)
        else:
            self._part(gone=True)
            self._count = counters.NODE_RESET
            self._say(HTTPStatus.BAD_GATEWAY, "the node's answer was no HTTP response")

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that is not passed on."""
        self._complain(f"{error.status.value} {error}")
        if self._exchange.answering:
            self._leave(counters.CLIENT_RESET)
        else:
            self._say(error.status, error.words)

    def _say(self, status: HTTPStatus, words: str) -> None:
        """Answer in place of a node, and end."""
        self._server.counts[counters.ANSWERED[status]] += 1
        self._state = State.ENDING
        said = answer(status, words, body=not self._exchange.bodiless)
        try:
            self._client.write(said)
        except OSError:
            self._leave(counters.CLIENT_RESET)
            return
        self._server.loop.again(self)

    def _wait(self, deadlines: Deadlines | None) -> None:
        """Wait until something happens or time is up, instead of what was waited for."""
        if self._deadline is not None:
            self._deadline.discard(self)
        self._deadline = deadlines
        if deadlines is not None:
            deadlines.add(self, self._server.loop.now)

    def _part(self, *, gone: bool) -> None:
        """Give up the node's connection; with a reset if it must not go on."""
        node, self._node = self._node, None
        if node is not None:
            self._server.counts[counters.OCTETS_DOWN] += node.end.moved
            if gone:
                node.end.reset()
            else:
                node.end.drop()

    def _leave(self, count: int, *, reset: bool = True) -> None:
        """Give up both connections, and count why."""
        if self._state is State.OVER:
            return
        self._state = State.OVER
        self._wait(None)
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None
        self._part(gone=reset)
        server, end = self._server, self._client.end
        server.counts[count] += 1
        server.counts[counters.OCTETS_UP] += end.moved
        if reset:
            end.reset()
        else:
            end.drop()
        server.released()

    def _complain(self, what: str) -> None:
        self._server.log.peer(f"{endpoint(self._name)}: {what}")
