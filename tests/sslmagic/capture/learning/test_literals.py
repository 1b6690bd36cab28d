"""literals.py: octet by octet, except for a long run."""

from __future__ import annotations

import random

from sslmagic.capture.learning.literals import literals
from sslmagic.wire.parts import Literal
from tests.sslmagic.capture.learning.columned import columns


def runs(rows: list[bytes], at: int) -> list[bytes]:
    found: list[bytes] = []
    for step in literals(columns(*rows), (at,) * len(rows)):
        (part,) = step.parts
        assert isinstance(part, Literal)
        assert step.cursors == (at + len(part.octets),) * len(rows)
        assert step.cost <= 8 * len(part.octets)
        found.append(part.octets)
    return found


def test_what_differs_is_none() -> None:
    assert runs([b"AB", b"AC"], 0) == [b"A"]
    assert runs([b"AB", b"AC"], 1) == []
    assert runs([b"AB", b"A"], 1) == []


CONSTANT = random.Random(1).randbytes(900)


def test_a_long_run_is_one_step_except_for_its_ends() -> None:
    rows = [CONSTANT + b"\1", CONSTANT + b"\2"]
    # Lengths stand at the front, and the front of what varies may be the same.
    assert runs(rows, 63) == [CONSTANT[63:64]]
    assert runs(rows, 64) == [CONSTANT[64:-16]]
    assert runs(rows, 884) == [CONSTANT[884:885]]
    assert runs([CONSTANT, CONSTANT], 64) == [CONSTANT[64:-16]]
    assert runs([CONSTANT, CONSTANT[:500]], 64) == [CONSTANT[64:484]]
    few = CONSTANT[:191]
    assert runs([few, few], 64) == [few[64:65]]


def test_a_long_run_ends_where_a_field_may_stand() -> None:
    there = bytes((198, 51, 100, 2))
    row = CONSTANT[:300] + there + CONSTANT[304:]
    rows = [row + b"\1", row + b"\2"]
    assert runs(rows, 64) == [row[64:300]]
    # The last few of them cost no more than octet by octet.
    assert runs(rows, 297) == [row[297:300]]
    for at in range(300, 304):
        assert runs(rows, at) == [row[at : at + 1]]
    assert runs(rows, 304) == [row[304:-16]]
