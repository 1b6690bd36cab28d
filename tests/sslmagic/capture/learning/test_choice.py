"""choice.py: few that differ, and fewer where those have nothing in common."""

from __future__ import annotations

from sslmagic.capture.learning.choice import diverse, fewer
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint

NODE = Endpoint("10.0.0.5", 8443)


def of_lengths(*lengths: int) -> list[Sample]:
    return [
        Sample(bytes(length), Endpoint("192.0.2.1", number + 1), NODE)
        for number, length in enumerate(lengths)
    ]


def lengths(samples: list[Sample]) -> list[int]:
    return [len(one.octets) for one in samples]


def test_those_that_differ_in_length_come_first() -> None:
    assert lengths(diverse(of_lengths(5, 5, 5, 6, 7)))[:3] == [5, 6, 7]


def test_then_from_both_ends_inwards() -> None:
    ports = [one.client.port for one in diverse(of_lengths(*[5] * 100))]
    assert ports == [1, 100, 2, 99, 3, 98, 4, 97, 5, 96]


def test_few_are_all() -> None:
    assert sorted(lengths(diverse(of_lengths(3, 4)))) == [3, 4]
    assert diverse([]) == []


def test_whichever_is_odd_is_left_out_once() -> None:
    samples = of_lengths(5, 5, 5, 5, 90)
    chosen = [*fewer(samples, samples)]
    assert lengths(chosen[0]) == [5, 5, 5, 5]
    left_out = {one.client.port for few in chosen for one in samples if one not in few}
    assert left_out == {1, 2, 3, 4, 5}


def test_no_fewer_than_three_stand_for_all() -> None:
    samples = of_lengths(5, 5, 90)
    assert [*fewer(samples, samples)] == []
