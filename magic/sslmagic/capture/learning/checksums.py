"""Checksums that are right in all samples, of all octets in front of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from sslmagic.capture.learning.columns import NAME, Columns, Cursors, Step
from sslmagic.wire.computed import Checksum

__all__ = ["Checksums"]

_CHECKSUMS = [
    Checksum(algorithm="crc32c", width=4),
    Checksum(algorithm="crc32c", width=4, order="little"),
    Checksum(algorithm="crc32", width=4),
    Checksum(algorithm="crc32", width=4, order="little"),
    Checksum(algorithm="sum16", width=2),
    Checksum(algorithm="sum16", width=2, order="little"),
    Checksum(algorithm="xor8"),
    Checksum(algorithm="sum8"),
]


class Checksums:
    """The checksums of some samples, each worked out once."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._sums: dict[tuple[str, int, int], bytes] = {}
        pairs = enumerate(zip(*columns.octets, strict=False))
        self._common = next(
            (at for at, column in pairs if len(set(column)) > 1), min(columns.ends)
        )
        """Octets at the front that are the same in all."""

    def behind(self, cursors: Cursors) -> Iterator[Step]:
        """Yield the checksums that stand at the cursors."""
        is_same = len(set(cursors)) == 1 and cursors[0] <= self._common
        if min(cursors) < 2 or is_same:
            return
        for checksum in _CHECKSUMS:
            forth = tuple(at + checksum.width for at in cursors)
            if all(
                octets[at : at + checksum.width] == self._sum(checksum, number, at)
                for number, (octets, at) in enumerate(
                    zip(self._columns.octets, cursors, strict=True)
                )
            ):
                yield Step(NAME, (checksum,), forth)

    def _sum(self, checksum: Checksum, number: int, at: int) -> bytes:
        """The checksum of what is in front of a place: many ways lead there."""
        key = checksum.algorithm, number, at
        if (found := self._sums.get(key)) is None:
            big = dataclasses.replace(checksum, order="big")
            found = self._sums[key] = big.of(self._columns.octets[number][:at])
        return found if checksum.order == "big" else found[::-1]
