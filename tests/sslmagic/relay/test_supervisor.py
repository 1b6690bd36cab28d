"""Processes: ready, signals, grace, and workers that die."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from sslmagic.relay.counters import Counters
from sslmagic.relay.log import Log
from sslmagic.relay.supervisor import StartError, Supervisor
from sslmagic.relay.worker import Worker
from tests.sslmagic.relay.harness import Backend, is_closed, receive
from tests.sslmagic.relay.processes import Processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_clients_it_ends_at_once(number: signal.Signals) -> None:
    with Backend() as backend, Processes([backend.address], workers=2) as relay:
        assert len(relay.workers()) == 2
        began = time.monotonic()
        relay.tell(number)
        code, said = relay.ended()
        assert code == 0
        assert said.startswith("magic: counters")
        assert time.monotonic() - began < 3


def test_clients_may_finish_and_new_ones_may_not_come() -> None:
    with Backend() as backend, Processes([backend.address], grace=20) as relay:
        with relay.client(b"question") as client, backend.accept() as node:
            assert receive(node, 8) == b"question"
            relay.tell(signal.SIGTERM)
            relay.until_refused()
            node.sendall(b"answer")
            assert receive(client, 6) == b"answer"
            node.close()
            client.close()
            assert relay.ended()[0] == 0


def test_the_grace_ends() -> None:
    with Backend() as backend, Processes([backend.address], grace=0.3) as relay:
        with relay.client(b"x") as client, backend.accept():
            began = time.monotonic()
            relay.tell(signal.SIGTERM)
            code, said = relay.ended()
            assert code == 0
            assert "aborted=1" in said
            assert 0.2 < time.monotonic() - began < 4
            assert is_closed(client)


def test_a_second_signal_ends_the_grace() -> None:
    with Backend() as backend, Processes([backend.address], grace=60) as relay:
        with relay.client(b"x"), backend.accept():
            relay.tell(signal.SIGTERM)
            relay.until_refused()
            relay.tell(signal.SIGTERM)
            assert relay.ended()[0] == 0


def test_a_signal_to_the_whole_group_leaves_the_grace() -> None:
    """systemd tells every process of a service; the supervisor, its workers."""
    with Backend() as backend, Processes([backend.address], grace=20) as relay:
        (worker,) = relay.workers()
        with relay.client(b"question") as client, backend.accept() as node:
            assert receive(node, 8) == b"question"
            relay.tell(signal.SIGTERM)
            relay.until_refused()
            os.kill(worker, signal.SIGTERM)
            # One round for the signal, and one more for the octets after it.
            for octets in (b"and", b"yet"):
                node.sendall(octets)
                assert receive(client, 3) == octets
            node.close()
            client.close()
            code, said = relay.ended()
            assert code == 0
            assert "closed=1" in said


_NO_SECOND_FORK = """
import errno, os
real, calls = os.fork, []
def fork():
    calls.append(0)
    if len(calls) == 2:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return real()
os.fork = fork
"""


def test_a_worker_that_cannot_be_replaced_now_is_replaced_later() -> None:
    with Backend() as backend:
        with Processes([backend.address], before=_NO_SECOND_FORK) as relay:
            (worker,) = relay.workers()
            os.kill(worker, signal.SIGKILL)
            assert "was ended by SIGKILL" in relay.line()
            assert "no worker can start: Resource temporarily" in relay.line()
            with relay.client(b"waiting"), backend.accept() as node:
                assert receive(node, 7) == b"waiting"


def test_it_does_not_begin_with_too_few_workers() -> None:
    with Backend() as backend:
        relay = Processes([backend.address], workers=2, before=_NO_SECOND_FORK)
        with relay.process:
            code, said = relay.ended()
        assert code == 1
        assert "StartError: no worker can start: Resource temporarily" in said


def test_a_worker_that_is_killed_is_replaced_and_nobody_in_the_queue_lost() -> None:
    with Backend() as backend, Processes([backend.address]) as relay:
        (worker,) = relay.workers()
        os.kill(worker, signal.SIGSTOP)
        with relay.client(b"waiting") as client:
            os.kill(worker, signal.SIGKILL)
            assert f"worker {worker} was ended by SIGKILL" in relay.line()
            with backend.accept() as node:
                assert receive(node, 7) == b"waiting"
                node.sendall(b"served")
                assert receive(client, 6) == b"served"
        relay.tell(signal.SIGTERM)
        code, said = relay.ended()
        assert code == 0
        assert "joined=1" in said


def test_a_worker_that_is_told_to_end_loses_nobody() -> None:
    """All clients come while workers end one after the other and are replaced."""
    with Backend() as backend, Processes([backend.address], workers=2) as relay:
        served = 0
        for round_ in range(60):
            if round_ in {10, 30}:
                for worker in relay.workers():
                    os.kill(worker, signal.SIGTERM)
            with relay.client(b"x") as client, backend.accept() as node:
                assert receive(node, 1) == b"x"
                node.sendall(b"y")
                assert receive(client, 1) == b"y"
                served += 1
        assert served == 60


def test_counters_can_be_asked_for() -> None:
    with Backend() as backend, Processes([backend.address]) as relay:
        with relay.client(b"x"), backend.accept():
            said = ""
            while "joined=1" not in said:
                relay.tell(signal.SIGUSR1)
                said = relay.line()
                assert said.startswith("magic: counters accepted=1")


def test_workers_do_not_outlive_their_supervisor() -> None:
    with Backend() as backend, Processes([backend.address], grace=0) as relay:
        (worker,) = relay.workers()
        watch = os.pidfd_open(worker)
        try:
            relay.process.kill()
            import select

            readable, _, _ = select.select([watch], [], [], 10)
            assert readable
        finally:
            os.close(watch)


def test_descriptors_are_as_many_as_the_system_allows() -> None:
    with Backend() as backend, Processes([backend.address]) as relay:
        (worker,) = relay.workers()
        for line in Path(f"/proc/{worker}/limits").read_text().splitlines():
            if line.startswith("Max open files"):
                _, soft, hard, *_ = line.rsplit(maxsplit=3)
                assert soft == hard


def test_a_worker_that_cannot_start_is_an_error() -> None:
    def build(worker: Worker) -> object:
        raise ZeroDivisionError

    reader, writer = os.pipe()
    supervisor = Supervisor([], build, log=Log(writer))  # type: ignore[arg-type]
    with contextlib.closing(os.fdopen(reader)) as said:
        with pytest.raises(StartError):
            supervisor.run(lambda _: None)
        os.close(writer)
        assert "ZeroDivisionError" in said.read()


def test_it_counts_for_every_worker() -> None:
    supervisor = Supervisor([], lambda _: None, workers=3)  # type: ignore[arg-type, return-value]
    assert isinstance(supervisor.counters, Counters)
    assert supervisor.counters.row(2)[0] == 0
