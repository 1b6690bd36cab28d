"""table.py: what was learnt, as people read it."""

from __future__ import annotations

import dataclasses
import io

from sslmagic.capture.learning.gathering import Gathered
from sslmagic.capture.learning.learner import learn
from sslmagic_cli.learn.table import drawn
from tests.sslmagic.capture.learning.invented import FIXED, Traffic


def test_those_that_are_not_read_are_numbered_up_to_a_few() -> None:
    samples = Traffic(FIXED[3], 5).samples(8)
    strange = [
        dataclasses.replace(one, octets=b"odd", number=n)
        for n, one in enumerate(Traffic(FIXED[3], 6).samples(7), 100)
    ]
    lesson = learn([*samples, *strange], "odd")
    gathered = Gathered(samples, nobodys=1, silent=0, strange=3)
    said = " ".join(drawn(lesson, gathered, io.StringIO()).split())
    assert "8 connections agree" in said
    assert "7 are not read (100, 101, 102, 103, 104, ...)" in said
    assert "name another client" not in said
    assert "1 are of clients that are not known, 3 without TLS or HTTP." in said
    assert said.endswith(f"- {lesson.needs[-1]}")
