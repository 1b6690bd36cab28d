"""One connection that puts one question and listens for what comes back.

TLS is made in memory, so that the preamble and the ClientHello go out in one write and
every octet of the answer is seen. No certificate is verified: this asks, and trusts
nothing that it hears.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import socket
import ssl
import time
from collections.abc import Iterator

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import MOST, Answer, Came, came_of
from sslmagic.probe.question import Question, Then

__all__ = ["Caller"]

_CONNECT = 5.0
"""Seconds to connect in."""
_RECORD = 16384
_ENOUGH = 1 << 20
"""Octets after which a listener is left that sends ever more of them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who puts questions to one listener."""

    address: Endpoint
    request: bytes
    """The one request that is ever sent."""
    server_name: str | None = None
    """For SNI; None sends none."""
    source: str | None = None
    """The address to ask from; None leaves it to the kernel."""
    zone: str | None = None
    """The interface that leads to a link-local address."""

    def __post_init__(self) -> None:
        """Refuse a server name that no ClientHello can have.

        Raises:
            ValueError: it is such a name.
        """
        try:
            self.tls(ssl.MemoryBIO(), ssl.MemoryBIO())
        except ValueError:
            raise ValueError(f"{self.server_name!r} is no server's name") from None

    def ask(self, question: Question, *, within: float = 3600.0) -> Answer:
        """Put the question on a connection of its own; no longer than *within* seconds.

        Whatever the listener does is an answer; none is an exception.
        """
        began = time.monotonic()
        try:
            stream = self._connected(min(_CONNECT, within))
        except OSError as error:
            return Answer(
                came=Came.UNREACHABLE,
                seconds=time.monotonic() - began,
                error=error.strerror or str(error),
            )
        with stream:
            line = _Line(stream, until=began + within)
            return _Exchange(self, question, line).answer()

    def _connected(self, timeout: float) -> socket.socket:
        source = None if self.source is None else (self.source, 0)
        host, port = self.address
        if self.zone is not None:
            host = f"{host}%{self.zone}"
        stream = socket.create_connection((host, port), max(timeout, 0.001), source)
        # Pieces shall go out as pieces.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def tls(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """Return a client's end of TLS in memory, which verifies nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_bio(incoming, outgoing, server_hostname=self.server_name)


class _Line:
    """A connection, and what has come over it."""

    def __init__(self, stream: socket.socket, *, until: float) -> None:
        self._stream = stream
        self._until = until
        self._broken = False
        self.began = time.monotonic()
        self.sent_at = self.began
        self.first_at: float | None = None
        self.ended: Came | None = None
        self.ended_at = 0.0
        self.came = bytearray()
        self.heard = 0
        self.local: str = stream.getsockname()[0]

    def say(self, octets: bytes) -> None:
        """Send them; a listener that does not want them is heard, not raised."""
        self.sent_at = time.monotonic()
        self._stream.settimeout(_CONNECT)
        try:
            self._stream.sendall(octets)
        except OSError:
            self._broken = True

    def hear(self, until: float) -> bytes:
        """Return what comes next; empty at the end of the stream, or of the time.

        Empty too once enough has come: nobody is made to send without end.
        """
        left = min(until, self._until) - time.monotonic()
        if self.ended is not None or left <= 0 or self.heard >= _ENOUGH:
            return b""
        self._stream.settimeout(left)
        octets = b""
        try:
            octets = self._stream.recv(min(65536, _ENOUGH - self.heard))
            ended = Came.RESET if self._broken else Came.CLOSED
        except TimeoutError:
            return b""
        except OSError:
            ended = Came.RESET
        if octets:
            self.first_at = self.first_at or time.monotonic()
            self.heard += len(octets)
            self.came += octets[: MOST - len(self.came)]
        else:
            self.ended, self.ended_at = ended, time.monotonic()
        return octets

    def wait(self, seconds: float) -> None:
        """Wait so long, or until something comes."""
        self.hear(time.monotonic() + seconds)


class _Exchange:
    """One question on one line."""

    def __init__(self, caller: Caller, question: Question, line: _Line) -> None:
        self._caller, self._question, self._line = caller, question, line
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._text = b""
        self._version: str | None = None
        self._error: str | None = None
        self._asked = line.began

    def answer(self) -> Answer:
        question = self._question
        match question.then:
            case Then.TLS:
                self._ask_tls()
            case Then.HTTP:
                self._say(self._caller.request)
                self._text = self._response(self._in_turn())
            case Then.NOTHING:
                self._say(b"")
                self._text = next(self._in_turn(), b"")
        if question.to_the_end:
            while self._heard():
                pass
        return self._judged(time.monotonic())

    def _judged(self, now: float) -> Answer:
        line, came = self._line, bytes(self._line.came)
        end = line.ended_at if line.ended else now
        return Answer(
            came=came_of(came) or line.ended or Came.SILENCE,
            seconds=max((line.first_at or end) - self._asked, 0.0),
            lasted=end - line.began,
            ended=line.ended is not None,
            sends_on=line.heard >= _ENOUGH,
            octets=came,
            text=self._text,
            version=self._version,
            local=line.local,
            error=self._error,
        )

    def _say(self, following: bytes) -> None:
        """Send the pieces, and *following* together with the last."""
        question, line = self._question, self._line
        if question.delay:
            line.wait(question.delay)
        *early, last = question.pieces or (b"",)
        for piece in early:
            if line.ended:
                return
            line.say(piece)
            line.wait(question.between)
        if not line.ended and last + following:
            line.say(last + following)
        self._asked = line.sent_at

    def _heard(self) -> bytes:
        return self._line.hear(self._line.sent_at + self._question.patience)

    def _in_turn(self) -> Iterator[bytes]:
        """Yield what comes, and first what came before all was said."""
        if came := bytes(self._line.came):
            yield came
        yield from iter(self._heard, b"")

    def _ask_tls(self) -> None:
        tls = self._caller.tls(self._incoming, self._outgoing)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        self._say(self._outgoing.read())
        try:
            if not self._shaken(tls):
                self._text = self._in_clear()
                return
            self._version = tls.version()
            tls.write(self._question.inside + self._caller.request)
            self._flush()
            self._text = self._response(self._decrypted(tls))
        except ssl.SSLError as error:
            self._error = error.reason or str(error)
            self._text = self._in_clear()

    def _in_clear(self) -> bytes:
        """Return what came from whoever speaks no TLS."""
        came = bytes(self._line.came)
        return b"" if came_of(came) in (Came.TLS, Came.ALERT) else came

    def _shaken(self, tls: ssl.SSLObject) -> bool:
        # What came before anything was sent is no TLS; it is given to it all the same.
        self._incoming.write(bytes(self._line.came))
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not (octets := self._heard()):
                    return False
                self._incoming.write(octets)
            else:
                self._flush()
                return True

    def _decrypted(self, tls: ssl.SSLObject) -> Iterator[bytes]:
        """Yield what the application says, until its end or ours."""
        while True:
            try:
                octets = tls.read(_RECORD)
            except ssl.SSLWantReadError:
                if not (came := self._heard()):
                    return
                self._incoming.write(came)
            except ssl.SSLError as error:
                # An alert within TLS: close_notify, or that a certificate is wanted.
                if not isinstance(error, ssl.SSLZeroReturnError):
                    self._error = error.reason or str(error)
                return
            else:
                if not octets:
                    return
                yield octets

    def _flush(self) -> None:
        if octets := self._outgoing.read():
            self._line.say(octets)

    def _response(self, parts: Iterator[bytes]) -> bytes:
        """Return a response, as long as its head says, or all that comes."""
        text = bytearray()
        for part in parts:
            text += part
            if len(text) >= MOST or self._is_whole(bytes(text)):
                break
        return bytes(text[:MOST])

    def _is_whole(self, text: bytes) -> bool:
        if not b"HTTP/".startswith(text[:5]):
            # What is no HTTP has no length: its first octets say what it is.
            return True
        head, blank, body = text.partition(b"\r\n\r\n")
        if not blank:
            return False
        return self._caller.request.startswith(b"HEAD ") or _has_all(head, body)


def _has_all(head: bytes, body: bytes) -> bool:
    if length := re.search(rb"(?im)^content-length: *(\d{1,10}) *\r?$", head):
        return len(body) >= int(length.group(1))
    if re.search(rb"(?im)^transfer-encoding: *chunked *\r?$", head):
        return body.endswith(b"0\r\n\r\n")
    return False
