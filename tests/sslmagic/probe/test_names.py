"""names.py: what people call the formats, and several of them."""

from __future__ import annotations

import pytest

from sslmagic.probe.names import NAMES, joined, listed
from sslmagic.wire import FORMATS
from tests.sslmagic.probe.reports import refused


def test_every_format_has_a_name() -> None:
    assert set(NAMES) == set(FORMATS)


@pytest.mark.parametrize(
    ("names", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_several_stand_in_a_sentence(names: list[str], said: str) -> None:
    assert joined(names) == said


def test_formats_are_listed_by_name() -> None:
    both = [refused("proxy1"), refused("proxy2")]
    assert listed(both, "or") == "PROXY v1 or PROXY v2"
