"""comparison.py: which listeners do the same, whatever the seconds and addresses."""

from __future__ import annotations

import dataclasses

from sslmagic.probe.answer import Came
from sslmagic.probe.comparison import alike
from sslmagic.probe.report import Belief, Report, Speech
from tests.sslmagic.probe.reports import INSIDE, refused, report, taken, trial


def are_alike(one: Report, other: Report) -> bool:
    return alike([one, other]) == ((one, other),)


def test_who_does_the_same_at_another_pace_is_alike() -> None:
    one = report(taken(), refused("magic"), silent=trial(lasted=1.0))
    assert are_alike(one, report(taken(), refused("magic"), silent=trial(lasted=1.2)))
    assert are_alike(one, dataclasses.replace(one, source=INSIDE, seconds=9.0))


def test_who_ends_a_wait_is_unlike_who_does_not() -> None:
    ending = report(taken(), silent=trial(lasted=1.0))
    waiting = report(taken(), silent=trial(lasted=3.0, ended=False))
    assert not are_alike(ending, waiting)
    # As late as it was listened to, either may be seen.
    assert are_alike(report(taken(), silent=trial(lasted=2.99)), waiting)


def test_what_was_asked_only_in_doubt_makes_no_difference() -> None:
    again = taken(trials={"again": trial(taken=True), "control": trial()})
    assert are_alike(report(taken()), report(again))


def test_whatever_else_was_found_makes_one() -> None:
    one = report(taken())
    for other in (
        report(taken(belief=Belief.BELIEVED)),
        report(taken("proxy1")),
        report(taken(), speaks=Speech.TLS),
        report(taken(trials={"nested": trial(taken=True)})),
        report(refused("proxy2")),
        report(taken(), first=trial(came=Came.UNREACHABLE)),
        dataclasses.replace(one, stopped="1 s were over"),
    ):
        assert not are_alike(one, other)


def test_those_alike_stand_together_in_their_order() -> None:
    a, b, c = report(taken()), report(refused("magic")), report(taken())
    assert alike([a, b, c]) == ((a, c), (b,))
