"""Reads one capture in one way, in a process of its own."""

from __future__ import annotations

import mmap
import struct
import sys
from pathlib import Path

from sslmagic.capture.conversations import Reader

__all__ = ["main"]

_FRONT = 512
"""Octets of each peer's stream that are wanted: a preamble and a ClientHello."""


def main(how: str, file: str) -> None:
    """Read *file* with so many processes, or only walk from record to record."""
    if how == "walk":
        found = _walked(file)
    else:
        reader = Reader([file], wanted=lambda _: _FRONT, workers=int(how))
        found = sum(1 for _ in reader)
    print(found)


def _walked(file: str) -> int:
    """What cannot be had for less: a look at each record's header."""
    header = struct.Struct("<IIII").unpack_from
    packets, at = 0, 24
    with Path(file).open("rb") as stream:
        octets = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        with octets:
            end = len(octets)
            while at < end:
                _, _, captured, _ = header(octets, at)
                at += 16 + captured
                packets += 1
    return packets


if __name__ == "__main__":
    main(*sys.argv[1:])
