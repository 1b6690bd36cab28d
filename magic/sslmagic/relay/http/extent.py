"""How far a request's body reaches: what follows belongs to the next request.

    chunked:   size line --> data --> its CRLF --> size line ... 0 --> empty line
                                                               '--> a trailer: refused

The size lines are read to the letter of RFC 9112 section 7.1, since h11 forgives spaces
behind them and a lone LF as the last line. The data is counted and not looked at.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final, Protocol

from sslmagic.relay.http.refusal import RequestError

__all__ = ["Chunked", "Extent", "Fixed"]

_LONGEST_LINE = 256
"""Octets of a line with a chunk's size: nobody is known to use the extensions."""
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(;[\t\x20-\x7e\x80-\xff]*)?\r\n")


class Extent(Protocol):
    """Tells the body's octets from what follows them."""

    @property
    def done(self) -> bool:
        """Whether the body is whole."""
        ...

    def take(self, octets: bytes) -> int:
        """Return how many of the next octets are the body's.

        Raises:
            RequestError: they cannot be.
        """
        ...


class Fixed:
    """A body of a known number of octets, which may be none."""

    __slots__ = ("left",)

    def __init__(self, length: int) -> None:
        self.left = length

    @property
    def done(self) -> bool:
        """Whether the body is whole."""
        return not self.left

    def take(self, octets: bytes) -> int:
        """Return how many of the next octets are the body's."""
        taken = min(self.left, len(octets))
        self.left -= taken
        return taken


class Chunked:
    """A body in chunks."""

    __slots__ = ("_expected", "_left", "_line", "done")

    def __init__(self) -> None:
        self.done = False
        self._left = 0
        self._line = b""
        self._expected = "size"

    def take(self, octets: bytes) -> int:
        """Return how many of the next octets are the body's.

        Raises:
            RequestError: 400 where they are no chunks, 501 for a trailer.
        """
        at, size = 0, len(octets)
        while at < size and not self.done:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            end = octets.find(b"\n", at, at + _LONGEST_LINE) + 1
            part = octets[at : end or at + _LONGEST_LINE]
            self._line += part
            at += len(part)
            if len(self._line) > _LONGEST_LINE:
                raise _bad("the line of a chunk's size is too long")
            if end:
                self._read_line(self._line)
                self._line = b""
        return at

    def _read_line(self, line: bytes) -> None:
        if self._expected == "size":
            match = _SIZE.fullmatch(line)
            if match is None:
                raise _bad("a chunk does not begin with its size")
            self._left = int(match[1], 16)
            self._expected = "end" if self._left else "last"
        elif line == b"\r\n":
            self.done = self._expected == "last"
            self._expected = "size"
        elif self._expected == "end":
            raise _bad("a chunk is not as long as it says")
        else:
            raise RequestError(
                HTTPStatus.NOT_IMPLEMENTED, "trailers are not supported here"
            )


def _bad(words: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, words)
