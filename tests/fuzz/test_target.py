"""The fuzz target on a fixed budget: the same inputs on every run of the tests."""

from __future__ import annotations

import collections
import itertools
import random

from sslmagic.errors import Reason
from sslmagic.wire import FORMATS
from tests.fuzz.mutation import inputs, seeds
from tests.fuzz.target import TestOneInput, examine

INPUTS = 8_000
"""Some five seconds; ``python -m tests.fuzz`` goes on as long as it is told."""

OF_A_DECODER = (
    *(Reason.FORMAT, Reason.VERSION, Reason.COMMAND, Reason.FAMILY, Reason.LENGTH),
    *(Reason.OVERSIZE, Reason.LINE, Reason.ADDRESS, Reason.TLV, Reason.CHECKSUM),
    *(Reason.PROFILE, Reason.TRUNCATED),
)


def test_every_seed() -> None:
    for format, stream in seeds():
        for other in FORMATS:
            examine(other if stream[:1] else format, stream)


def test_mutations_of_the_vectors() -> None:
    found: collections.Counter[str | None] = collections.Counter()
    for data in itertools.islice(inputs(random.Random(20_261_123)), INPUTS):
        result = examine(FORMATS[data[0] % 3], data[1:], seed=data[0] // 3)
        found[result.reason] += 1
    assert found.total() == INPUTS
    # Inputs that all fail at their first octet would test nothing.
    assert found[None] > INPUTS / 20
    assert {reason.value for reason in OF_A_DECODER} <= found.keys()


def test_the_entry_that_fuzzers_call() -> None:
    TestOneInput(b"")
    for data in itertools.islice(inputs(random.Random(7)), 200):
        TestOneInput(data)
