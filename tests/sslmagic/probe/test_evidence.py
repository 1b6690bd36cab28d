"""evidence.py: the stance that follows from what was heard so far."""

from __future__ import annotations

import pytest

from sslmagic.probe.answer import Came
from sslmagic.probe.evidence import Evidence
from sslmagic.probe.report import Speech, Stance
from tests.sslmagic.probe.reports import trial

TAKEN, REFUSED = trial(taken=True, came=Came.TLS), trial()


def heard(
    *,
    behind: Speech | None = Speech.TLS,
    is_alike: bool = False,
    speaks: Speech | None = None,
) -> Evidence:
    """One format whose whole preamble was asked, and all that it takes."""
    evidence = Evidence(["proxy2"])
    evidence.speaks = speaks
    one = evidence.formats["proxy2"]
    one.trials["whole"] = TAKEN if behind else REFUSED
    one.behind, one.is_alike, one.is_complete = behind, is_alike, True
    return evidence


@pytest.mark.parametrize(
    ("evidence", "stance"),
    [
        (heard(), Stance.REQUIRED),
        (heard(speaks=Speech.TLS), Stance.ACCEPTED),
        (heard(speaks=Speech.HTTP, is_alike=True), Stance.IGNORED),
        (heard(behind=None), Stance.REFUSED),
        (heard(behind=None, is_alike=True), Stance.UNKNOWN),
        (heard(speaks=Speech.FIRST), Stance.UNKNOWN),
    ],
)
def test_a_stance_follows(evidence: Evidence, stance: Stance) -> None:
    assert evidence.stance("proxy2") is stance
    (one,) = evidence.reports()
    assert one.stance is stance
    assert one.is_taken is (
        stance in (Stance.REQUIRED, Stance.ACCEPTED, Stance.IGNORED)
    )


def test_an_answer_that_differs_the_second_time_leaves_it_unknown() -> None:
    evidence = heard()
    evidence.formats["proxy2"].trials["again"] = REFUSED
    assert evidence.stance("proxy2") is Stance.UNKNOWN
    evidence = heard()
    evidence.again.append((REFUSED, REFUSED))
    assert evidence.stance("proxy2") is Stance.REQUIRED
    evidence.again.append((REFUSED, TAKEN))
    assert evidence.stance("proxy2") is Stance.UNKNOWN


def test_what_was_not_asked_to_its_end_is_not_reported() -> None:
    evidence = heard()
    evidence.formats["proxy2"].is_complete = False
    assert list(evidence.reports()) == []
    assert evidence.behind == {Speech.TLS}
