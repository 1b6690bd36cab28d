"""Accepting: limits, descriptors, faults, and the clients who wait meanwhile."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
import time

import pytest

from sslmagic.relay.limits import Limits
from sslmagic.relay.sender import Gateway
from tests.sslmagic.relay.harness import (
    Backend,
    Running,
    gateway,
    is_closed,
    receive,
)


def test_at_the_limit_clients_wait_until_there_is_room() -> None:
    limits = Limits(max_concurrent_connections=2)
    with Backend() as backend, contextlib.ExitStack() as stack:
        relay = stack.enter_context(Running(gateway(backend.address, limits=limits)))
        clients = [stack.enter_context(relay.client(b"x")) for _ in range(3)]
        nodes = [stack.enter_context(backend.accept()) for _ in range(2)]
        relay.until(accepted=2, full=1)
        backend.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            backend.accept()
        backend.socket.settimeout(10)
        clients[0].close()
        nodes[0].close()
        relay.until(accepted=3)
        with backend.accept() as third:
            assert receive(third, 1) == b"x"


def test_a_client_for_whose_node_there_is_no_descriptor_is_closed() -> None:
    with Backend() as backend:
        with Running(gateway(backend.address)) as relay:
            clients = [relay.client() for _ in range(3)]
            relay.until(accepted=3)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            with relay.client() as client:
                relay.until(accepted=4)
                before = os.dup(0)
                os.close(before)
                resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
                try:
                    client.sendall(b"x")
                    # No descriptor for its node: the client is closed, and counted.
                    assert is_closed(client)
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                relay.until(descriptors=1, connect_failed=1)
            for client in clients:
                client.sendall(b"y")
                with backend.accept() as node:
                    assert receive(node, 1) == b"y"
                client.close()


def test_without_descriptors_clients_wait_and_nothing_spins() -> None:
    with Backend() as backend, contextlib.ExitStack() as stack:
        relay = stack.enter_context(Running(gateway(backend.address)))
        client = stack.enter_context(contextlib.closing(_unconnected()))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            client.connect(relay.name)
            client.sendall(b"x")
            began = time.process_time()
            relay.when(lambda: relay.counts().get("descriptors", 0) >= 3)
            assert time.process_time() - began < 0.2
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        with backend.accept() as node:
            assert receive(node, 1) == b"x"


def test_a_fault_with_one_client_is_no_fault_of_the_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Gateway.accepted
    faults = threading.Semaphore(1)

    def accepted(self: Gateway, *arguments: object) -> None:
        if faults.acquire(blocking=False):
            raise ZeroDivisionError
        original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Gateway, "accepted", accepted)
    with Backend() as backend, Running(gateway(backend.address)) as relay:
        with relay.client(b"x") as first:
            assert is_closed(first)
            relay.until(faults=1)
        assert "ZeroDivisionError" in relay.said()
        with relay.client(b"y"), backend.accept() as node:
            assert receive(node, 1) == b"y"
        relay.when(lambda: relay.server.live == 0)


def test_who_waits_in_the_queue_is_accepted_before_the_end() -> None:
    with Backend() as backend, contextlib.ExitStack() as stack:
        relay = stack.enter_context(Running(gateway(backend.address)))
        acceptor = relay.server.acceptors[0]
        relay.call(acceptor.pause)
        relay.when(lambda: acceptor not in relay.worker.loop.handlers())
        clients = [stack.enter_context(relay.client(b"x")) for _ in range(5)]
        relay.call(acceptor.end)
        relay.until(joined=5)
        assert len(clients) == 5
        with pytest.raises(ConnectionError):
            relay.client()


def _unconnected() -> socket.socket:
    connection = socket.socket()
    connection.settimeout(10)
    return connection
