"""A node that writes down every request, and reads none of them generously."""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
from types import TracebackType
from typing import Self

from tests.interop.client import PATIENCE
from tests.interop.peers import Address

__all__ = ["Recorder", "Request"]

LINE = re.compile(rb"[A-Z]+ (/[!-~]*) HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\x00-\x08\x0a-\x1f\x7f]*)")
SIZE = re.compile(rb"([0-9a-f]{1,8})\r\n")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that arrived whole."""

    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """The values of every field that CGI gives this name."""
        return [value for key, value in self.fields if _cgi(key) == _cgi(name)]


class MisreadError(Exception):
    """A request that is not as a careful sender writes it."""


class Recorder:
    """Answers every request with its target, and keeps it."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self._listening = socket.create_server((host, 0))
        self._threads: list[threading.Thread] = []
        self.address: Address = self._listening.getsockname()[:2]
        self._accepting = threading.Thread(target=self._accept)

    def forget(self) -> None:
        """Forgets what arrived so far."""
        self.requests.clear()
        self.faults.clear()

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Wakes the thread that accepts, which closing would not.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listening.close()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            thread = threading.Thread(target=self._converse, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        stream = _Stream(connection)
        with connection:
            try:
                while (request := stream.request()) is not None:
                    self.requests.append(request)
                    body = request.target + b"\n"
                    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
                    connection.sendall(answer % (len(body), body))
            except MisreadError as error:
                self.faults.append(f"{error}: {stream.read!r}")
            except (ConnectionError, EOFError):
                # Half a request is what a gateway leaves of one that goes wrong.
                return


class _Stream:
    """Octets of a connection, taken apart to the letter."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._held = b""
        self.read = b""

    def request(self) -> Request | None:
        """The next request; None at the end of the stream."""
        self.read = b""
        if not self._held and not self._more():
            return None
        lines = self._until(b"\r\n\r\n").split(b"\r\n")[:-2]
        line = LINE.fullmatch(lines[0])
        fields = [FIELD.fullmatch(each) for each in lines[1:]]
        if line is None or not all(fields):
            raise MisreadError("a line is malformed")
        pairs = tuple((field[1], field[2]) for field in fields if field is not None)
        head = Request(target=line[1], fields=pairs, body=b"")
        lengths = head.values(b"content-length")
        codings = head.values(b"transfer-encoding")
        if len(lengths) + len(codings) > 1 or len(head.values(b"host")) != 1:
            raise MisreadError("it has two framings, or not one host")
        body = b""
        if codings:
            if codings != [b"chunked"]:
                raise MisreadError("it has a strange coding")
            body = self._chunks()
        elif lengths:
            body = self._take(int(lengths[0]))
        return dataclasses.replace(head, body=body)

    def _chunks(self) -> bytes:
        body = b""
        while True:
            match = SIZE.fullmatch(self._until(b"\n"))
            if match is None:
                raise MisreadError("a chunk's size is malformed")
            size = int(match[1], 16)
            part = self._take(size + 2)
            if not part.endswith(b"\r\n"):
                raise MisreadError("a chunk's end is malformed")
            if not size:
                return body
            body += part[:-2]

    def _until(self, end: bytes) -> bytes:
        while end not in self._held:
            if not self._more():
                raise EOFError
        return self._take(self._held.index(end) + len(end))

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            if not self._more():
                raise EOFError
        taken, self._held = self._held[:size], self._held[size:]
        self.read += taken
        return taken

    def _more(self) -> bool:
        octets = self._connection.recv(1 << 16)
        self._held += octets
        return bool(octets)


def _cgi(name: bytes) -> bytes:
    return re.sub(rb"[^0-9a-z]", b"_", name.lower())
