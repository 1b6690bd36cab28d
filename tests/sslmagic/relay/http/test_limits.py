"""The vendor's defaults, and what is out of range."""

from __future__ import annotations

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.relay.http.limits import HttpLimits


def test_the_defaults_are_the_vendors() -> None:
    limits = HttpLimits()
    assert (limits.keepalive_timeout, limits.max_reply_time) == (10, 30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"keepalive_timeout": -1},
        {"max_reply_time": float("nan")},
        {"longest_head": 1023},
        {"longest_head": 1048577},
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=name):
        HttpLimits(**wrong)  # type: ignore[arg-type]
