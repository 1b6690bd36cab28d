"""What the servers' tests stand on: one certificate authority for the session."""

from __future__ import annotations

import pytest

from tests.interop.authority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))
