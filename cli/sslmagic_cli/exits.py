"""How a command ends: its exit code, and the one line that says why.

The codes are those of sysexits.h, so that a script can tell the caller's mistake from
bad data, and bad data from a fault of ours.
"""

from __future__ import annotations

import enum
import errno

__all__ = ["CommandError", "Exit", "exit_for"]


class Exit(enum.IntEnum):
    """What the process ends with."""

    DONE = 0
    USAGE = 2
    """The command line cannot be carried out as it stands."""
    DATA = 65
    """The input is malformed."""
    NO_INPUT = 66
    """The input is not there or cannot be read."""
    UNAVAILABLE = 69
    """Something that must answer does not: an address, a node, a program."""
    FAULT = 70
    """A fault of ours."""
    CANNOT_CREATE = 73
    """The output cannot be created or written."""
    UNTRUSTED = 77
    """A peer is not trusted, or its proof failed."""
    CONFIGURATION = 78
    """A configuration that cannot work."""
    INTERRUPTED = 130
    """Ctrl-C, as a shell reports SIGINT."""
    PIPE_CLOSED = 141
    """Whoever read our output went away, as a shell reports SIGPIPE."""


class CommandError(Exception):
    """What a command could not do: one line for people, one code for programs."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_for(error: Exception) -> Exit:
    """Return the code that *error* ends a command with; `Exit.FAULT` if unforeseen.

    `EncodeError` is a mistake of whoever typed the command: nothing else puts values
    into a preamble.
    """
    # Imported here, since a command that succeeds has no use for it.
    from sslmagic import errors

    match error:
        case CommandError():
            return error.exit_code
        case errors.EncodeError():
            return Exit.USAGE
        case errors.DecodeError() | errors.CaptureError():
            return Exit.DATA
        case errors.UntrustedError():
            return Exit.UNTRUSTED
        case errors.ConfigurationError():
            return Exit.CONFIGURATION
        case OSError() if error.errno in _NO_ROOM:
            return Exit.CANNOT_CREATE
        case _:
            return Exit.FAULT


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What only writing meets, whichever output it was."""
