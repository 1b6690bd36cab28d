"""Files that a command writes: none that is there unasked, and no half of one."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from sslmagic_cli import output
from sslmagic_cli.atomicfile import closing, replaced
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["STANDARD", "created", "same", "writing"]

STANDARD = "-"
"""What stands for standard output where a file is named."""


def same(one: str, other: str) -> bool:
    """Return whether both would be written to the same place."""
    if STANDARD in (one, other):
        return one == other
    return os.path.realpath(one) == os.path.realpath(other)


@contextlib.contextmanager
def created(name: str, *, force: bool) -> Generator[BinaryIO]:
    """Give a file to write; what fails leaves no new one behind, and an old one alone.

    What is for standard output goes in one go.

    Raises:
        CommandError: it is there already and *force* is not given, or it cannot be
            written.
    """
    if name == STANDARD:
        whole = io.BytesIO()
        yield whole
        output.write(whole.getvalue())
        return
    with contextlib.ExitStack() as stack:
        with writing(name):
            opened = replaced(Path(name)) if force else _new(Path(name))
            stream = stack.enter_context(opened)
        yield stream
        # What is still to be flushed, or to get its name, may fail as well.
        with writing(name):
            stack.close()


@contextlib.contextmanager
def _new(path: Path) -> Generator[BinaryIO]:
    try:
        stream = path.open("xb")
    except FileExistsError:
        message = f"{path}: it is there already (--force writes over it)"
        raise CommandError(message, Exit.CANNOT_CREATE) from None
    try:
        with closing(stream):
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def writing(name: str) -> Generator[None]:
    """Say of which file it is that something failed."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error) or "it failed"
        raise CommandError(f"{name}: {said}", Exit.CANNOT_CREATE) from None
