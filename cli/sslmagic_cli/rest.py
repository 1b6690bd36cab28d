"""What follows a preamble, passed on untouched: the file of `magic decode --rest`."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from sslmagic_cli import intake
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["Rest"]

_CHUNK = 65536
"""Octets that are passed on at a time: what a pipe holds."""


class Rest:
    """A copy that is ready to run: its file is there before anything is answered.

    Args:
        name: a file to create or replace; "-" for standard output.
        stream: what has been read up to the end of the preamble.

    Raises:
        CommandError: the file cannot be created.
    """

    def __init__(self, name: str, stream: intake.Intake) -> None:
        self._name = "standard output" if name == intake.STANDARD else name
        self._stream = stream
        if name == intake.STANDARD:
            self._file = io.FileIO(1, "wb", closefd=False)
            return
        if _is_input(name, stream):
            raise CommandError(f"{name} is the input itself", Exit.CANNOT_CREATE)
        try:
            self._file = io.FileIO(name, "wb")
        except OSError as error:
            raise self._unwritable(error) from None

    def copy(self) -> None:
        """Pass on every octet as it comes, until there are no more.

        Raises:
            CommandError: they cannot be read or written.
            BrokenPipeError: nobody reads standard output any more.
        """
        with self._file:
            while octets := intake.read(self._stream, _CHUNK):
                self._write(octets)

    def _write(self, octets: bytes) -> None:
        left = memoryview(octets)
        try:
            while left:
                left = left[self._file.write(left) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> CommandError:
        return CommandError(f"{self._name}: {error.strerror}", Exit.CANNOT_CREATE)


def _is_input(name: str, stream: intake.Intake) -> bool:
    """Whether creating *name* would empty the file that is being read."""
    try:
        target, origin = Path(name).stat(), os.fstat(stream.fileno())
    except OSError:
        return False
    return stat.S_ISREG(target.st_mode) and os.path.samestat(target, origin)
