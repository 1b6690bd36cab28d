"""The octets of a capture: from a file, a gzip file, a pipe, in large pieces.

Nothing waits for a full buffer: what a pipe has is handed on at once, so that a capture
may be read while it is made.
"""

from __future__ import annotations

import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from sslmagic.errors import CaptureError

__all__ = ["PIECE", "Source"]

PIECE = 1 << 20
"""Octets that are asked for at a time; of 8 MiB the memory costs more than the reading.
A pipe gives 64 KiB or fewer."""

_SLICE = 1 << 14
"""Packed octets that are unpacked at a time: of what is behind a gzip file's end zlib
makes a copy, and a capture may be of very many small ones."""
_GZIP = b"\x1f\x8b"
_GZIP_HEADER = 31
"""zlib's number for a gzip header and trailer around the deflated octets."""


class Source:
    """One capture's octets; a context manager.

    Args:
        capture: a path, ``-`` for standard input, or an open binary file, which stays
            open.
        most: octets of the file that are read, for one that may grow meanwhile.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(
        self, capture: str | os.PathLike[str] | BinaryIO, *, most: int | None = None
    ) -> None:
        self._ours: BinaryIO | None = None
        self._first = b""
        if isinstance(capture, str | os.PathLike):
            path = os.fspath(capture)
            self.name = path
            if path == "-":
                stream: BinaryIO = sys.stdin.buffer
            else:
                self._ours = Path(path).open("rb")  # noqa: SIM115 -- closed by close()
                stream = self._ours
        else:
            stream = capture
            self.name = str(getattr(capture, "name", "-"))
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self.size: int | None = None
        """Octets of the file, as they are on the disk; None of a pipe."""
        self._most = most
        self.taken = 0
        """Octets that were read of `size`."""
        if self._ours is not None:
            status = os.fstat(self._ours.fileno())
            if stat.S_ISREG(status.st_mode):
                self.size = status.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened here."""
        if self._ours is not None:
            self._ours.close()

    @property
    def packed(self) -> bool:
        """Whether it is a gzip file; for that its first two octets are awaited."""
        return self._begins() == _GZIP

    def pieces(self) -> Iterator[bytes]:
        """Give all octets, unpacked, in pieces of at most `PIECE`.

        Raises:
            CaptureError: a gzip file is broken.
        """
        first = self._begins()
        if first == _GZIP:
            yield from self._unpacked(first)
            return
        if first:
            yield first
        while octets := self._next():
            yield octets

    def _begins(self) -> bytes:
        """The first two octets, which are the next to be given."""
        while len(self._first) < len(_GZIP):
            if not (more := self._read(len(_GZIP) - len(self._first))):
                break
            self._first += more
            self.taken += len(more)
        return self._first

    def _next(self) -> bytes:
        size = PIECE if self._most is None else min(PIECE, self._most - self.taken)
        octets = self._read(size)
        self.taken += len(octets)
        return octets

    def _unpacked(self, octets: bytes) -> Iterator[bytes]:
        inflate = zlib.decompressobj(_GZIP_HEADER)
        given, at = 0, 0
        while octets:
            part = octets[at : at + _SLICE]
            if not part:
                octets, at = self._next(), 0
                continue
            if inflate.eof:
                # Several gzip files in a row are one, and zeros may pad them.
                padding = len(part) - len(part.lstrip(b"\0"))
                if padding:
                    at += padding
                    continue
                inflate = zlib.decompressobj(_GZIP_HEADER)
            unpacked = b"?"
            while unpacked and not inflate.eof:
                before = inflate.copy()
                fault = None
                try:
                    # In pieces: a few octets may unpack to very many.
                    unpacked = inflate.decompress(part, PIECE)
                except zlib.error as error:
                    fault = str(error)
                    unpacked = _salvaged(before, part)
                at += len(part)
                part = inflate.unconsumed_tail
                at -= len(part)
                given += len(unpacked)
                if unpacked:
                    yield unpacked
                if fault is not None:
                    raise self._broken(f"the gzip file is broken: {fault}", given)
            at -= len(inflate.unused_data)
        if not inflate.eof:
            raise self._broken("the gzip file ends too early", given)

    def _broken(self, message: str, offset: int) -> CaptureError:
        return CaptureError(message, capture=self.name, offset=offset)


class _Inflate(Protocol):
    """What `zlib.decompressobj` returns, which has no public name."""

    def copy(self) -> Self: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def _salvaged(inflate: _Inflate, octets: bytes) -> bytes:
    """What unpacks of *octets* before the fault in them, which would take it along."""
    unpacked: list[bytes] = []
    good, bad = 0, len(octets)
    while bad - good > 1:
        middle = (good + bad) // 2
        further = inflate.copy()
        try:
            unpacked.append(further.decompress(octets[good:middle], PIECE))
        except zlib.error:
            bad = middle
        else:
            inflate, good = further, middle
    return b"".join(unpacked)
