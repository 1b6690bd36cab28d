"""Every kind of peer does everything, to every server: who is believed is one table."""

from __future__ import annotations

import pytest

from tests.interop.authority import Authority
from tests.interop.serving.matrix import (
    PAGE,
    Measured,
    Setting,
    expected,
    measure,
    page,
    settings,
)
from tests.interop.serving.overflow import RIGHT
from tests.interop.serving.variants import VARIANTS

PATIENCE = 300.0
"""Seconds for all of it: a few servers at a time, and each meets a deadline."""


@pytest.fixture(scope="module")
def measured(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    """What is measured goes on while the first tests look at what is done."""
    return measure(authority, tmp_path_factory.mktemp("trust"))


@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("setting", settings(), ids=str)
def test_nobody_is_believed_who_may_not_be(
    measured: Measured, setting: Setting
) -> None:
    outcomes = measured.settings[setting].result(PATIENCE)
    assert outcomes == {cell: expected(cell) for cell in setting.cells()}


@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("variant", [each.name for each in VARIANTS])
def test_who_waited_longest_goes_when_too_many_wait(
    measured: Measured, variant: str
) -> None:
    assert measured.overflows[variant].result(PATIENCE) == RIGHT


@pytest.mark.timeout(PATIENCE)
def test_page_says_what_was_measured(measured: Measured) -> None:
    assert PAGE.read_text() == page(measured, patience=PATIENCE)
