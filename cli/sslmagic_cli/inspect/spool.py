"""Records that wait on the disk until the pairs are known.

Which connection belongs to which is known only when all are there, and there may be
more than memory holds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Spool"]


class Spool:
    """A file without a name, of one JSON object a line."""

    def __init__(self) -> None:
        # Small captures never reach the disk.
        self._file = tempfile.SpooledTemporaryFile(1 << 20, "w+b")  # noqa: SIM115
        self.count = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Put *record* behind the others."""
        self._file.write(json.dumps(record).encode() + b"\n")
        self.count += 1

    def records(self, pairs: Mapping[int, int]) -> Iterator[dict[str, Any]]:
        """Yield all, each with the number of the connection it makes a pair with."""
        self._file.seek(0)
        for line in self._file:
            record: dict[str, Any] = json.loads(line)
            record["pair"] = pairs.get(record["number"])
            yield record

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
