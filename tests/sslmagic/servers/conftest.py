"""What the servers' tests share: a process for a variant's rules, and both loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from tests.interop.authority import Authority
from tests.sslmagic.receiving import PATIENCE
from tests.sslmagic.servers.conduct import Conductor, Running

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


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


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs what is to end within bounded time, on each of the loops."""

    def runs(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(main, PATIENCE))

    return runs
