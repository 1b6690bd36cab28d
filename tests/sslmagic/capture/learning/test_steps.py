"""steps.py: what may stand next, and what it costs."""

from __future__ import annotations

import random

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.steps import State, Step, Steps
from sslmagic.preamble import Endpoint
from sslmagic.wire.fields import Address
from sslmagic.wire.parts import Literal, Unknown

SHOP = Endpoint("198.51.100.2", 443)
CLIENTS = [Endpoint("203.0.113.9", 51234), Endpoint("8.8.4.4", 1234)]


def steps(rows: list[bytes], at: int) -> list[Step]:
    samples = [Sample(*row, SHOP) for row in zip(rows, CLIENTS, strict=True)]
    state = State((at,) * len(rows), has_length=False, in_unknown=False)
    return [*Steps(samples).behind(state)]


def literals(rows: list[bytes], at: int) -> list[bytes]:
    return [
        part.octets
        for step in steps(rows, at)
        for part in step.parts[:1]
        if isinstance(part, Literal)
    ]


def test_a_field_costs_less_than_the_same_octets_unknown() -> None:
    rows = [bytes(map(int, one.host.split("."))) for one in CLIENTS]
    cost = {step.parts: step.cost for step in steps(rows, 0)}
    (field,) = (parts for parts in cost if isinstance(parts[0], Address))
    assert cost[field] < 4 * cost[(Unknown(width=1),)]
    assert literals(rows, 0) == []


CONSTANT = random.Random(1).randbytes(900)


def test_a_long_run_is_one_step_except_for_its_ends() -> None:
    rows = [CONSTANT + b"\1", CONSTANT + b"\2"]
    # Lengths stand at the front, and the front of what varies may be the same.
    assert literals(rows, 63) == [CONSTANT[63:64]]
    assert literals(rows, 64) == [CONSTANT[64:-16]]
    assert literals(rows, 884) == [CONSTANT[884:885]]
    assert literals([CONSTANT, CONSTANT], 64) == [CONSTANT[64:-16]]
    assert literals([CONSTANT, CONSTANT[:500]], 64) == [CONSTANT[64:484]]
    few = CONSTANT[:191]
    assert literals([few, few], 64) == [few[64:65]]


def test_a_long_run_ends_where_a_field_may_stand() -> None:
    there = bytes((198, 51, 100, 2))
    row = CONSTANT[:300] + there + CONSTANT[304:]
    rows = [row + b"\1", row + b"\2"]
    assert literals(rows, 64) == [row[64:300]]
    for at in range(300, 304):
        assert literals(rows, at) == [row[at : at + 1]]
    assert literals(rows, 304) == [row[304:-16]]
    assert Address(of="destination") in {step.parts[0] for step in steps(rows, 300)}
