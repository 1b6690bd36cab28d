"""One client's requests and their responses, in order: octets in, octets out.

    idle --begin()--> asking --(body whole)--> asked
                        |  answering --(body whole)--> answered --proceed()--> idle

A response may begin, and even end, while the request is still on its way. Nothing here
waits, reads or writes, and no call works through more than a bounded number of events:
`unfinished` says that there is more to do with what came in already.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import h11

from sslmagic.relay.http.extent import Chunked, Extent, Fixed
from sslmagic.relay.http.head import LONGEST_HEAD, check_head, head_length
from sslmagic.relay.http.hops import options
from sslmagic.relay.http.refusal import NodeError, RequestError
from sslmagic.relay.http.request import onward
from sslmagic.relay.http.response import back, interim

__all__ = ["Exchange"]

_EVENTS = 256
"""Events handled at a time: a chunk is one, and may be a single octet."""
_LONGEST_ANSWER = 65536
"""Octets of a response's head: a node is not as suspect as a client."""
_NOTHING: Final = Fixed(0)


class Exchange:
    """What passes between a client and its node.

    Args:
        client: the client's literal address; None on a UNIX socket, which has none.
        longest_head: octets of a request's line and header fields.
    """

    def __init__(self, client: str | None, *, longest_head: int = LONGEST_HEAD) -> None:
        self._name = client
        self._longest_head = longest_head
        self._client = h11.Connection(h11.SERVER, longest_head)
        self._node = h11.Connection(h11.CLIENT, _LONGEST_ANSWER)
        self._held = bytearray()
        self._searched = 0
        self._skipped = False
        self._extent: Extent = _NOTHING
        self._broken: NodeError | None = None
        self._version = b"1.1"
        self.bodiless = False
        """Whether the request is HEAD, so that an answer to it has no body."""
        self.asked = False
        """Whether the request is whole."""
        self.heard = False
        """Whether the node has said anything about this request."""
        self.answering = False
        """Whether the final response has begun."""
        self.answered = False
        """Whether the response is whole."""
        self.upward = False
        """Whether octets of the client wait for `more`."""
        self.downward = False
        """Whether octets of the node wait for `reply`."""

    @property
    def holds(self) -> bool:
        """Whether octets of the client wait to be understood."""
        return bool(self._held)

    @property
    def awaits_continue(self) -> bool:
        """Whether the client waits for 100 (Continue) before it sends the body."""
        return self._client.they_are_waiting_for_100_continue

    @property
    def node_stays(self) -> bool:
        """Whether the node's connection can take another request."""
        node = self._node
        silent = node.trailing_data == (b"", False)
        return silent and node.our_state is h11.DONE is node.their_state

    @property
    def client_stays(self) -> bool:
        """Whether the client's connection can bring another request."""
        return self._client.our_state is h11.DONE is self._client.their_state

    def feed(self, octets: bytes) -> None:
        """Take what the client has said."""
        self._held += octets

    def begin(self) -> bytes | None:
        """Start on the next request.

        Returns:
            What the node gets of it; None while its head is not whole.

        Raises:
            RequestError: it is not passed on.
        """
        held = self._held
        if not self._searched and not self._skipped:
            # Old clients end a body with an empty line (RFC 9112 section 2.2), and
            # with one only, however its octets come.
            if len(held) == 1 and held.startswith(b"\r"):
                return None
            if held.startswith(b"\r\n"):
                del held[:2]
                self._skipped = True
        length = head_length(held, self._searched, self._longest_head)
        if length is None:
            self._searched = len(held)
            return None
        head = bytes(held[:length])
        del held[:length]
        self._searched = 0
        self._skipped = False
        check_head(head)
        self._client.receive_data(head)
        request = self._next_of_client()
        assert isinstance(request, h11.Request)
        self.bodiless = request.method == b"HEAD"
        self._version = request.http_version
        self._extent = _extent(request)
        named = options(request.headers)
        last = request.http_version == b"1.0" or b"close" in named
        first = self._node.send(onward(request, self._name, last=last))
        return first + self.more()

    def more(self) -> bytes:
        """Return what the node gets of the body now.

        Raises:
            RequestError: the body is not to be understood.
        """
        if self._held and not self._extent.done:
            octets = bytes(self._held)
            taken = self._extent.take(octets)
            del self._held[:taken]
            self._client.receive_data(octets[:taken])
        parts: list[bytes] = []
        self.upward = False
        for _ in range(_EVENTS):
            event = self._next_of_client()
            if isinstance(event, h11.Data):
                parts.append(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.asked = True
                break
            else:
                break
        else:
            self.upward = True
        octets = b"".join(parts)
        if octets:
            octets = self._node.send(h11.Data(data=octets))
        if self.asked:
            octets += self._node.send(h11.EndOfMessage())
        return octets

    def reply(self, octets: bytes | None = None, *, last: bool = False) -> bytes:
        """Return what the client gets of the response now.

        Args:
            octets: what the node has said; empty where it has ended, None to go on with
                what came before.
            last: whether the connection to the client ends after a response that
                begins now.

        Raises:
            NodeError: the response is not to be understood, or ended too early. What
                could be understood was returned before.
        """
        if self._broken is not None:
            raise self._broken
        if octets is not None:
            self.heard = self.heard or bool(octets)
            self._node.receive_data(octets)
        out: list[bytes] = []
        parts: list[bytes] = []
        self.downward = False
        for _ in range(_EVENTS):
            try:
                event = self._node.next_event()
            except h11.RemoteProtocolError as error:
                self._broken = NodeError(str(error))
                break
            if isinstance(event, h11.Data):
                parts.append(event.data)
                continue
            if not self._pass_back(event, out, parts, last=last):
                break
        else:
            self.downward = True
        if parts:
            out.append(self._client.send(h11.Data(data=b"".join(parts))))
        if self._broken is not None:
            if not out:
                raise self._broken
            self.downward = True
        return b"".join(out)

    def proceed(self) -> None:
        """Get ready for the client's next request."""
        self._client.start_next_cycle()
        if self.node_stays:
            self._node.start_next_cycle()
        else:
            self._node = h11.Connection(h11.CLIENT, _LONGEST_ANSWER)
        self._extent = _NOTHING
        self.bodiless = self.asked = self.heard = False
        self.answering = self.answered = self.upward = self.downward = False

    def _next_of_client(self) -> object:
        try:
            return self._client.next_event()
        except h11.RemoteProtocolError as error:
            raise RequestError(
                HTTPStatus.BAD_REQUEST, "the request is malformed", str(error)
            ) from error

    def _pass_back(
        self, event: object, out: list[bytes], parts: list[bytes], *, last: bool
    ) -> bool:
        """Add an event to what the client gets; return whether another may follow."""
        match event:
            case h11.InformationalResponse():
                # A client of HTTP/1.0 knows none (RFC 9110 section 15.2).
                if self._version != b"1.0":
                    out.append(self._client.send(interim(event)))
            case h11.Response():
                self.answering = True
                last = last or not self.asked
                out.append(self._client.send(back(event, last=last)))
            case h11.EndOfMessage():
                # Trailers of a response may be left out (RFC 9110 section 6.5.1).
                if parts:
                    out.append(self._client.send(h11.Data(data=b"".join(parts))))
                    parts.clear()
                out.append(self._client.send(h11.EndOfMessage()))
                self.answered = True
                return False
            case _:
                return False
        return True


def _extent(request: h11.Request) -> Extent:
    for name, value in request.headers:
        if name == b"transfer-encoding":
            return Chunked()
        if name == b"content-length":
            return Fixed(int(value))
    return Fixed(0)
