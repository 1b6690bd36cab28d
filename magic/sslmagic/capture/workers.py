"""One large file on several processes, with the result of one.

Every process reads the whole file and follows its share of the conversations; to pass
over a packet of another's costs a fraction of what it costs to follow it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import marshal
import os
import signal
import struct
import warnings
from collections.abc import Generator, Iterator, Sequence
from typing import Any, BinaryIO, NoReturn

from sslmagic.capture.conversation import Counts
from sslmagic.capture.flows import SHARES
from sslmagic.capture.reading import Batch
from sslmagic.capture.shares import Work, share_of, together
from sslmagic.capture.source import Source

__all__ = ["LARGE", "MOST", "processes", "sharing"]

LARGE = 16 << 20
"""Octets of a file from which on several processes win more than they cost."""
MOST = 8
"""Processes: each passes over all packets, which more of them make no faster."""

_LENGTH = struct.Struct("<Q")
_PIPE = 1 << 20
"""Octets that wait in a pipe: what one piece brings, so that no process waits for
another one's; the most that Linux lets anybody have (fs.pipe-max-size)."""


def sharing(work: Work, counts: Counts, *, number: int, count: int) -> Iterator[Batch]:
    """Read on *count* processes; see `sslmagic.capture.reading.reading`.

    Args:
        counts: is filled when the end is reached.
        number: of the conversation before the first one.

    Raises:
        ChildProcessError: somebody else ended a process, as the kernel does where there
            is no memory.
        RuntimeError: a process has failed.
    """
    with _processes(work, count) as pipes:
        messages = [_messages(pipe, work.source.name) for pipe in pipes]
        yield from together(work, counts, messages, number=number)


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
                for message in share_of(work, index, count):
                    _send(pipe, message)
            except BrokenPipeError:
                pass
            except BaseException as error:
                _send(pipe, f"{type(error).__name__}: {error}")
                raise
    finally:
        os._exit(0)


def _send(pipe: BinaryIO, message: Any) -> None:
    octets = marshal.dumps(message)
    pipe.write(_LENGTH.pack(len(octets)) + octets)
    pipe.flush()


def _messages(pipe: BinaryIO, name: str) -> Iterator[Any]:
    """Yield the messages of a process that reads the capture *name*.

    Raises:
        ChildProcessError: it was ended, perhaps within a message.
        RuntimeError: it has failed.
    """
    while True:
        head = pipe.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 1
        octets = pipe.read(length)
        if len(octets) < length:
            said = "a process that read it was ended (is there enough memory?)"
            raise ChildProcessError(errno.ECHILD, said, name)
        message = marshal.loads(octets)
        if isinstance(message, str):
            raise RuntimeError(f"a process that reads the capture failed: {message}")
        yield message
