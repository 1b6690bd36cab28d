"""What every test with real peers stands on: one authority for the whole session."""

from __future__ import annotations

import ssl

import pytest

from tests.interop.authority import Authority
from tests.interop.peers import LOOPBACK


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=sorted(LOOPBACK))
def family(request: pytest.FixtureRequest) -> str:
    """The address family of the client's hop and of the one to the node."""
    return str(request.param)


@pytest.fixture(
    params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: one.name
)
def version(request: pytest.FixtureRequest) -> ssl.TLSVersion:
    assert isinstance(request.param, ssl.TLSVersion)
    return request.param
