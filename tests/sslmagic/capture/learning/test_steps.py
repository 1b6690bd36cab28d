"""steps.py: what may stand next, and what it costs."""

from __future__ import annotations

from sslmagic.capture.learning.columns import State, Step
from sslmagic.capture.learning.steps import Steps
from sslmagic.wire.fields import Address
from sslmagic.wire.parts import Literal, Unknown
from tests.sslmagic.capture.learning.columned import CLIENTS, samples


def behind(rows: list[bytes], at: int) -> list[Step]:
    state = State((at,) * len(rows), has_length=False, in_unknown=False)
    return [*Steps(samples(*rows)).behind(state)]


def test_a_field_costs_less_than_the_same_octets_unknown() -> None:
    rows = [bytes(map(int, one.host.split("."))) for one in CLIENTS]
    cost = {step.parts: step.cost for step in behind(rows, 0)}
    (field,) = (parts for parts in cost if isinstance(parts[0], Address))
    assert cost[field] < 4 * cost[(Unknown(width=1),)]


def test_what_stands_next_is_of_every_kind() -> None:
    rows = [
        b"\x04" + one.host.encode() + b" tail;"[: 6 - number]
        for number, one in enumerate(CLIENTS[:2])
    ]
    kinds = {type(step.parts[0]) for step in behind(rows, 0)}
    assert kinds == {Literal, Unknown}
    at_field = {type(step.parts[0]) for step in behind(rows, 1)}
    assert at_field >= {Address, Unknown}


def test_the_rest_is_unknown_only_where_a_length_says_so() -> None:
    rows = [b"abc", b"abcd"]
    for has_length in (False, True):
        state = State((1, 1), has_length=has_length, in_unknown=False)
        steps = Steps(samples(*rows)).behind(state)
        rest = [step for step in steps if step.cursors == (3, 4)]
        assert len(rest) == has_length
