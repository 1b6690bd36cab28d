"""Captures in, conversations out: each as soon as it has ended.

    source  ->  pcap, pcapng  ->  frames  ->  flows  ->  Conversation
    octets      records           segments    streams

Memory is bounded by the conversations that are open at a time, not by the file.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import BinaryIO

from sslmagic.capture.conversation import Conversation, Counts
from sslmagic.capture.flows import Flows
from sslmagic.capture.frames import Frames
from sslmagic.capture.pcap import MAGICS, Pcap
from sslmagic.capture.pcapng import MAGIC, Pcapng
from sslmagic.capture.source import Source
from sslmagic.capture.stream import Wanted
from sslmagic.errors import CaptureError

__all__ = ["ANSWER", "Capture", "Progress", "Reader", "conversations"]

ANSWER = 16
"""Octets of a listener's stream that tell what it answered: a TLS record's header and
that of the message in it, or the beginning of a line."""

Capture = str | os.PathLike[str] | BinaryIO
"""A path, ``-`` for standard input, or a binary file that is open."""

Progress = Callable[[int, int | None], None]
"""Is told how many octets of the captures were read, of how many if that is known."""

_MODIFIED = {b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34"}


class Reader:
    """Conversations of captures, and the counts of what they held; iterate once.

    Args:
        captures: what is read, one after the other.
        wanted: how many octets of a peer's stream are wanted in all, given those that
            are there: 0 or no more than there are is enough, and ends the asking.
        answer: how many octets of a listener's stream are wanted.
        workers: how many processes may read a large file; None: as many as help.
        progress: is told after every piece.
        plain: whether plain packets take a short way; the result is the same.
    """

    def __init__(
        self,
        captures: Iterable[Capture],
        *,
        wanted: Wanted,
        answer: int = ANSWER,
        workers: int | None = None,
        progress: Progress | None = None,
        plain: bool = True,
    ) -> None:
        self.counts = Counts()
        """What was in the captures, as far as they have been read."""
        self._captures = list(captures)
        self._wanted = wanted
        self._answer = answer
        self._workers = workers
        self._progress = progress
        self._plain = plain
        self._number = 0
        self._read = 0

    def __iter__(self) -> Iterator[Conversation]:
        """Read on, and give each conversation as soon as it has ended.

        Raises:
            CaptureError: a capture is broken. What stands before that has been given,
                and so have the captures behind it.
            OSError: a capture cannot be opened or read; the others have been.
        """
        fault: CaptureError | OSError | None = None
        for capture in self._captures:
            try:
                with Source(capture) as source:
                    yield from self._conversations(source)
            except (CaptureError, OSError) as error:
                fault = fault or error
        if fault is not None:
            raise fault

    def _conversations(self, source: Source) -> Iterator[Conversation]:
        flows = Flows(
            source.name,
            wanted=self._wanted,
            answer=self._answer,
            counts=self.counts,
            number=self._number,
        )
        frames = Frames(flows, self.counts)
        try:
            for _ in _reading(source, frames, plain=self._plain):
                yield from _taken(flows)
                if self._progress is not None:
                    self._progress(source.taken, source.size)
        except (CaptureError, OSError):
            frames.close()
            yield from _taken(flows)
            raise
        finally:
            self._number = flows.number
        frames.close()
        yield from _taken(flows)
        self._number = flows.number


def conversations(
    captures: Iterable[Capture],
    *,
    wanted: Wanted,
    answer: int = ANSWER,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Conversation]:
    """Give the conversations of captures; `Reader` counts what else is in them.

    Raises:
        CaptureError: a capture is broken; what stands before that has been given.
        OSError: a capture cannot be opened or read.
    """
    return iter(
        Reader(
            captures, wanted=wanted, answer=answer, workers=workers, progress=progress
        )
    )


def _reading(source: Source, frames: Frames, *, plain: bool) -> Iterator[None]:
    """Read a capture to its end, with a pause after each piece."""
    reader: Pcap | Pcapng | None = None
    data, base = b"", 0
    for piece in source.pieces():
        data = data + piece if data else piece
        if reader is None:
            kind = _kind(data[:4], source.name)
            if kind is None or len(data) < kind.header:
                continue
            reader = kind(data, frames, plain=plain)
            base = kind.skip
            data = data[base:]
        with _no_rings():
            at = reader.read(data, 0, base)
        base += at
        data = data[at:]
        yield
    if reader is None:
        kind = _kind(data[:4], source.name)
        if kind is None:
            raise CaptureError(
                "the capture is empty"
                if not data
                else f"a capture does not begin with {data.hex()}",
                capture=source.name,
                offset=len(data),
            )
        kind(data, frames, plain=plain)
        raise CaptureError(
            "the capture ends in its header", capture=source.name, offset=len(data)
        )
    if data:
        raise CaptureError(
            f"the capture ends within a packet, of which it has {len(data)} octets",
            capture=source.name,
            offset=base,
        )


def _kind(magic: bytes, name: str) -> type[Pcap | Pcapng] | None:
    """Which format begins so; None if more octets are needed to tell.

    Raises:
        CaptureError: none does.
    """
    if magic in MAGICS:
        return Pcap
    if magic == MAGIC:
        return Pcapng
    if len(magic) < 4:
        return None
    if magic in _MODIFIED:
        said = "pcap as Kuznetzov modified it, which is not read"
    else:
        said = f"neither pcap nor pcapng: it begins with {magic.hex(' ')}"
    raise CaptureError(said, capture=name, offset=0)


def _taken(flows: Flows) -> Iterator[Conversation]:
    done = flows.done
    flows.done = []
    yield from done


@contextlib.contextmanager
def _no_rings() -> Generator[None]:
    """Look for no rings of objects meanwhile: there are many objects, and no rings."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
