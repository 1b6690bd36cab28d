"""A TLS client that verifies, and that says in which pieces its first octets go out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sslmagic import Endpoint
from tests.interop.authority import NAME
from tests.interop.peers import Address

__all__ = [
    "Answer",
    "Client",
    "Plain",
    "RefusedError",
    "ask",
    "octets",
    "singly",
    "split",
    "together",
]

PATIENCE = 10.0
"""Seconds that any one step may take."""

BETWEEN = 0.002
"""Seconds in which a receiver that answers too early would have answered."""

SINGLY = 1_600
"""Octets sent one by one at most: all of them would take a second each time."""

WATCHED = 128
"""Octets after each of which an answer that would come too early is awaited."""

REQUEST = f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode()

Pieces = Callable[[bytes], Iterable[bytes]]
Result = TypeVar("Result")


class RefusedError(Exception):
    """The server ended the connection; `received` is what it had sent."""

    def __init__(self, received: bytes) -> None:
        super().__init__(received)
        self.received = received


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said, and about whom."""

    body: dict[str, Any]
    local: Address
    """The address that this client really has; an empty one on a UNIX socket."""
    remote: Address
    version: str | None = None
    """The TLS version, None in clear."""
    hello: int = 0
    """Octets of the ClientHello."""

    @property
    def client(self) -> Address:
        """Whom the server took for its client."""
        host, port = self.body["client"]
        return host, int(port)

    @property
    def said_local(self) -> str:
        """The address that this client really has, as text."""
        return str(Endpoint(*self.local)) if self.local[0] else "unix:"


def together(first: bytes) -> Iterable[bytes]:
    """Everything in one piece."""
    yield first


def octets(first: bytes) -> Iterable[bytes]:
    """Every octet in a piece of its own, for as long as more than one segment is."""
    for i in range(min(SINGLY, len(first))):
        yield first[i : i + 1]
    if first[SINGLY:]:
        yield first[SINGLY:]


def singly(first: bytes) -> Iterable[bytes]:
    """Every octet in a piece of its own, however many there are."""
    return (first[i : i + 1] for i in range(len(first)))


def split(cut: int) -> Pieces:
    """Two pieces, with `cut` octets in the first."""
    return lambda first: (first[:cut], first[cut:])


def ask(
    address: Address,
    context: ssl.SSLContext | None,
    *,
    source: str | Address | None = None,
    before: bytes = b"",
    pieces: Pieces = together,
    request: bytes = REQUEST,
    patience: float = PATIENCE,
) -> Answer:
    """Asks a server whom it sees, over TLS with its certificate verified.

    Without a context it asks in clear. `source` is where to connect from, a host or an
    address; `before` goes in front of the first flight and is cut together with it by
    `pieces`.

    Raises:
        RefusedError: The server ended the connection before it answered.
        TimeoutError: It said nothing for `patience` seconds.
    """
    if context is None:
        with Plain(address, source=source, patience=patience) as client:
            client.begin(before=before + request, pieces=pieces)
            return client.answer()
    with Client(address, context, source=source, patience=patience) as client:
        client.begin(before=before, pieces=pieces)
        client.shake()
        return client.answer(request)


class Plain:
    """A connection in clear."""

    def __init__(
        self,
        address: Address | Path,
        *,
        source: str | Address | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.local: Address = ("", 0)
        self.remote: Address = ("", 0)
        if isinstance(address, Path):
            self._stream = socket.socket(socket.AF_UNIX)
            self._stream.settimeout(patience)
            self._stream.connect(str(address))
            return
        origin = (source, 0) if isinstance(source, str) else source
        self._stream = socket.create_connection(address, patience, origin)
        self._stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local = self._stream.getsockname()[:2]
        self.remote = address

    def begin(self, *, before: bytes = b"", pieces: Pieces = together) -> None:
        """Sends the first octets in these pieces."""
        _send(self._stream, pieces(before), len(before))

    def end(self) -> None:
        """Ends the stream, and goes on receiving."""
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_WR)

    def until_ended(self, octets: bytes = b"", *, seconds: float) -> float:
        """Sends an octet a second until the server ends the connection.

        Returns after how many seconds that was, or *seconds* if it has not.

        Raises:
            RefusedError: The server said something before it ended.
        """
        poll = select.poll()
        poll.register(self._stream, select.POLLRDHUP)
        began, left = time.monotonic(), list(octets)
        while (lasted := time.monotonic() - began) < seconds:
            if poll.poll(1000 * min(1.0 if left else seconds, seconds - lasted)):
                if said := _receive(self._stream):
                    raise RefusedError(said)
                return time.monotonic() - began
            if left:
                with contextlib.suppress(OSError):
                    self._stream.sendall(bytes([left.pop(0)]))
        return seconds

    def answer(self, request: bytes = b"") -> Answer:
        """Sends the request and returns what the server said until its end."""
        _send(self._stream, [request] if request else [], 0)
        octets = b"".join(iter(lambda: _receive(self._stream), b""))
        return Answer(body=_body(octets), local=self.local, remote=self.remote)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Client(Plain):
    """TLS in memory over a socket, so that the first flight is ours to cut."""

    def __init__(
        self,
        address: Address | Path,
        context: ssl.SSLContext,
        *,
        source: str | Address | None = None,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(address, source=source, patience=patience)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=NAME
        )
        self._received = b""
        self._version: str | None = None
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.hello = self._outgoing.read()
        """The ClientHello, as it goes out."""

    def begin(self, *, before: bytes = b"", pieces: Pieces = together) -> None:
        """Sends `before` and the ClientHello in these pieces."""
        _send(self._stream, pieces(before + self.hello), len(before))

    def shake(self) -> None:
        """Completes the handshake, the server's certificate verified."""
        try:
            self._complete(self._tls.do_handshake)
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError:
            raise RefusedError(self._received) from None
        # Asked now, because after the server's close_notify nobody knows it any more.
        self._version = self._tls.version()

    def send(self, octets: bytes) -> None:
        """Sends application data and waits for nothing."""
        self._tls.write(octets)
        self._flush()

    def receive(self) -> bytes:
        """Waits for application data.

        Raises:
            RefusedError: The server ended the connection.
        """
        octets = self._complete(lambda: self._tls.read(65536))
        if not octets:
            raise RefusedError(self._received)
        return octets

    @property
    def protocol(self) -> str | None:
        """What ALPN chose."""
        return self._tls.selected_alpn_protocol()

    def answer(self, request: bytes = REQUEST) -> Answer:
        """Sends the request and returns what the server said until its end."""
        self.send(request)
        octets = b""
        with contextlib.suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while part := self._complete(lambda: self._tls.read(65536)):
                octets += part
        return Answer(
            body=_body(octets),
            local=self.local,
            remote=self.remote,
            version=self._version,
            hello=len(self.hello),
        )

    def _complete(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                if received := _receive(self._stream):
                    self._received += received
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            try:
                self._stream.sendall(self._outgoing.read())
            except (BrokenPipeError, ConnectionResetError):
                raise RefusedError(self._received) from None


def _send(stream: socket.socket, pieces: Iterable[bytes], before: int) -> None:
    sent = 0
    for piece in pieces:
        # A receiver that is content with less than the whole preamble shows it here.
        if (
            0 < sent <= min(before, WATCHED)
            and select.select([stream], [], [], BETWEEN)[0]
        ):
            raise RefusedError(_receive(stream))
        try:
            stream.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            raise RefusedError(_receive(stream)) from None
        sent += len(piece)


def _receive(stream: socket.socket) -> bytes:
    try:
        return stream.recv(65536)
    except ConnectionResetError:
        return b""


def _body(answer: bytes) -> dict[str, Any]:
    if answer.startswith(b"220 "):
        # SMTP: what the server greeted with, and what it said to the one command.
        line = re.search(rb"^250 ({.*})\r$", answer, re.MULTILINE)
        if line is None:
            raise RefusedError(answer)
        spoken: dict[str, Any] = json.loads(line.group(1))
        return spoken
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RefusedError(answer)
    said: dict[str, Any] = json.loads(body)
    return said
