"""The files of a run: captures that are read, and others that are written.

What is wrong with them is said before an hour of reading, not behind it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sslmagic_cli import newfile
from sslmagic_cli.atomicfile import is_replaceable, replaced
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["STANDARD", "check_captures", "check_outputs", "create"]

STANDARD: Final = "-"
"""The capture that is standard input."""


def check_captures(names: Iterable[str]) -> None:
    """Raise `CommandError` if one cannot be read, as far as can be seen."""
    has_standard = False
    for name in names:
        if name == STANDARD:
            if has_standard:
                raise CommandError(
                    "standard input can be read once: give - once", Exit.USAGE
                )
            has_standard = True
            if sys.stdin is None:
                raise CommandError("standard input is closed", Exit.NO_INPUT)
        elif not os.access(name, os.R_OK):
            raise _unreadable(name)


def check_outputs(names: Sequence[str], captures: Sequence[str]) -> None:
    """Raise `CommandError` if one cannot be written, or is another's or a capture."""
    if len({os.path.realpath(name) for name in names}) < len(names):
        raise CommandError(f"{names[0]} cannot be both files", Exit.CANNOT_CREATE)
    for name in names:
        if any(_is_same(name, capture) for capture in captures):
            raise CommandError(f"{name} is a capture itself", Exit.CANNOT_CREATE)
        with newfile.writing(name):
            error = _unwritable(Path(name))
        if error:
            said = os.strerror(error)
            raise CommandError(f"{name}: {said}", Exit.CANNOT_CREATE)


def create(path: Path, text: str) -> None:
    """Write *text* to a file, all of it or none.

    Raises:
        CommandError: it cannot be written.
    """
    with newfile.writing(str(path)), replaced(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def _unreadable(name: str) -> CommandError:
    try:
        Path(name).open("rb").close()
    except OSError as error:
        return CommandError(f"{name}: {error.strerror}", Exit.NO_INPUT)
    return CommandError(f"{name}: cannot be read", Exit.NO_INPUT)


def _is_same(name: str, capture: str) -> bool:
    try:
        there = Path(name).stat()
        if capture == STANDARD:
            read = os.fstat(sys.stdin.fileno())
        else:
            read = Path(capture).stat()
        return stat.S_ISREG(there.st_mode) and os.path.samestat(there, read)
    except (OSError, AttributeError):
        return False


def _unwritable(path: Path) -> int:
    """Return the error that writing a file would have; 0 if none is to be seen yet."""
    if path.is_dir():
        return errno.EISDIR
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        return errno.ENOTDIR if parent.exists() else errno.ENOENT
    places = [path] if path.exists() else []
    if is_replaceable(path):
        # It is written beside it, and takes its name when it is whole.
        places.append(parent)
    for one in places:
        if not os.access(one, os.W_OK):
            is_fixed = os.statvfs(one).f_flag & os.ST_RDONLY
            return errno.EROFS if is_fixed else errno.EACCES
    return 0
