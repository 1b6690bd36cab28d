"""A crowd that says nothing delays nobody, is gone in time and leaves nothing."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.authority import Authority
from tests.interop.serving.crowd import crowd
from tests.interop.serving.variant import Variant
from tests.interop.serving.variants import VARIANTS

SILENT = 2_000
DEADLINE = 3.0
"""Seconds, in which a good client asks a few hundred times."""

KINDS = (
    *("uvicorn-asyncio", "uvicorn-uvloop", "gunicorn-sync", "gunicorn-gthread"),
    *("tornado", "twisted", "http.server", "cheroot", "waitress"),
)
"""One for each kind of loop; `make soak` has every server."""


@pytest.fixture(autouse=True)
def more_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_kinds_are_variants() -> None:
    assert {variant.name for variant in VARIANTS} >= set(KINDS)


@pytest.mark.parametrize(
    "variant",
    [variant for variant in VARIANTS if variant.name in KINDS],
    ids=lambda variant: variant.name,
)
def test_a_silent_crowd_delays_nobody_and_leaves_nothing(
    variant: Variant, authority: Authority, tmp_path: Path
) -> None:
    seen = crowd(
        variant,
        number=SILENT,
        deadline=DEADLINE,
        directory=tmp_path,
        authority=authority,
    )
    assert seen.faults(deadline=DEADLINE) == [], seen
