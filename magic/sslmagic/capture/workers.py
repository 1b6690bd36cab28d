"""One large file on several processes, with the result of one.

Every process reads the whole file and follows its share of the conversations; to pass
over a packet of another's costs a fraction of what it costs to follow it. Which share a
packet is of, its ports tell. So no conversation is ever cut in two, whatever is in the
file; and since all processes read the same pieces, what they found in each is put into
the order in which one process would have found it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import gc
import marshal
import os
import signal
import struct
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from sslmagic.capture.conversation import Conversation, Counts, Unreadable
from sslmagic.capture.flow import told
from sslmagic.capture.flows import SHARES, Flows
from sslmagic.capture.reading import Batch, Fault, reading
from sslmagic.capture.source import Source
from sslmagic.capture.stream import Wanted
from sslmagic.errors import CaptureError

__all__ = ["LARGE", "MOST", "Made", "Work", "made_of", "processes", "sharing"]

LARGE = 64 << 20
"""Octets of a file from which on several processes win more than they cost."""
MOST = 8
"""Processes: each passes over all packets, which more of them make no faster."""

Made = Callable[[Conversation], Any]
"""Makes of a conversation what is wanted of it, in values that `marshal` knows."""

_LENGTH = struct.Struct("<Q")
_PIPE = 1 << 20
"""Octets that wait in a pipe: what one piece brings, so that no process waits for
another one's; the most that Linux lets anybody have (fs.pipe-max-size)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be read, and how."""

    source: Source
    wanted: Wanted
    answer: int
    plain: bool
    made: Made | None = None
    """What is made of each conversation there; None: its facts are wanted here."""


def made_of(batch: Batch, made: Made, capture: str) -> Batch:
    """Return *batch* with what is made of each conversation instead of its facts."""
    done = [
        (event, place, number, made(told(facts, capture=capture, number=0)))
        for event, place, number, facts in batch.done
    ]
    return batch._replace(done=done)


def processes(source: Source, workers: int | None) -> int:
    """Return how many processes should read *source*, if *workers* are allowed.

    None leaves the choice: one for a file that is not large, else one for each core.
    What is no regular file can be read once only, and a gzip file is unpacked by one.
    """
    if workers == 1 or source.size is None or source.packed:
        return 1
    if workers is not None:
        return min(workers, SHARES)
    if source.size < LARGE:
        return 1
    return min(len(os.sched_getaffinity(0)), MOST)


def sharing(work: Work, counts: Counts, *, number: int, count: int) -> Iterator[Batch]:
    """Read on *count* processes; see `sslmagic.capture.reading.reading`.

    Args:
        counts: is filled when the end is reached.
        number: of the conversation before the first one.
    """
    numbers: dict[int, int] = {}
    with _processes(work, count) as pipes:
        while True:
            parts = [_received(pipe) for pipe in pipes]
            _, _, taken, said, end = parts[0]
            began = sorted(place for part in parts for place in part[1])
            for place in began:
                number += 1
                numbers[place] = number
            # One process would have found them by when they ended, then by when they
            # began, and no two began at the same place.
            done = sorted(ending for part in parts for ending in part[0])
            done = [
                (event, place, numbers.pop(place), facts)
                for event, place, _, facts in done
            ]
            if end is not None:
                _add(counts, [part[4] for part in parts])
            fault = _fault(work.source.name, said)
            yield Batch(done, began, taken, end is not None, fault)
            if end is not None:
                return


@contextlib.contextmanager
def _processes(work: Work, count: int) -> Generator[Sequence[BinaryIO]]:
    """Processes that read their shares, as the pipes that they write to."""
    ends = [os.pipe() for _ in range(count)]
    pids: list[int] = []
    for reading_end, _ in ends:
        # Less will do, where so much is more than the user may have.
        with contextlib.suppress(OSError):
            fcntl.fcntl(reading_end, fcntl.F_SETPIPE_SZ, _PIPE)
    pipes = [os.fdopen(reading_end, "rb") for reading_end, _ in ends]
    try:
        for index, (_, writing_end) in enumerate(ends):
            with warnings.catch_warnings():
                # Of other threads, which a child has not. It touches nothing that they
                # may have locked: it reads a file, counts, and writes to its pipe.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if not pid:
                # Also the other pipes' ends, or they would outlive the parent.
                for descriptors in ends:
                    for descriptor in descriptors:
                        if descriptor != writing_end:
                            with contextlib.suppress(OSError):
                                os.close(descriptor)
                _child(work, index, count, writing_end)
            pids.append(pid)
            os.close(writing_end)
        yield pipes
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for pipe in pipes:
            pipe.close()


def _child(work: Work, index: int, count: int, end: int) -> NoReturn:
    """Read a share, and be gone without what a process does when it ends."""
    try:
        # It is the parent that an interrupt ends, and then this.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # What the parent has made stays: it is neither looked through nor copied.
        gc.freeze()
        with os.fdopen(end, "wb") as pipe:
            try:
                for message in _share(work, index, count):
                    _send(pipe, message)
            except BrokenPipeError:
                pass
            except BaseException as error:
                _send(pipe, f"{type(error).__name__}: {error}")
                raise
    finally:
        os._exit(0)


def _share(work: Work, index: int, count: int) -> Iterator[object]:
    counts = Counts()
    flows = Flows(
        work.source.name,
        wanted=work.wanted,
        answer=work.answer,
        counts=counts,
        number=0,
    )
    flows.others = frozenset(
        number for number in range(SHARES) if (number >> 1) % count != index
    )
    # A descriptor of its own: one that is shared has one position for all.
    with Source(work.source.name, most=work.source.size) as source:
        for batch in reading(source, flows, counts, plain=work.plain):
            end = dataclasses.astuple(counts) if batch.last else None
            if work.made is not None:
                batch = made_of(batch, work.made, work.source.name)
            yield batch.done, batch.began, batch.taken, _said(batch.fault), end


def _send(pipe: BinaryIO, message: Any) -> None:
    octets = marshal.dumps(message)
    pipe.write(_LENGTH.pack(len(octets)) + octets)
    pipe.flush()


def _received(pipe: BinaryIO) -> Any:
    """Return the next message of a process.

    Raises:
        RuntimeError: it has failed.
    """
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise RuntimeError("a process that reads the capture has ended early")
    message = marshal.loads(pipe.read(*_LENGTH.unpack(head)))
    if isinstance(message, str):
        raise RuntimeError(f"a process that reads the capture has failed: {message}")
    return message


def _said(fault: Fault | None) -> tuple[str, int, bool] | None:
    if isinstance(fault, CaptureError):
        return fault.message, fault.offset, True
    if fault is None:
        return None
    return fault.strerror or str(fault), fault.errno or 0, False


def _fault(name: str, said: tuple[str, int, bool] | None) -> Fault | None:
    if said is None:
        return None
    message, number, broken = said
    if broken:
        return CaptureError(message, capture=name, offset=number)
    return OSError(number, message, name)


def _add(counts: Counts, parts: list[tuple[Any, ...]]) -> None:
    """Add what the processes counted: all packets each, and late ones of its own."""
    for field, values in zip(
        dataclasses.fields(Counts), zip(*parts, strict=True), strict=True
    ):
        if field.name == "examples":
            names = [one.name for one in dataclasses.fields(Unreadable)]
            counts.examples += [
                Unreadable(**dict(zip(names, one, strict=True))) for one in values[0]
            ]
        else:
            added = sum(values) if field.name == "late" else values[0]
            setattr(counts, field.name, getattr(counts, field.name) + added)
