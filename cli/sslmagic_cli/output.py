"""Standard output, written whole.

What a command has to say is built first and written in one go, so that a reader never
sees half an answer in front of an error.
"""

from __future__ import annotations

import os
import sys

__all__ = ["discard", "is_terminal", "say", "write"]


def is_terminal() -> bool:
    """Return whether a person reads standard output."""
    return sys.stdout.isatty()


def write(octets: bytes) -> None:
    """Write data to standard output and flush it.

    Raises:
        OSError: it cannot be written: the disk is full, or nobody reads any more.
    """
    sys.stdout.buffer.write(octets)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Write a line of words to standard output; raises as `write` does."""
    write(f"{text}\n".encode(sys.stdout.encoding, "backslashreplace"))


def discard() -> None:
    """Send what standard output still holds nowhere.

    The interpreter flushes once more when it ends, and would complain again.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
