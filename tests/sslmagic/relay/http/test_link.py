"""Nodes in turn, kept for one client, told by a preamble where one is asked for."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from sslmagic.decoder import decode
from sslmagic.errors import EncodeError
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.http import link
from tests.sslmagic.relay.harness import (
    Backend,
    Running,
    closed_address,
    receive,
    reset,
    rest,
)
from tests.sslmagic.relay.http.talk import GET, OK, head, http, serving


def test_clients_take_turns_at_the_nodes() -> None:
    with contextlib.ExitStack() as stack:
        backends = [stack.enter_context(Backend()) for _ in range(3)]
        relay = stack.enter_context(Running(http(*(b.address for b in backends))))
        for backend in backends * 2:
            with relay.client(GET) as client, backend.accept() as node:
                head(node)
                node.sendall(OK)
                assert receive(client, len(OK)) == OK


def test_the_next_node_is_tried_when_one_refuses() -> None:
    with (
        Backend() as backend,
        Running(http(closed_address(), backend.address)) as relay,
    ):
        with relay.client(GET) as client, backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert receive(client, len(OK)) == OK
        relay.until(node_failed=1, joined=1)


def test_a_client_that_leaves_while_a_node_is_sought_ends_the_search() -> None:
    with Backend() as backend:
        # A full queue: the node is there and never takes the connection.
        backend.socket.listen(0)
        with contextlib.ExitStack() as stack:
            relay = stack.enter_context(Running(http(backend.address)))
            clients = [stack.enter_context(relay.client(GET)) for _ in range(4)]
            relay.when(lambda: len(relay.server.connector.waiting) > 0)  # type: ignore[attr-defined]
            for client in clients:
                reset(client)
            relay.until(client_reset=4)
            assert not len(relay.server.connector.waiting)  # type: ignore[attr-defined]


@pytest.mark.parametrize("format", ["magic", "proxy1", "proxy2"])
def test_every_connection_begins_with_a_preamble_of_its_own(format: str) -> None:
    with serving(enhance=format) as (relay, backend), relay.client() as client:
        for _ in range(2):
            client.sendall(GET)
            with backend.accept() as node:
                preamble, request = decode(head(node), format)
                assert preamble.source == Endpoint(*client.getsockname())
                assert preamble.destination == Endpoint(*client.getpeername())
                assert b"X-Cluster-Client-Ip: 127.0.0.1\r\n" in request
                node.sendall(OK)
                receive(client, len(OK))
                client.sendall(GET)
                assert head(node) == request
                node.sendall(OK)
                receive(client, len(OK))
            relay.when(lambda: relay.counters.total()["octets_down"] > 0)


def test_a_client_on_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    place = UnixEndpoint(str(tmp_path / "listen"))
    with Backend() as backend, Running(http(backend.address), listen=place) as relay:
        claim = b"\r\nX-Cluster-Client-Ip: 192.0.2.1\r\n\r\n"
        with relay.client(GET.replace(b"\r\n\r\n", claim)) as client:
            with backend.accept() as node:
                assert head(node) == GET
                node.sendall(OK)
                assert receive(client, len(OK)) == OK


def test_a_client_that_no_preamble_can_name_gets_no_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unable(*_: object) -> bytes:
        raise EncodeError("it cannot be said")

    monkeypatch.setattr(link, "announce", unable)
    with serving(enhance="magic") as (relay, backend), relay.client(GET) as client:
        assert rest(client).startswith(b"HTTP/1.1 502 ")
        with backend.accept() as node:
            assert rest(node) == b""
        relay.until(refused_address=1, connect_failed=1)
