"""What `magic decode` reads: a file, a pipe, or hex on the command line.

Reads are never larger than what is asked for, so that whatever reads the same pipe
next finds the first octet behind the preamble.
"""

from __future__ import annotations

import io
import os
import select
import stat

from sslmagic_cli.exits import CommandError, Exit

__all__ = [
    "STANDARD",
    "Intake",
    "is_terminal",
    "length_left",
    "open_file",
    "open_hex",
    "read",
]

STANDARD = "-"
"""The name of standard input."""

Intake = io.FileIO | io.BytesIO
"""Octets without a buffer in front of them."""

_SEPARATORS = str.maketrans("", "", " \t\r\n:")


def open_file(name: str) -> Intake:
    """Return a file, or standard input, for reading without a buffer.

    Raises:
        CommandError: it is not there or cannot be read.
    """
    try:
        if name == STANDARD:
            return io.FileIO(0, closefd=False)
        return io.FileIO(name)
    except OSError as error:
        raise _unreadable(name, error) from None


def open_hex(text: str) -> Intake:
    """Return the octets that *text* spells, with or without spaces and colons.

    Raises:
        CommandError: it is no hex.
    """
    digits = text.translate(_SEPARATORS).removeprefix("0x").removeprefix("0X")
    try:
        return io.BytesIO(bytes.fromhex(digits))
    except ValueError:
        raise CommandError(_no_hex(digits), Exit.DATA) from None


def read(stream: Intake, most: int) -> bytes:
    """Return 1 to *most* octets as soon as there are any, b"" at the end.

    Raises:
        CommandError: they cannot be read.
    """
    try:
        # None comes from a descriptor that somebody else made non-blocking.
        while (octets := stream.read(most)) is None:
            select.select([stream], [], [])
    except OSError as error:
        raise _unreadable(getattr(stream, "name", ""), error) from None
    return octets


def length_left(stream: Intake) -> int | None:
    """Return how many octets follow; None for a pipe, where nobody knows."""
    if isinstance(stream, io.BytesIO):
        return len(stream.getbuffer()) - stream.tell()
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    return max(status.st_size - stream.tell(), 0)


def is_terminal() -> bool:
    """Return whether a person types at standard input."""
    return os.isatty(0)


def _unreadable(name: str | int, error: OSError) -> CommandError:
    said = "standard input" if name in (STANDARD, 0) else name
    return CommandError(f"{said}: {error.strerror}", Exit.NO_INPUT)


def _no_hex(digits: str) -> str:
    for at, digit in enumerate(digits):
        if digit not in "0123456789abcdefABCDEF":
            return f"{digit!r} is no hex digit (at byte {at // 2})"
    return f"an odd number of hex digits, {len(digits)} (at byte {len(digits) // 2})"
