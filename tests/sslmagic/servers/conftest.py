"""What the servers' tests stand on: one process for all rules of a variant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.authority import Authority
from tests.sslmagic.servers.conduct import Conductor, Running


@pytest.fixture(scope="module")
def conductor(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Conductor]:
    with Conductor(tmp_path_factory.mktemp("run"), authority) as one:
        yield one


@pytest.fixture
def running(request: pytest.FixtureRequest, conductor: Conductor) -> Running:
    """The variant that is the parameter, in the process that the last test had too."""
    return conductor.run(request.param)
