"""Nodes: in turn, the next one when one fails, and none twice after an octet."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import pytest

from sslmagic.decoder import decode
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.limits import Limits
from tests.sslmagic.relay.harness import (
    Backend,
    Running,
    closed_address,
    gateway,
    is_closed,
    receive,
    reset,
    rest,
)


def test_nodes_take_turns() -> None:
    with contextlib.ExitStack() as stack:
        backends = [stack.enter_context(Backend()) for _ in range(3)]
        relay = stack.enter_context(Running(gateway(*(b.address for b in backends))))
        for backend in backends * 2:
            with relay.client(b"x"), backend.accept() as node:
                assert receive(node, 1) == b"x"


def test_the_next_node_is_tried_when_one_refuses() -> None:
    with Backend() as backend:
        nodes = (closed_address(), closed_address(), backend.address)
        with Running(gateway(*nodes, enhance="magic")) as relay:
            with relay.client(b"x") as client, backend.accept() as node:
                client.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(node), "magic")
                assert preamble.source == Endpoint(*client.getsockname())
                assert octets == b"x"
            assert relay.counts()["node_failed"] == 2


def test_the_next_node_is_tried_when_one_is_unreachable() -> None:
    unreachable = Address.of(Endpoint("255.255.255.255", 9))
    with Backend() as backend:
        with Running(gateway(unreachable, backend.address)) as relay:
            with relay.client(b"x"), backend.accept() as node:
                assert receive(node, 1) == b"x"
                assert relay.counts()["node_failed"] == 1


def test_the_next_node_is_tried_when_one_does_not_answer() -> None:
    limits = Limits(max_connect_time=0.3)
    with Backend() as silent, Backend() as backend, contextlib.ExitStack() as stack:
        fill(silent, stack)
        with Running(gateway(silent.address, backend.address, limits=limits)) as relay:
            began = time.monotonic()
            with relay.client(b"x") as client, backend.accept() as node:
                assert receive(node, 1) == b"x"
                assert 0.2 < time.monotonic() - began < 3
                node.sendall(b"y")
                assert receive(client, 1) == b"y"
            relay.until(node_failed=1)


def test_a_node_that_answers_late_gets_everything() -> None:
    """The client's octets and its end come while the node is waited for."""
    with Backend() as late, contextlib.ExitStack() as stack:
        fillers = fill(late, stack)
        with Running(gateway(late.address, enhance="magic")) as relay:
            with relay.client(b"first") as client:
                relay.when(lambda: relay.seeking() == 1)
                client.sendall(b", second")
                client.shutdown(socket.SHUT_WR)
                for _ in range(len(fillers)):
                    connection = late.accept()
                    if connection.getpeername() not in fillers:
                        break
                    connection.close()
                else:
                    connection = late.accept()
                with connection:
                    _, octets = decode(rest(connection), "magic")
                    assert octets == b"first, second"
                    connection.sendall(b"third")
                    connection.close()
                    assert rest(client) == b"third"


def test_attempts_are_limited() -> None:
    limits = Limits(max_connection_attempts=2)
    with Backend() as backend:
        nodes = (closed_address(), closed_address(), backend.address)
        with Running(gateway(*nodes, limits=limits)) as relay:
            with relay.client(b"x") as client:
                assert is_closed(client)
                relay.until(node_failed=2, connect_failed=1)


def test_no_other_node_is_tried_after_an_octet() -> None:
    with Backend() as first, Backend() as second:
        with Running(gateway(first.address, second.address)) as relay:
            with relay.client(b"x") as client:
                node = first.accept()
                assert receive(node, 1) == b"x"
                reset(node)
                assert is_closed(client)
                relay.until(node_reset=1)
                second.socket.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    second.accept()


def test_a_unix_node_whose_queue_is_full_is_tried_again(tmp_path: Path) -> None:
    path = str(tmp_path / "node")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.ExitStack() as stack:
        listening.bind(path)
        listening.listen(0)
        listening.settimeout(10)
        filler = stack.enter_context(socket.socket(socket.AF_UNIX))
        filler.connect(path)
        with Running(gateway(Address.of(UnixEndpoint(path)))) as relay:
            with relay.client(b"x"):
                relay.when(lambda: relay.seeking() == 1)
                listening.accept()[0].close()
                node, _ = listening.accept()
                with node:
                    assert node.recv(1) == b"x"
                relay.until(joined=1)
                assert relay.seeking() == 0


def test_a_unix_node_whose_queue_stays_full_is_given_up(tmp_path: Path) -> None:
    path = str(tmp_path / "node")
    limits = Limits(max_connect_time=0.2)
    with socket.socket(socket.AF_UNIX) as listening, contextlib.ExitStack() as stack:
        listening.bind(path)
        listening.listen(0)
        filler = stack.enter_context(socket.socket(socket.AF_UNIX))
        filler.connect(path)
        node = Address.of(UnixEndpoint(path))
        with Running(gateway(node, limits=limits)) as relay:
            with relay.client(b"x") as client:
                assert is_closed(client)
                relay.until(connect_failed=1)


def fill(backend: Backend, stack: contextlib.ExitStack) -> set[object]:
    """Fill the queue of a listener; return the names of those who are in it."""
    backend.socket.listen(0)
    name = backend.socket.getsockname()
    names: set[object] = set()
    for _ in range(2):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(name)
        names.add(filler.getsockname())
    return names
