"""Listeners that do what a test says, one connection after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from sslmagic import DecodeError, Decoder, Endpoint, Preamble
from sslmagic.probe import Limits, Target
from sslmagic.wire import signature

__all__ = ["LIMITS", "Server", "listening", "page", "target"]

LIMITS = Limits(
    answer=0.5, patience=0.05, pause=0.0, late=0.02, gap=0.01, between=0.0, timeout=30.0
)
PATIENCE = 5.0
"""Seconds after which a script that waits for its client gives up."""

Script = Callable[[socket.socket], None]


@contextlib.contextmanager
def listening(script: Script) -> Iterator[Endpoint]:
    """Runs a script on each connection, and closes it afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if ended.is_set():
                        return
                    connection.settimeout(PATIENCE)
                    # A client that leaves is the test's to see.
                    with contextlib.suppress(OSError):
                        script(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        name = server.getsockname()
        try:
            yield Endpoint(*name)
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                socket.create_connection(name, PATIENCE).close()
            thread.join()


def target(address: Endpoint) -> Target:
    return Target(name=address.host, address=address)


def page(shown: str, status: str = "200 OK") -> bytes:
    """A response that shows an address."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(shown)}\r\n\r\n{shown}".encode()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server with a preamble in front, and with whatever fault it is told to have."""

    tls: ssl.SSLContext | None = None
    formats: tuple[str, ...] = ("magic", "proxy1", "proxy2")
    optional: bool = False
    """Whether it serves without a preamble as well."""
    preambles: int = 1
    """How many it takes, one behind the other; the last is believed."""
    believes: bool = True
    checks: bool = True
    """Whether it checks a checksum."""
    whole: bool = False
    """Whether it reads but once, and refuses what is not there by then."""
    greeting: bytes = b""
    """What it says before it is spoken to."""

    def __call__(self, connection: socket.socket) -> None:
        preamble: Preamble | None = None
        for _ in range(self.preambles):
            first = connection.recv(16, socket.MSG_PEEK)
            if (self.optional or preamble) and not signature(first + b"\0" * 16):
                break
            if (taken := self._taken(connection)) is None:
                return
            preamble = taken
        shown = connection.getpeername()[0]
        if preamble is not None and self.believes and preamble.source is not None:
            shown = str(preamble.source)
        if self.greeting:
            connection.sendall(self.greeting)
            connection.recv(1)
        elif self.tls is None:
            self._serve(connection, shown)
        else:
            with self.tls.wrap_socket(connection, server_side=True) as stream:
                self._serve(stream, shown)

    def _taken(self, connection: socket.socket) -> Preamble | None:
        decoder, octets = Decoder(self.formats), b""
        while True:
            piece = connection.recv(1 if not self.whole else decoder.wanted)
            octets += piece
            try:
                found = decoder.feed(piece) if piece else None
            except DecodeError as error:
                if error.reason != "checksum" or self.checks:
                    return None
                return Preamble(source=("192.0.2.0", 1), destination=("192.0.2.0", 1))
            if found is not None or not piece:
                return found
            if self.whole and not _is_there(connection):
                return None

    def _serve(self, stream: socket.socket, shown: str) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            part = stream.recv(65536)
            request += part
            # What is no request, a ClientHello say, is not waited for to become one.
            if not part or not request[:1].isalpha():
                return
        stream.sendall(page(shown) if request.startswith(b"GET /") else _BAD)


_BAD = page("", "400 Bad Request")


def _is_there(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])
