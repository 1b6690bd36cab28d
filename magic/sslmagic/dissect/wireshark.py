"""Puts `magic.lua`, the dissector for Wireshark and tshark, where they look for it.

A file of that name that is not ours is left alone, whoever asks: ours has a first line
that says so.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["DISSECTOR", "NAME", "Change", "install", "personal_folder", "remove"]

DISSECTOR = Path(__file__).with_name("magic.lua")
"""The dissector, as `tshark -X lua_script:FILE` takes it."""
NAME = "sslmagic.lua"
"""What it is called among other people's plugins."""

_MARK = re.compile(r"-- sslmagic dissector (\S+)\n")
_PATIENCE = 20.0
"""Seconds that tshark may take to say where its folders are; it needs one."""


class Change(NamedTuple):
    """What was done to one file."""

    path: Path
    before: str | None
    """The version that was there; None if there was no file."""
    now: str | None
    """The version that is there; None if there is no file."""


def personal_folder() -> Path:
    """Return the user's folder of Lua plugins, which need not exist.

    What tshark says, where it is installed, else where Wireshark looks by default.
    """
    tshark = shutil.which("tshark")
    if tshark is not None:
        try:
            said = subprocess.run(
                [tshark, "-G", "folders"],
                check=False,
                text=True,
                errors="surrogateescape",
                timeout=_PATIENCE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            said = ""
        found = re.search(r"^Personal Lua Plugins:\s+(.+)$", said, re.MULTILINE)
        if found:
            return Path(found[1])
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "~")).expanduser() / "Wireshark/plugins"
    return Path("~/.local/lib/wireshark/plugins").expanduser()


def install(folder: Path) -> Change:
    """Write the dissector into *folder*, which is made if it is missing.

    Raises:
        FileExistsError: a file of its name is there and not ours.
        OSError: it cannot be written.
    """
    octets = DISSECTOR.read_bytes()
    path = folder / NAME
    before = _version(path)
    folder.mkdir(parents=True, exist_ok=True)
    # Wireshark may start at any moment, and must not load half a file.
    partial = folder / f".{NAME}.{os.getpid()}"
    try:
        partial.write_bytes(octets)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return Change(path, before, _version(path))


def remove(folder: Path) -> Change:
    """Remove the dissector from *folder*, if it is there.

    Raises:
        FileExistsError: the file is not ours.
        OSError: it cannot be removed.
    """
    path = folder / NAME
    before = _version(path)
    path.unlink(missing_ok=True)
    return Change(path, before, None)


def _version(path: Path) -> str | None:
    """Return the version of our file at *path*, None if there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = _MARK.fullmatch(file.readline())
    except FileNotFoundError:
        return None
    if found is None:
        what = "this file is not sslmagic's, and stays as it is"
        raise FileExistsError(errno.EEXIST, what, str(path))
    return found[1]
