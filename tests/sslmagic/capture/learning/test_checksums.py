"""checksums.py: those that are right, behind what differs."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.checksums import Checksums
from sslmagic.wire.computed import Checksum
from tests.sslmagic.capture.learning.columned import columns

BODIES = [b"\xb1one", b"\xb1two", b"\xb1six"]


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize(
    ("algorithm", "width"),
    [("crc32c", 4), ("crc32", 4), ("sum16", 2), ("xor8", 1), ("sum8", 1)],
)
def test_every_algorithm(algorithm: str, width: int, order: str) -> None:
    order = order if width > 1 else "big"
    summed = Checksum(algorithm=algorithm, width=width, order=order)  # type: ignore[arg-type]
    found = Checksums(columns(*(body + summed.of(body) for body in BODIES)))
    for _ in range(2):
        steps = {step.parts: step for step in found.behind((4, 4, 4))}
        assert steps[(summed,)].cursors == (4 + width,) * 3
    assert (summed,) not in {step.parts for step in found.behind((3, 3, 3))}


def test_what_is_the_same_everywhere_is_no_checksum() -> None:
    xor8 = Checksum(algorithm="xor8")
    row = b"\xb1\0" + xor8.of(b"\xb1\0")
    found = Checksums(columns(row + b"\1", row + b"\2", row + b"\3"))
    assert [*found.behind((2, 2, 2))] == []
