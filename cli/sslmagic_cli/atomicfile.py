"""Files that are written over as a whole, or stay what they were.

What is written goes to a file of another name beside the one that is meant, and takes
its name once it is complete: whoever reads sees the old one or the new one, and what
fails leaves the old one as it was.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

__all__ = ["closing", "replaced"]


@contextlib.contextmanager
def replaced(path: Path) -> Generator[BinaryIO]:
    """Give a file that takes the place of *path* if the block ends without failing.

    It gets the permissions of the one that was there, and a link stays a link. What is
    no regular file, a pipe or a device, is written in place: nothing can replace it.

    Raises:
        OSError: it cannot be written, or nothing be created beside it.
    """
    there = _mode(path)
    if there is not None and not stat.S_ISREG(there):
        with closing(path.open("wb")) as stream:
            yield stream
        return
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".magic-{os.urandom(8).hex()}")
    stream = beside.open("xb")
    try:
        with closing(stream):
            if there is not None:
                os.fchmod(stream.fileno(), stat.S_IMODE(there))
            yield stream
            stream.flush()
            # Else a crash may leave the name, and nothing that it is the name of.
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def closing(stream: BinaryIO) -> Generator[BinaryIO]:
    """Close a file behind a block; what failed in the block is what is said to have.

    A disk that is full fails once more when the file is closed.
    """
    try:
        yield stream
    except BaseException:
        with contextlib.suppress(OSError):
            stream.close()
        raise
    stream.close()


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
