"""Records that wait on the disk until the pairs are known.

Which connection belongs to which is known only when all are there, and there may be
more than memory holds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from sslmagic_cli.inspect.document import whole

__all__ = ["Spool"]


class Spool:
    """A file without a name, with a line for each connection: its number, its JSON."""

    def __init__(self) -> None:
        # Small captures never reach the disk.
        self._file = tempfile.SpooledTemporaryFile(1 << 20, "w+b")  # noqa: SIM115
        self.count = 0

    def add(self, number: int, body: bytes) -> None:
        """Put a connection behind the others.

        Args:
            body: one line; for `texts` what `record.body` gives.
        """
        self._file.write(b"%d %b\n" % (number, body))
        self.count += 1

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Yield all, as they were put in."""
        self._file.seek(0)
        for line in self._file:
            number, _, body = line.rstrip(b"\n").partition(b" ")
            yield int(number), body

    def texts(self, pairs: Mapping[int, int]) -> Iterator[bytes]:
        """Yield the JSON of all, each with the number of the other of its pair."""
        for number, body in self.bodies():
            yield whole(number, body, pairs.get(number))

    def records(self, pairs: Mapping[int, int]) -> Iterator[dict[str, Any]]:
        """Yield the same, read."""
        return map(json.loads, self.texts(pairs))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
