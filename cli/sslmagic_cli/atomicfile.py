"""Files that are written over as a whole, or stay what they were.

What is written goes to a file of another name beside the one that is meant, and takes
its name once it is complete: whoever reads sees the old one or the new one, and what
fails leaves the old one as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

__all__ = ["closing", "is_replaceable", "replaced"]

_LINKS = 40
"""Links that lead to one file: of more Linux follows none (MAXSYMLINKS)."""


@contextlib.contextmanager
def replaced(path: Path) -> Generator[BinaryIO]:
    """Give a file that takes the place of *path* if the block ends without failing.

    It has the owner and the permissions of the one that was there, and a link stays a
    link. What no file can take the place of is written in place, and at the end if it
    is a file; see `is_replaceable`.

    Raises:
        OSError: it cannot be written, or nothing be created beside it.
    """
    there = _status(path)
    if there is not None and not stat.S_ISREG(there.st_mode):
        with closing(path.open("wb")) as stream:
            yield stream
        return
    if there is not None:
        # Nobody who protects it from being written wants it to be replaced.
        os.close(os.open(path, os.O_WRONLY))
    if not is_replaceable(path):
        with tempfile.TemporaryFile() as whole:
            yield whole
            whole.seek(0)
            with closing(path.open("wb")) as stream:
                shutil.copyfileobj(whole, stream)
        return
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".magic-{os.urandom(8).hex()}")
    opener = _anybodys if there is None else _own
    try:
        with closing(open(beside, "xb", opener=opener)) as stream:
            if there is not None:
                # Where a directory says the group it need not be that of the old one.
                if os.fstat(stream.fileno()).st_gid != there.st_gid:
                    os.fchown(stream.fileno(), -1, there.st_gid)
                os.fchmod(stream.fileno(), stat.S_IMODE(there.st_mode))
            yield stream
            stream.flush()
            # Else a crash may leave the name, and nothing that it is the name of.
            os.fsync(stream.fileno())
        _rename(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def is_replaceable(path: Path) -> bool:
    """Return whether another file can take the place of what is there, if it is.

    It can take none of a pipe or a device, nor of what a process has open
    (``/dev/stdout``): whoever has would not see it. Nothing can be put beside it where
    the directory is not ours to write. And it would not belong to whom the old one
    does, if that is somebody else.

    Raises:
        OSError: nobody can say.
    """
    there = _status(path)
    return there is None or (
        stat.S_ISREG(there.st_mode)
        and there.st_uid == os.geteuid()
        and there.st_gid in (os.getegid(), *os.getgroups())
        and os.access(Path(os.path.realpath(path)).parent, os.W_OK)
        and not _is_descriptor(path)
    )


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


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_descriptor(path: Path) -> bool:
    """Whether the way to it leads through the descriptors of a process."""
    for _ in range(_LINKS):
        path = Path(os.path.realpath(path.parent), path.name)
        if path.is_relative_to("/proc"):
            return True
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    return False


def _anybodys(name: str, flags: int) -> int:
    return os.open(name, flags, 0o666)


def _own(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _rename(beside: Path, path: Path) -> None:
    """Let *beside* take the place of *path*, or its octets, if that is mounted."""
    try:
        beside.replace(path)
    except OSError as error:
        # As what a container has of its host is: a file, and a mount of its own.
        if error.errno != errno.EBUSY:
            raise
        shutil.copyfile(beside, path)
        beside.unlink()
