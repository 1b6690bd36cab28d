"""Threads, signals, forks and want of descriptors: what ends accept, and what not."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import resource
import select
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sslmagic.listener import Listener
from sslmagic.listener.connection import receive
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    connect,
    ended,
    listening,
    open_descriptors,
    settled_descriptors,
)


def take_every_descriptor() -> list[int]:
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.dup(0))
    return taken


def test_many_threads_accept(listener: Listener) -> None:
    clients = [connect(listener, OCTETS[:12]) for _ in range(60)]

    def serve(_: int) -> int:
        connection, name = listener.accept()
        with connection:
            assert name == CLIENT
            return int(connection.recv(2))

    with ThreadPoolExecutor(8) as pool:
        served = [pool.submit(serve, i) for i in range(60)]
        for number, client in enumerate(clients):
            client.sendall(OCTETS[12:] + b"%02d" % number)
        numbers = {future.result(PATIENCE) for future in served}
    assert numbers == set(range(60))
    for client in clients:
        client.close()


def test_a_thread_that_waits_keeps_nobody_from_trying(listener: Listener) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(listener.accept)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        with connect(listener, OCTETS):
            waiting.result(PATIENCE)[0].close()


@pytest.mark.parametrize("threads", [1, 5])
def test_closing_wakes_who_waits(threads: int) -> None:
    before = settled_descriptors()
    listener = Listener(listening(), trust=LOOPBACK)
    inside = threading.Barrier(threads + 1)

    def wait() -> int | None:
        inside.wait(PATIENCE)
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            listener.accept()
        return caught.value.errno

    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(wait) for _ in range(threads)]
        silent = connect(listener)
        inside.wait(PATIENCE)
        listener.close()
        assert {w.result(PATIENCE) for w in waiting} == {errno.EBADF}
    assert ended(silent)
    silent.close()
    assert listener.fileno() == -1
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        listener.accept()
    assert open_descriptors() == before


def test_a_listener_that_is_closed_neither_pauses_nor_resumes() -> None:
    """Another thread may have closed it that very moment."""
    listener = Listener(listening(), trust=LOOPBACK)
    listener.close()
    listener.pause()
    listener.resume()


def test_a_signal_handler_may_close_it() -> None:
    listener = Listener(listening(), trust=LOOPBACK)

    def close(*_: object) -> None:
        listener.close()

    previous = signal.signal(signal.SIGUSR1, close)
    ringing = threading.Timer(
        0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1)
    )
    try:
        ringing.start()
        with pytest.raises(OSError, match="Bad file descriptor"):
            listener.accept()
    finally:
        ringing.join()
        signal.signal(signal.SIGUSR1, previous)


def test_a_signal_handler_may_close_it_in_the_midst_of_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the handler interrupts: here the reading of what a connection sent."""
    before = settled_descriptors()
    listener = Listener(listening(), trust=LOOPBACK)

    def interrupted(*arguments: Any) -> Any:
        outcome = receive(*arguments)
        listener.close()
        return outcome

    monkeypatch.setattr("sslmagic.listener.arrivals.receive", interrupted)
    with connect(listener, OCTETS[:5]) as client:
        with pytest.raises(OSError, match="Bad file descriptor"):
            listener.accept()
        assert ended(client)
    assert open_descriptors() == before


def test_shutting_down_ends_accept(listener: Listener) -> None:
    listener.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OSError, match="Invalid argument"):
        listener.accept()


def test_one_that_is_forgotten_gives_its_descriptors_back() -> None:
    before = settled_descriptors()
    with pytest.warns(ResourceWarning):
        Listener(listening(), trust=LOOPBACK)
    assert open_descriptors() == before


def test_out_of_descriptors_it_goes_on(listener: Listener) -> None:
    clients = [connect(listener, OCTETS) for _ in range(3)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    listener.settimeout(0.5)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(open_descriptors()) + 20, hard))
    try:
        taken = take_every_descriptor()
        spent = time.process_time()
        with pytest.raises(TimeoutError):
            listener.accept()
        assert time.process_time() - spent < 0.25
        os.close(taken.pop())
        listener.settimeout(PATIENCE)
        connection, name = listener.accept()
        assert name == CLIENT
        connection.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)
        for client in clients:
            client.close()


def test_it_does_not_travel_between_processes(listener: Listener) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="make one in each process"):
            pickle.dumps(listener, protocol)


def test_after_a_fork_both_accept_and_share_nobody(listener: Listener) -> None:
    waiting = connect(listener, OCTETS[:5])
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.settimeout(PATIENCE)
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover  # another process
        status = 1
        try:
            connection, name = listener.accept()
            os.write(tell, repr((name, listener.counters.accepted)).encode())
            connection.close()
            status = 0
        finally:
            os._exit(status)
    with connect(listener, OCTETS):
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert os.read(told, 100) == repr((CLIENT, 1)).encode()
    waiting.sendall(OCTETS[5:])
    connection, name = listener.accept()
    assert name == CLIENT
    assert socket.socket.getpeername(connection) == waiting.getsockname()
    assert listener.counters.accepted == 1
    connection.close()
    waiting.close()
    os.close(told)
    os.close(tell)


def test_a_descriptor_of_a_child_is_watched_in_the_child(listener: Listener) -> None:
    """Who watched the number before the fork watches the child's own from then on."""
    number = listener.fileno()
    pid = os.fork()
    if pid == 0:  # pragma: no cover  # another process
        status = 1
        try:
            assert listener.fileno() == number
            assert select.select([number], [], [], PATIENCE)[0]
            listener.accept()[0].close()
            assert not select.select([number], [], [], 0)[0]
            status = 0
        finally:
            os._exit(status)
    with connect(listener, OCTETS):
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not select.select([number], [], [], 0)[0]
