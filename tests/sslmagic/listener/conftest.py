"""What the listener's tests listen with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sslmagic.listener import Listener
from tests.sslmagic.receiving import (
    LOOPBACK,
    PATIENCE,
    listening,
)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(listening(), trust=LOOPBACK) as made:
        made.settimeout(PATIENCE)
        yield made
