"""Files that a command writes: never one that is there, and no half of a new one."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from sslmagic_cli import output
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["STANDARD", "created", "emptied", "same", "writing"]

STANDARD = "-"
"""What stands for standard output where a file is named."""


def same(one: str, other: str) -> bool:
    """Return whether both would be written to the same place."""
    if STANDARD in (one, other):
        return one == other
    return Path(one).resolve() == Path(other).resolve()


@contextlib.contextmanager
def created(name: str, *, force: bool) -> Generator[BinaryIO]:
    """Give a file to write, as it was until then; what fails leaves no new one behind.

    What is for standard output goes in one go.
    """
    if name == STANDARD:
        whole = io.BytesIO()
        yield whole
        output.write(whole.getvalue())
        return
    stream, is_new = _opened(name, force=force)
    try:
        yield stream
    except BaseException:
        with contextlib.suppress(OSError):
            stream.close()
        if is_new:
            Path(name).unlink(missing_ok=True)
        raise
    stream.close()


def _opened(name: str, *, force: bool) -> tuple[BinaryIO, bool]:
    """Return the file, and whether it was not there before."""
    with writing(name):
        try:
            return Path(name).open("xb"), True
        except FileExistsError:
            if force:
                return open(name, "wb", opener=_untouched), False
    message = f"{name}: it is there already (--force writes over it)"
    raise CommandError(message, Exit.CANNOT_CREATE)


def _untouched(name: str, flags: int) -> int:
    return os.open(name, flags & ~os.O_TRUNC, 0o666)


def emptied(stream: BinaryIO) -> None:
    """Empty what is a file: nothing else has a length to cut."""
    if isinstance(stream, io.BytesIO):
        return
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.truncate(0)


@contextlib.contextmanager
def writing(name: str) -> Generator[None]:
    """Say of which file it is that something failed."""
    try:
        yield
    except OSError as error:
        said = error.strerror or errno.errorcode.get(error.errno or 0, "it failed")
        raise CommandError(f"{name}: {said}", Exit.CANNOT_CREATE) from None
