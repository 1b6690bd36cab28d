"""family.py: why a family has no variant."""

from __future__ import annotations

import random

import pytest

from sslmagic.capture.learning.learner import learn
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint
from tests.sslmagic.capture.learning.invented import FIXED, Traffic

NODE = Endpoint("10.0.0.5", 8443)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "no connection whose client is known"),
        ([Sample(b"", Endpoint("1.2.3.4", 5), NODE)], "no preamble in front of any"),
        (
            [Sample(b"PROXY UNKNOWN\r\n", Endpoint("1.2.3.4", 5), NODE)],
            "none of 1 preambles of IPv4 clients names its client",
        ),
        (
            [Sample(b"\xb5\1\2\3\4", Endpoint("1.2.3.4", 50), NODE)],
            "the client's port is not found",
        ),
    ],
)
def test_what_teaches_nothing(samples: list[Sample], said: str) -> None:
    lesson = learn(samples, "nothing")
    assert (lesson.layout, lesson.sure, lesson.unknown) == (None, 0.0, 0)
    assert any(need.startswith(said) for need in lesson.needs)
    with pytest.raises(ValueError, match="nothing was learnt"):
        lesson.text()


def test_nothing_in_common_and_no_time_are_two_things() -> None:
    traffic = Traffic(FIXED[0], 5)
    clients = [traffic.endpoint(4) for _ in range(8)]
    chance = random.Random(5)
    samples = [
        Sample(
            b"<%s>%d;" % (one.host.encode(), one.port) + chance.randbytes(n), one, NODE
        )
        for n, one in enumerate(clients, 9)
    ]
    (common,) = learn(samples, "none").needs
    assert common.startswith("the preambles of IPv4 clients have too little")
    (late,) = learn(samples, "none", seconds=0.0).needs
    assert late.startswith("the search gave up")
