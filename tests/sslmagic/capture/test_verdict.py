"""verdict.py: every verdict is said, and every refusal has one."""

from __future__ import annotations

import pytest

from sslmagic.capture.verdict import FINE, MEANINGS, Verdict
from sslmagic.errors import Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_verdict_by_its_own_name(reason: Reason) -> None:
    assert Verdict.of(reason).value == reason.value


def test_every_verdict_has_its_meaning() -> None:
    assert list(MEANINGS) == list(Verdict)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_fault_comes_with_what_to_do(verdict: Verdict) -> None:
    says, do = MEANINGS[verdict]
    assert says.endswith(".")
    assert do.endswith(".") or (not do and verdict in FINE)
