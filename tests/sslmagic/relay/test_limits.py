"""Limits: the vendor's defaults, their ranges, and shares of workers."""

from __future__ import annotations

from typing import Any

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.relay.limits import Limits


def test_the_defaults_are_the_vendors() -> None:
    limits = Limits()
    assert (limits.connect_timeout, limits.timeout) == (10, 300)
    assert (limits.max_transaction_duration, limits.max_connect_time) == (0, 4)
    assert limits.max_connection_attempts == limits.max_concurrent_connections == 0
    assert limits.max_client_buffer == limits.max_server_buffer == 65536


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": -1},
        {"connect_timeout": float("nan")},
        {"max_connect_time": 0},
        {"max_client_buffer": 1023},
        {"max_server_buffer": 16777217},
        {"max_concurrent_connections": -1},
    ],
    ids=str,
)
def test_what_makes_no_sense_names_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Limits(**wrong)


@pytest.mark.parametrize("total", [1, 2, 3, 10])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_shares_add_up(total: int, workers: int) -> None:
    limits = Limits(max_concurrent_connections=total)
    shares = [limits.share(number, workers) for number in range(workers)]
    assert sum(share or 0 for share in shares) == total
    assert None not in shares


def test_without_a_limit_there_is_no_share() -> None:
    assert Limits().share(0, 2) is None


@pytest.mark.parametrize(
    ("limits", "sweep"),
    [
        (Limits(), 5),
        (Limits(timeout=0), 5),
        (Limits(timeout=2), 0.2),
        (Limits(timeout=300, max_transaction_duration=1), 0.1),
        (Limits(timeout=0.001), 0.02),
    ],
)
def test_idle_connections_are_looked_at_in_time(limits: Limits, sweep: float) -> None:
    assert limits.sweep == pytest.approx(sweep)
