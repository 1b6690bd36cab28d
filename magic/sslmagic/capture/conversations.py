r"""Captures in, conversations out: each as soon as it has ended.

    source  ->  pcap, pcapng  ->  frames  ->  flows  ->  Conversation
    octets      records           segments    streams
    \_______________ reading, or workers ______________/

Memory is bounded by the conversations that are open at a time, not by the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sslmagic.capture.conversation import Conversation, Counts
from sslmagic.capture.flow import told
from sslmagic.capture.flows import Flows
from sslmagic.capture.reading import Batch, Fault, reading
from sslmagic.capture.shares import Made, Work, made_of
from sslmagic.capture.source import Source
from sslmagic.capture.stream import Wanted
from sslmagic.capture.workers import processes, sharing
from sslmagic.errors import CaptureError

__all__ = ["ANSWER", "Capture", "Early", "Progress", "Reader", "conversations"]

ANSWER = 16
"""Octets of a listener's stream that tell what it answered: a TLS record's header and
that of the message in it, or the beginning of a line."""

Capture = str | os.PathLike[str] | BinaryIO
"""A path, ``-`` for standard input, or a binary file that is open."""

Early = Callable[[Conversation], object]
"""Is told of a conversation that is still open, as far as it has come."""

Progress = Callable[[int, int | None], None]
"""Is told how many octets of the captures were read, of how many if that is known."""


class Reader:
    """Conversations of captures, and the counts of what they held; iterate once.

    Args:
        captures: what is read, one after the other.
        wanted: how many octets of a peer's stream are wanted in all, given those that
            are there: 0 or no more than there are is enough, and ends the asking.
        answer: how many octets of a listener's stream are wanted.
        workers: how many processes may read a large file; None: as many as help.
        progress: is told after every piece.
        early: is told of each conversation that is open after a piece in which its
            front has grown, and so before it is given: somebody watches a capture that
            goes on. One process reads then.
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
        early: Early | None = None,
        plain: bool = True,
    ) -> None:
        self.counts = Counts()
        """What was in the captures, as far as they have been read."""
        self._captures = list(captures)
        self._wanted = wanted
        self._answer = answer
        self._workers = workers
        self._progress = progress
        self._early = early
        self._plain = plain
        self._number = 0
        self._before = 0
        self._total = _sizes(self._captures)

    def __iter__(self) -> Iterator[Conversation]:
        """Read on, and give each conversation as soon as it has ended.

        Raises:
            CaptureError: a capture is broken. What stands before that has been given,
                and so have the captures behind it.
            OSError: a capture cannot be opened or read; the others have been.
        """
        for name, number, facts in self._found(None):
            yield told(facts, capture=name, number=number)

    def each(self, made: Made) -> Iterator[tuple[str, int, Any]]:
        """Read on, and give what *made* makes of each conversation.

        It is made where the conversation was found: where several processes read, they
        share that work as well. What `__iter__` raises is raised here.

        Args:
            made: returns values that `marshal` knows. The conversation's number is 0
                there: only when all processes have come as far is it known.

        Returns:
            the capture's name, the conversation's number, and what was made of it.
        """
        return self._found(made)

    def _found(self, made: Made | None) -> Iterator[tuple[str, int, Any]]:
        fault: Fault | None = None
        for capture in self._captures:
            try:
                with Source(capture) as source:
                    yield from self._read(source, made)
            except (CaptureError, OSError) as error:
                fault = fault or error
        if fault is not None:
            raise fault

    def _read(
        self, source: Source, made: Made | None
    ) -> Iterator[tuple[str, int, Any]]:
        name = source.name
        for batch in self._batches(source, made):
            for _, _, number, found in batch.done:
                yield name, number, found
            if self._progress is not None:
                self._progress(self._before + batch.taken, self._total)
            if batch.last:
                self._before += batch.taken
            if batch.fault is not None:
                raise batch.fault

    def _batches(self, source: Source, made: Made | None) -> Iterator[Batch]:
        count = 1 if self._early else processes(source, self._workers)
        if count > 1:
            work = Work(
                source=source,
                wanted=self._wanted,
                answer=self._answer,
                plain=self._plain,
                made=made,
            )
            for batch in sharing(work, self.counts, number=self._number, count=count):
                self._number += len(batch.began)
                yield batch
            return
        flows = Flows(
            source.name,
            wanted=self._wanted,
            answer=self._answer,
            counts=self.counts,
            number=self._number,
            live=self._early is not None,
        )
        for batch in reading(source, flows, self.counts, plain=self._plain):
            self._number = flows.number
            yield batch if made is None else made_of(batch, made, source.name)
            if self._early is not None:
                for number, facts in flows.grown():
                    self._early(told(facts, capture=source.name, number=number))


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


def _sizes(captures: list[Capture]) -> int | None:
    """Octets of all captures; None if one is no regular file."""
    total = 0
    for capture in captures:
        if not isinstance(capture, str | os.PathLike) or not Path(capture).is_file():
            return None
        total += Path(capture).stat().st_size
    return total
