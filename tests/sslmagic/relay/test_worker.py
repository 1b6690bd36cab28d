"""A worker: room, memory, and thousands of clients that say nothing."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import pytest

from sslmagic.relay.counters import Counters
from sslmagic.relay.limits import Limits
from sslmagic.relay.log import Log
from sslmagic.relay.worker import Worker
from tests.sslmagic.relay.harness import Backend, receive
from tests.sslmagic.relay.processes import Processes

IDLE = 5000
PER_CONNECTION = 3500
"""Octets: what HAProxy 2.6 takes for one that is half-way through a request head."""


def worker(number: int = 0, workers: int = 1) -> Worker:
    return Worker(number, workers, Counters(workers).row(number), Log(), sweep=5)


def test_room_is_the_limit_or_what_descriptors_allow() -> None:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = (descriptors - 64) // 2
    assert worker().room(Limits()) == most
    assert worker().room(Limits(max_concurrent_connections=10)) == 10
    assert worker().room(Limits(max_concurrent_connections=10**9)) == most
    assert worker(1, 3).room(Limits(max_concurrent_connections=1)) == 0


@pytest.mark.timeout(120)
def test_thousands_of_idle_clients_fit_into_one_worker(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    idle = min(IDLE, (hard - 200) // 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with contextlib.ExitStack() as stack:
            backend = stack.enter_context(Backend())
            backend.socket.listen(1024)
            relay = stack.enter_context(Processes([backend.address]))
            (pid,) = relay.workers()
            with relay.client(b"x"), backend.accept() as node:
                assert receive(node, 1) == b"x"
            before = _proportional(pid)
            nodes = []
            for _ in range(idle):
                stack.enter_context(relay.client(b"x"))
                nodes.append(stack.enter_context(backend.accept()))
            taken = (_proportional(pid) - before) / idle
            with capsys.disabled():
                said = f" {idle} idle clients, {taken:.0f} octets of memory each"
                sys.stdout.write(said)
            assert taken < PER_CONNECTION
            with relay.client(b"and one more"), backend.accept() as node:
                assert receive(node, 12) == b"and one more"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _proportional(pid: int) -> int:
    """Return the proportional set size of a process in octets."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not say")
