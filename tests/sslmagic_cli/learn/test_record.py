"""record.py: what was learnt, as programs read it."""

from __future__ import annotations

import json

from sslmagic.capture.learning.gathering import Gathered
from sslmagic.capture.learning.learner import learn
from sslmagic_cli.learn.record import recorded
from tests.sslmagic.capture.learning.invented import FIXED, Traffic


def test_every_octet_of_the_example_is_of_a_part() -> None:
    samples = Traffic(FIXED[3], 5).samples(8)
    lesson = learn(samples, "odd")
    said = recorded(lesson, Gathered(samples, nobodys=1, silent=2, strange=3))
    assert json.loads(json.dumps(said)) == said
    (variant,) = said["variants"]
    assert variant["samples"] == said["agreeing"] == len(lesson.agreeing)
    example = bytes.fromhex("".join(one["example"] for one in variant["parts"]))
    assert example == lesson.agreeing[0].octets
    # What has no meaning is not sure and not unsure.
    unsure = [one["name"] for one in variant["parts"] if one["sure"] is None]
    assert unsure == ["unknown"]
    assert (said["nobodys"], said["silent"], said["strange"]) == (1, 2, 3)
