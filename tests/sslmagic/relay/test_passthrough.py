"""Clients between accept and join: silence, drips, and who is not held up by them."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from sslmagic.relay.limits import Limits
from tests.sslmagic.relay.harness import (
    HELLO,
    Backend,
    Running,
    closed_address,
    gateway,
    is_closed,
    receive,
    reset,
)

SHORT = Limits(connect_timeout=0.4)


@pytest.mark.parametrize("first", [b"", HELLO[:3]], ids=["silent", "three octets"])
def test_who_sends_too_little_leaves_by_the_deadline(first: bytes) -> None:
    with Backend() as backend:
        build = gateway(backend.address, protocol="ssl", limits=SHORT)
        with Running(build) as relay:
            began = time.monotonic()
            with relay.client(first) as client:
                assert is_closed(client)
            assert 0.3 < time.monotonic() - began < 3
            relay.until(connect_timeout=1)
            assert relay.server.live == 0


def test_a_client_that_drips_leaves_by_the_same_deadline() -> None:
    """The time counts from the start: an octet does not buy more of it."""
    with Backend() as backend:
        build = gateway(backend.address, protocol="client_first", limits=SHORT)
        with Running(build) as relay, relay.client() as client:
            client.settimeout(0.1)
            began = time.monotonic()
            with contextlib.suppress(ConnectionError):
                for index in range(12):
                    client.sendall(b"\r\n\r\n\0\r\nQUIT\n"[index : index + 1])
                    try:
                        if client.recv(1) == b"":
                            break
                    except TimeoutError:
                        continue
            assert time.monotonic() - began < 1.1
            relay.until(connect_timeout=1)


def test_silent_clients_hold_up_nobody() -> None:
    with Backend() as backend, contextlib.ExitStack() as stack:
        build = gateway(backend.address, protocol="ssl", limits=SHORT)
        relay = stack.enter_context(Running(build))
        silent = [stack.enter_context(relay.client()) for _ in range(100)]
        began = time.monotonic()
        for _ in range(20):
            with relay.client(HELLO), backend.accept() as node:
                assert receive(node, len(HELLO)) == HELLO
        assert time.monotonic() - began < 5
        assert all(is_closed(client) for client in silent)
        relay.until(connect_timeout=100)


def test_with_a_deferring_listener_silence_ends_as_well() -> None:
    """The kernel keeps a silent client to itself for a second, and then tells."""
    with Backend() as backend:
        build = gateway(backend.address, protocol="ssl", limits=SHORT)
        with Running(build, defer=True) as relay, relay.client() as client:
            assert is_closed(client)
            relay.until(connect_timeout=1)


def test_a_client_that_ends_at_once_is_counted() -> None:
    with Backend() as backend, Running(gateway(backend.address)) as relay:
        relay.client().close()
        relay.until(empty=1)


def test_a_client_that_resets_at_once_is_counted() -> None:
    with Backend() as backend, Running(gateway(backend.address)) as relay:
        client = relay.client()
        relay.until(accepted=1)
        reset(client)
        relay.until(client_reset=1)


def test_a_client_that_resets_while_a_node_is_sought_is_counted() -> None:
    with Backend() as backend:
        full = backend.address
        with contextlib.ExitStack() as stack:
            _fill(backend, stack)
            with Running(gateway(full)) as relay:
                client = relay.client(b"x")
                relay.when(lambda: relay.seeking() == 1)
                reset(client)
                relay.until(client_reset=1)
                assert relay.seeking() == 0


def test_an_end_that_comes_with_the_last_octets_is_not_missed() -> None:
    """One event tells of both, and only the octets are read at first."""
    with Backend() as backend, Running(gateway(backend.address)) as relay:
        with relay.client() as client:
            relay.when(lambda: len(relay.worker.loop.handlers()) == 3)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            client.sendall(b"\r\n")
            client.shutdown(socket.SHUT_WR)
            with backend.accept() as node:
                assert receive(node, 2) == b"\r\n"
                assert node.recv(1) == b""


def test_without_a_node_the_client_is_closed() -> None:
    with Running(gateway(closed_address())) as relay, relay.client(b"x") as client:
        assert is_closed(client)
        relay.until(connect_failed=1, node_failed=1)
        assert "Connection refused" in relay.said()


def _fill(backend: Backend, stack: contextlib.ExitStack) -> None:
    """Fill the queue of a listener, so that nobody else is answered."""
    backend.socket.listen(0)
    name = backend.socket.getsockname()
    for _ in range(4):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(name)
