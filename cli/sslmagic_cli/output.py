"""Standard output, written whole.

What a command has to say is built first and written in one go, so that a reader never
sees half an answer in front of an error.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

from sslmagic_cli.exits import CommandError, Exit

__all__ = ["discard", "is_terminal", "say", "write"]


def is_terminal() -> bool:
    """Return whether a person reads standard output."""
    return _standard().isatty()


def write(octets: bytes, to: TextIO | None = None) -> None:
    """Write data to standard output, or *to* another stream, and flush it.

    Raises:
        OSError: it cannot be written: the disk is full, or nobody reads any more.
        CommandError: there is none.
    """
    stream = to or _standard()
    stream.buffer.write(octets)
    stream.buffer.flush()


def say(text: str, to: TextIO | None = None) -> None:
    """Write a line of words; as `write`."""
    encoding = (to or _standard()).encoding
    write(f"{text}\n".encode(encoding, "backslashreplace"), to)


def discard(descriptor: int = 1) -> None:
    """Send nowhere what standard output, or error with 2, still holds.

    The interpreter flushes once more when it ends, and would complain again.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _standard() -> TextIO:
    stream: TextIO | None = sys.stdout
    # None where the process was started with its standard output closed.
    if stream is None:
        raise CommandError("standard output is closed", Exit.CANNOT_CREATE)
    return stream
